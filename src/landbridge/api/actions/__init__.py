"""Requests other than create, read, update and delete."""
