"""The reconciler of one router: the work queue, the tunnels, what is observed of them."""
