"""charon as the agent meets it: what it is asked (VICI), what it lists and says."""
