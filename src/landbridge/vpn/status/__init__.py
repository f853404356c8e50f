"""Status: what agents report, applied to connections and services."""
