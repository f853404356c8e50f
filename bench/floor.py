"""The floor: the same row's update, committed through sqlite3 alone.

Rules this module keeps:
- A copy of the service's own database on the same file system, with the same pragmas, one
  thread, one transaction for each update: what no server in front of it can beat without
  committing several updates at once.
- A disk's speed changes from second to second: the floor is measured beside every figure that
  is told as a part of it.
"""

from __future__ import annotations

import itertools
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from time import perf_counter

PRAGMAS = ("journal_mode = WAL", "synchronous = FULL", "foreign_keys = ON")
UPDATE = (
    "UPDATE ipsec_site_connections SET name = ?, revision_number = revision_number + 1,"
    " updated_at = ? WHERE id = ?"
)


class Floor:
    """Made by `beside`."""

    def __init__(self, connection: sqlite3.Connection, ids: list[str]) -> None:
        self._connection = connection
        self._rows = itertools.cycle(ids)
        self._names = itertools.count()

    def rate(self, seconds: float) -> float:
        """Updates a second."""
        began = perf_counter()
        for done in itertools.count():
            passed = perf_counter() - began
            if passed > seconds:
                return done / passed
            self._update()
        raise AssertionError("unreachable")

    def _update(self) -> None:
        values = (f"name-{next(self._names)}", "2026-01-01T00:00:00Z", next(self._rows))
        self._connection.execute("BEGIN IMMEDIATE")
        assert self._connection.execute(UPDATE, values).rowcount == 1
        self._connection.execute("COMMIT")


@contextmanager
def beside(database: Path, ids: list[str]) -> Iterator[Floor]:
    """On a copy that lies beside `database` until the end of the block."""
    copy = database.with_name("floor.db")
    with closing(sqlite3.connect(database)) as source, closing(sqlite3.connect(copy)) as target:
        source.backup(target)
    try:
        with closing(sqlite3.connect(copy, isolation_level=None)) as connection:
            for pragma in PRAGMAS:
                connection.execute(f"PRAGMA {pragma}")
            yield Floor(connection, ids)
    finally:
        for path in database.parent.glob("floor.db*"):
            path.unlink()
