"""The VPN resources: connections, services, policies, endpoint groups."""
