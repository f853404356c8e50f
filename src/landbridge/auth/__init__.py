"""Authentication and authorization: tokens, Keystone, policy."""
