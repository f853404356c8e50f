"""Retries of database errors that pass by themselves, and their limits.

Rules this module keeps:
- An attempt that is retried had no effect: it was rolled back as a whole. If that is unknown (the
  connection was lost during a commit), nothing is retried and the caller is told (`InDoubt`).
- Every wait is bounded. While a database is away the first caller waits; all others fail at once,
  so that no queue grows.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable
from typing import Final, NamedTuple, TypeVar

from sqlalchemy import exc

from landbridge.backoff import delay, shaken

T = TypeVar("T")


class RetryLimits(NamedTuple):
    """Seconds: the first pause, the longest, and all of them together."""

    first: float
    longest: float
    limit: float


#: Lost to a concurrent transaction.
RACE: Final = RetryLimits(0.002, 0.1, 10.0)
#: A lock on the whole file: a migration, a backup, an SQL shell.
BUSY: Final = RetryLimits(0.02, 0.25, 10.0)
#: The server restarts, or cannot be reached.
AWAY: Final = RetryLimits(0.05, 0.5, 2.0)

_SQLITE_BUSY: Final = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED})
_PRIMARY_CODE: Final = 0xFF  # of SQLite's extended result codes
#: serialization_failure, deadlock_detected; and what was prepared is gone (DEALLOCATE ALL)
_RACES_LOST: Final = frozenset({"40001", "40P01", "26000"})
_GOING_OR_COMING: Final = frozenset(
    {
        "57P01",  # admin_shutdown
        "57P02",  # crash_shutdown
        "57P03",  # cannot_connect_now
        "53300",  # too_many_connections
        "25P03",  # idle_in_transaction_session_timeout
    }
)
_CONNECTION_CLASS: Final = "08"


class InDoubt(Exception):
    """The connection was lost during a commit, which may have succeeded."""


def passing(error: BaseException) -> RetryLimits | None:
    """How long to retry; None: a retry would fail as well."""
    driver = error.orig if isinstance(error, exc.DBAPIError) else error
    if isinstance(driver, sqlite3.Error):
        code = getattr(driver, "sqlite_errorcode", None)
        busy = code is not None and code & _PRIMARY_CODE in _SQLITE_BUSY
        return BUSY if busy else None
    if not isinstance(error, exc.DBAPIError):
        return None
    state = getattr(driver, "sqlstate", None)
    if state in _RACES_LOST:
        return RACE
    return AWAY if is_lost(error) else None


def is_lost(error: exc.DBAPIError) -> bool:
    """Whether a server's connection is gone, or was refused."""
    state = getattr(error.orig, "sqlstate", None)
    if state is None:
        return error.connection_invalidated or isinstance(error, exc.OperationalError)
    return state in _GOING_OR_COMING or state.startswith(_CONNECTION_CLASS)


class Retries:
    """The retries of one database; used by all its threads."""

    def __init__(
        self,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._clock = clock
        self._sleep = sleep
        self._away = False

    def run(self, attempt: Callable[[], T]) -> T:
        """What `attempt` returns, or raises after the limit."""
        began, failures = self._clock(), 0
        while True:
            try:
                outcome = attempt()
            except Exception as error:
                limits = passing(error)
                if limits is None:
                    raise
                failures += 1
                pause = delay(failures, first=limits.first, limit=limits.longest)
                over = self._clock() + pause > began + limits.limit
                if over or (limits is AWAY and self._away):
                    self._away = limits is AWAY
                    raise
                self._sleep(shaken(pause))
            else:
                self._away = False
                return outcome
