"""Create, read, update and delete of resources, from request to answer."""
