"""Revisions: which tunnels a change concerns, and their desired state."""
