"""Whose a process of the command line is."""

from __future__ import annotations


class OwnProcess:
    """The root context's object of the command line in a process of its own, which ends with it:
    what it gives up, it gives up for good (`landbridge.cli.privileges`)."""
