"""Status of tunnels: reasons, last failures, events. Pure but for what a tunnel remembers."""
