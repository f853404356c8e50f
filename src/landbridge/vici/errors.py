"""What can go wrong on a VICI connection.

Rules this module keeps:
- Everything that `landbridge.vici` raises on purpose is a `ViciError`; an `OSError` of the
  socket never reaches a caller.
- A failed command leaves its connection usable; every other error ends it.
"""

from __future__ import annotations


class ViciError(Exception):
    """Base of all."""


class CommandFailed(ViciError):
    """The daemon understood the command and refused it (``success = no``), or knows no such
    command or event. `reason` is the daemon's own sentence."""

    def __init__(self, command: str, reason: str) -> None:
        super().__init__(f"{command}: {reason}")
        self.command = command
        self.reason = reason


class Disconnected(ViciError):
    """There is no connection (any more): daemon gone, socket closed, or never reachable."""


class ProtocolError(ViciError):
    """Bytes that are no VICI, or a message that VICI cannot carry."""
