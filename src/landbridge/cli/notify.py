"""Notifies systemd: sd_notify(3), sd_watchdog_enabled(3).

Rules this module keeps:
- Without a request by systemd nothing is sent.
- A heartbeat that does not fit into the socket's queue is dropped; the next one follows.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Mapping
from contextlib import suppress


def tell_systemd(message: str, *, wait: bool = True) -> None:
    """Where systemd asked for it. Raises: OSError."""
    address = os.environ.get("NOTIFY_SOCKET", "")
    if not address:
        return
    if address.startswith("@"):
        address = "\0" + address[1:]
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notifier:
        notifier.setblocking(wait)
        notifier.sendto(message.encode(), address)


def watchdog(environment: Mapping[str, str] = os.environ) -> Callable[[], None] | None:
    """Says that this process lives. None: systemd does not want to know."""
    process = environment.get("WATCHDOG_PID", "") or str(os.getpid())
    if not environment.get("WATCHDOG_USEC", "") or process != str(os.getpid()):
        return None
    return _say_alive


def _say_alive() -> None:
    with suppress(OSError):
        tell_systemd("WATCHDOG=1", wait=False)
