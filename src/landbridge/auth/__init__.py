"""Who calls, and what they may: tokens, Keystone, policy."""
