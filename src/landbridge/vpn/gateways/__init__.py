"""Gateways: leases, placement of routers, liveness."""
