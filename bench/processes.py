"""What `/proc` tells of a process: memory, processor time, children."""

from __future__ import annotations

import os
import socket
import struct
from pathlib import Path

_TICK = os.sysconf("SC_CLK_TCK")


def resident(pid: int) -> int:
    """Bytes now."""
    return _status(pid, "VmRSS")


def resident_peak(pid: int) -> int:
    """Bytes at most so far."""
    return _status(pid, "VmHWM")


def busy(pid: int) -> float:
    """Seconds of processor time so far, of all threads."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICK


def commands(pid: int) -> dict[str, int]:
    """The ``landbridge COMMAND`` processes that `pid` has started, by command."""
    found = {}
    for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
        arguments = Path(f"/proc/{child}/cmdline").read_text().split("\0")
        found[arguments[arguments.index("landbridge") + 1]] = int(child)
    return found


def listener(path: Path) -> int:
    """The process that listens on a Unix socket."""
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(str(path))
        credentials = client.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12)
    pid: int = struct.unpack("3i", credentials)[0]
    return pid


def _status(pid: int, key: str) -> int:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        name, _, value = line.partition(":")
        if name == key:
            return int(value.split()[0]) * 1024
    raise LookupError(key)
