"""The file of an SQLite database while it is open.

Rules this module keeps:
- A file that was removed or replaced while it is open still exists for the process that has it
  open, but what is written to it is lost when the process ends. So nothing is written to it.
- SQLite's errors about a damaged file are reported in one sentence, whatever was being done.
"""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path
from typing import Final

import structlog
from sqlalchemy import exc

_PRIMARY_CODE: Final = 0xFF  # of SQLite's extended result codes
_DAMAGED: Final = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_IOERR})

log = structlog.get_logger("landbridge.store")


class DatabaseMoved(Exception):
    """The opened file was removed or replaced."""


class WriterEnded(Exception):
    """The writer thread has ended: this process cannot write any more."""


def damage(error: BaseException) -> str | None:
    """The fault of the file or its disk, in words; None: there is none."""
    driver = error.orig if isinstance(error, exc.DBAPIError) else error
    code = getattr(driver, "sqlite_errorcode", None)
    return str(driver) if code is not None and code & _PRIMARY_CODE in _DAMAGED else None


class DatabaseFile:
    """The file at a path, checked at each `check` against the one that was opened."""

    def __init__(self, path: str) -> None:
        self._path = Path(path)
        self._opened: tuple[int, int] | None = None
        self._said = False

    def check(self) -> None:
        """The first call, made when the database has been opened, says which file it is.

        Raises: DatabaseMoved.
        """
        there = self._there()
        if self._opened is None:
            self._opened = there
        if there is not None and there == self._opened:
            self._said = False
            return
        how = "was removed" if there is None else "was replaced by another one"
        words = (
            f"The database file {self._path} {how} while it was in use: nothing is written until "
            "it is back, or landbridge is started again."
        )
        if not self._said:
            self._said = True
            log.error(
                "database moved",
                reason=words,
                advice="what was written last is in the file that is still open: copy it from "
                f"/proc/{os.getpid()}/fd before you end this process",
            )
        raise DatabaseMoved(words)

    def _there(self) -> tuple[int, int] | None:
        try:
            found = self._path.stat()
        except OSError:
            return None
        return found.st_dev, found.st_ino
