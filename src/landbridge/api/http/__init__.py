"""HTTP itself: the protocol's limits, middleware, endpoints, query strings, JSON."""
