"""A lock on a file: one process at a time has it, until it ends, however it ends.

Rules this module keeps:
- The kernel holds the lock (flock), not the file's being there: what is left of a killed process
  is in nobody's way.
- Who does not get it is told who has it.
"""

from __future__ import annotations

import errno
import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from landbridge.trustedfile import open_file

POLL: Final = 0.05  # seconds
FULL: Final = frozenset({errno.ENOSPC, errno.EDQUOT})  # errnos that a full disk gives


class Held(Exception):
    """Another process has the lock. `pid`: which one, as far as is known."""

    def __init__(self, path: Path, pid: str) -> None:
        super().__init__(f"{path} is locked" + (f" by process {pid}" if pid else ""))
        self.pid = pid


@contextmanager
def held(path: Path, *, patience: float = 0.0) -> Iterator[None]:
    """Have the lock on `path`, which is made where it is missing. `patience`: seconds to wait.

    Raises: Held, OSError.
    """
    file = open_file(path, os.O_RDWR | os.O_CREAT)
    try:
        _take(file, path, patience)
        with suppress(OSError):  # the disk is full: then nobody is told who has it
            os.ftruncate(file, 0)
            os.pwrite(file, f"{os.getpid()}\n".encode(), 0)
        yield
    finally:
        os.close(file)


def _take(file: int, path: Path, patience: float) -> None:
    end = time.monotonic() + patience
    while True:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= end:
                raise Held(path, _owner(file)) from None
            time.sleep(POLL)
        else:
            return


def _owner(file: int) -> str:
    text = os.pread(file, 20, 0).decode("ascii", "replace").strip()
    return text if text.isdecimal() else ""
