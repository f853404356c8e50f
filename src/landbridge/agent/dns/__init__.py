"""Names of peers, resolved and followed."""
