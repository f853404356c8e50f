"""What an update costs a tunnel, and what it would conflict with. Pure."""
