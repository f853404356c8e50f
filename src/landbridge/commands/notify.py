"""What a unit's first process tells systemd (sd_notify(3))."""

from __future__ import annotations

import os
import socket


def tell_systemd(message: str) -> None:
    """Where systemd asked for it."""
    address = os.environ.get("NOTIFY_SOCKET", "")
    if not address:
        return
    if address.startswith("@"):
        address = "\0" + address[1:]
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notifier:
        notifier.sendto(message.encode(), address)
