"""The agent's side of ``/agent/v1``: client, lease, reporter, and what is remembered of the
server."""
