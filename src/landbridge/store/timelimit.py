"""How long a database may work on something: on SQLite a read, on PostgreSQL a statement.

Rules this module keeps:
- What takes longer is ended by the database itself, and the transaction undone. Whoever asked is
  told to come again: what may be asked for has a size (`landbridge.api.http.query`), so it is our
  fault that it takes so long.
- SQLite's writer has no such limit: SQLite undoes a whole group of transactions when it is
  interrupted, and what is written is found by its id.
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
    """`threads`: how much is read (PostgreSQL: done) at a time."""

    threads: int
    seconds: float


@contextmanager
def within(seconds: float, driver: sqlite3.Connection) -> Iterator[None]:
    """What is executed meanwhile on `driver` ends after so long, with SQLITE_INTERRUPT."""
    end = monotonic() + seconds
    driver.set_progress_handler(lambda: monotonic() > end, OPERATIONS)
    try:
        yield
    finally:
        driver.set_progress_handler(None, 0)


def took_too_long(error: BaseException | None) -> bool:
    """Whether it was ended for that."""
    driver = error.orig if isinstance(error, exc.DBAPIError) else error
    if isinstance(driver, sqlite3.Error):
        return getattr(driver, "sqlite_errorcode", None) == sqlite3.SQLITE_INTERRUPT
    return getattr(driver, "sqlstate", None) == _QUERY_CANCELED
