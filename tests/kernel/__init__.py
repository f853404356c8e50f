"""A guest whose kernel has ESP and whose first process is systemd, and what is run in it.

`make test-kernel` builds it (once), boots it and runs `tests.kernel.steps` in it, from a fresh
clone: for machines whose own kernel has no ESP or whose services must not be touched.
"""
