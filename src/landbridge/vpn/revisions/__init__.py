"""Revisions: which tunnels a change concerns, and what is desired of them."""
