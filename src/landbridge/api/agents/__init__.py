"""What gateways' agents call: ``/agent/v1``."""
