"""Limits the time of a read on SQLite, and of a statement on PostgreSQL.

Rules this module keeps:
- The database itself ends what takes longer, and the transaction is rolled back. The client is told
  to retry: requests have bounded sizes (`landbridge.api.http.query`), so the server is too slow.
- SQLite's writer has no such limit: an interruption rolls back a whole group of transactions, and
  writes find their rows by id.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from time import monotonic
from typing import Final, NamedTuple

from sqlalchemy import exc

STATEMENT_SECONDS: Final = 10.0
OPERATIONS: Final = (
    50_000  # of SQLite's machine between two looks at the clock: a millisecond or so
)
_QUERY_CANCELED: Final = "57014"


class Limits(NamedTuple):
    """`threads`: concurrent reads (PostgreSQL: transactions). `seconds`: of a statement."""

    threads: int
    seconds: float


@contextmanager
def within(seconds: float, driver: sqlite3.Connection) -> Iterator[None]:
    """Statements on `driver` in this context end after `seconds`, with SQLITE_INTERRUPT."""
    end = monotonic() + seconds
    driver.set_progress_handler(lambda: monotonic() > end, OPERATIONS)
    try:
        yield
    finally:
        driver.set_progress_handler(None, 0)


def took_too_long(error: BaseException | None) -> bool:
    """Whether the error is such an end."""
    driver = error.orig if isinstance(error, exc.DBAPIError) else error
    if isinstance(driver, sqlite3.Error):
        return getattr(driver, "sqlite_errorcode", None) == sqlite3.SQLITE_INTERRUPT
    return getattr(driver, "sqlstate", None) == _QUERY_CANCELED
