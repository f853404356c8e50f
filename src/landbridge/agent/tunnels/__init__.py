"""What the other packages share of a tunnel: desired, observed and loaded state, names, steps.
Pure."""
