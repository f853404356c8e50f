"""Checks the files of an SQLite database before it is opened for use.

Rules this module keeps:
- Nothing is changed: a refused database stays as it was, with its log (``-wal``). SQLite would
  write the log into the file when it closes, whatever file that is by then.
- A log belongs to one file, but SQLite accepts any valid log. So the identity is read with the log
  and without; each start of an API process writes it into the log.
- Each objection is one sentence that names the file and says what to do.
"""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Final
from urllib.parse import quote

import msgspec

WAL: Final = "-wal"  # the newest changes, until they are carried over into the file
SHM: Final = "-shm"  # an index of these, made when the file is opened
_HEADER: Final = 32  # bytes of a log in which there is no change
_MAGIC: Final = (b"\x37\x7f\x06\x82", b"\x37\x7f\x06\x83")  # with which a log begins
_IDENTITY: Final = "SELECT id, replaces FROM installation"


def beside(file: Path, end: str) -> Path:
    return file.with_name(f"{file.name}{end}")


def connect(file: Path, how: str = "mode=ro") -> sqlite3.Connection:
    """To look only; ``immutable=1``: without the log."""
    return sqlite3.connect(f"file:{quote(str(file))}?{how}", uri=True)


def connect_without_trace(file: Path) -> sqlite3.Connection:
    """To look only, and make no file beside it: what nobody has open is read as it stands."""
    if beside(file, WAL).exists() or beside(file, SHM).exists():
        return connect(file)
    return connect(file, "immutable=1")


def has_log(file: Path) -> bool:
    """Whether there are changes that are not in the file itself."""
    log = beside(file, WAL)
    return log.is_file() and log.stat().st_size > _HEADER


def objection(file: Path) -> str:
    """Why `file` is not to be opened; empty: it may be, as far as is seen from without."""
    for path in (file, beside(file, WAL), beside(file, SHM)):
        if said := _unfit(path, may_link=path == file):
            return said
    return _left_behind(file) or _log_lost(file) or _no_log(beside(file.resolve(), WAL))


def foreign_log(file: Path) -> str:
    """What to say of a log that is another database's; empty: it is not, or that is not known."""
    if not has_log(file):
        return ""
    alone, together = _identity(file, "immutable=1"), _identity(file, "mode=ro")
    if alone is None or together is None or alone[0] in (together[0], *together[1]):
        return ""
    return (
        f"{beside(file, WAL)} belongs to another database than {file}: put its own there, or "
        "remove it with the -shm and go on without the newest changes (`landbridge db restored`)"
    )


def _unfit(path: Path, *, may_link: bool) -> str:
    if path.is_symlink() and not may_link:
        return (
            f"{path} is a symbolic link, and SQLite follows none there: put the file itself there"
        )
    if path.is_symlink() and not path.resolve().parent.is_dir():
        return (
            f"{path} is a link to {path.resolve()}, and there is no such directory: mount its disk"
        )
    if not path.exists():
        return ""
    if not path.is_file():
        return f"{path} is no file: move it away, and put the database's own there"
    if not os.access(path, os.R_OK | os.W_OK):
        return f"{path} cannot be read and written by this user: correct its owner and mode"
    return ""


def _left_behind(file: Path) -> str:
    """SQLite looks for the log beside the file that a link leads to."""
    log = beside(file, WAL)
    if not (file.is_symlink() and file.exists() and log.exists()):
        return ""
    there = file.resolve()
    return (
        f"{file} is a link to {there}, and {log} was left behind, with the newest changes: move it "
        f"to {beside(there, WAL)}"
    )


def _log_lost(file: Path) -> str:
    """SQLite makes the log before its index, and removes it after."""
    file = file.resolve()
    log, index = beside(file, WAL), beside(file, SHM)
    if not (index.exists() and not log.exists() and file.is_file() and file.stat().st_size):
        return ""
    return (
        f"{log} is missing, and with it the newest changes, while {index} is there: put it back; "
        "if a backup was put back, remove the -shm too and run `landbridge db restored`"
    )


def _no_log(log: Path) -> str:
    """SQLite takes what is no log for an empty one, and writes over it."""
    if not log.exists() or not log.stat().st_size:
        return ""
    with log.open("rb") as opened:
        if opened.read(len(_MAGIC[0])) in _MAGIC:
            return ""
    return (
        f"{log} is damaged, and with it the newest changes: put it back, or remove it with the "
        "-shm and go on without them (`landbridge db restored`)"
    )


def _identity(file: Path, how: str) -> tuple[str, tuple[str, ...]] | None:
    """The id, and those that it stands for. None: it cannot be read."""
    try:
        with closing(connect(file, how)) as opened:
            found = opened.execute(_IDENTITY).fetchone()
            if found is None:
                return None
            return str(found[0]), msgspec.json.decode(found[1], type=tuple[str, ...])
    except (sqlite3.DatabaseError, msgspec.DecodeError):
        return None
