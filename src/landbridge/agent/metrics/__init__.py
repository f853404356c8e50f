"""Counters of the agent and the server that Prometheus reads."""
