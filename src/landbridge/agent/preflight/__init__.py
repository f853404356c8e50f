"""What a gateway's kernel must have, and how that is tried."""
