"""The floor: the same row's update, committed through sqlite3 alone.

Rules this module keeps:
- A copy of the service's own database on the same file system, with the same pragmas, one
  thread, one transaction for each update: what no server in front of it can beat without
  committing several updates at once.
"""

from __future__ import annotations

import itertools
import sqlite3
from contextlib import closing
from pathlib import Path
from time import perf_counter, process_time

from bench.load import Result

PRAGMAS = ("journal_mode = WAL", "synchronous = FULL", "foreign_keys = ON")
UPDATE = (
    "UPDATE ipsec_site_connections SET name = ?, revision_number = revision_number + 1,"
    " updated_at = ? WHERE id = ?"
)


def measure(database: Path, ids: list[str], seconds: float) -> Result:
    copy = database.with_name("floor.db")
    with closing(sqlite3.connect(database)) as source, closing(sqlite3.connect(copy)) as target:
        source.backup(target)
    try:
        with closing(sqlite3.connect(copy, isolation_level=None)) as connection:
            for pragma in PRAGMAS:
                connection.execute(f"PRAGMA {pragma}")
            return _commit(connection, ids, seconds)
    finally:
        for path in database.parent.glob("floor.db*"):
            path.unlink()


def _commit(connection: sqlite3.Connection, ids: list[str], seconds: float) -> Result:
    latencies = []
    began, cost = perf_counter(), process_time()
    for number, row in enumerate(itertools.cycle(ids)):
        start = perf_counter()
        if start - began > seconds:
            break
        connection.execute("BEGIN IMMEDIATE")
        changed = connection.execute(UPDATE, (f"name-{number}", "2026-01-01T00:00:00Z", row))
        assert changed.rowcount == 1
        connection.execute("COMMIT")
        latencies.append(perf_counter() - start)
    return Result(
        answers=len(latencies),
        statuses={},
        elapsed=perf_counter() - began,
        latencies=sorted(latencies),
        cost=process_time() - cost,
    )
