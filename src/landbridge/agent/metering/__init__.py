"""What the agent counts and measures, and how Prometheus reads it."""
