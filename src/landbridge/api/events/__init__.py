"""The event stream of tunnels, and its broadcast to listeners."""
