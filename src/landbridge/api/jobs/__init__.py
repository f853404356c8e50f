"""What runs beside requests: housekeeping and readiness."""
