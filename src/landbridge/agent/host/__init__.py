"""The machine: namespaces' links, routes, filters, and the programs that set them."""
