"""Plans: from what is desired and what is observed to steps. Pure."""
