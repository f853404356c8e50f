"""Requests that are no plain create, read, update or delete."""
