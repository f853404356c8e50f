"""Network namespaces, links, bridges, routes and packet filters of routers."""
