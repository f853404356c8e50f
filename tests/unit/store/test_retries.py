"""What is tried again, for how long, and what is not."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest
from psycopg import errors as pg
from sqlalchemy import exc

from landbridge.store.retries import AWAY, BUSY, RACE, InDoubt, Retries, RetryLimits, passing


def _of_driver(error: Exception, *, invalidated: bool = False) -> exc.DBAPIError:
    kind = exc.OperationalError if isinstance(error, psycopg.OperationalError) else exc.DBAPIError
    return kind("", None, error, connection_invalidated=invalidated)


def _locked(tmp_path: Path) -> sqlite3.Error:
    """As SQLite itself says it."""
    path = tmp_path / "locked.db"
    with sqlite3.connect(path) as holder, sqlite3.connect(path, timeout=0) as other:
        holder.execute("BEGIN EXCLUSIVE")
        with pytest.raises(sqlite3.OperationalError) as found:
            other.execute("BEGIN IMMEDIATE")
        holder.execute("ROLLBACK")
    holder.close()
    other.close()
    return found.value


def test_a_locked_file_passes_and_a_full_one_does_not(tmp_path: Path) -> None:
    locked = _locked(tmp_path)
    assert passing(locked) is BUSY
    assert passing(exc.OperationalError("", None, locked)) is BUSY
    assert passing(sqlite3.OperationalError("database or disk is full")) is None


@pytest.mark.parametrize(
    ("error", "limits"),
    [
        (pg.SerializationFailure(), RACE),
        (pg.DeadlockDetected(), RACE),
        (pg.AdminShutdown(), AWAY),
        (pg.CannotConnectNow(), AWAY),
        (psycopg.OperationalError("connection refused"), AWAY),
        (pg.UniqueViolation(), None),
        (pg.UndefinedTable(), None),
        (pg.InvalidPassword(), None),
    ],
)
def test_what_a_server_says(error: Exception, limits: RetryLimits | None) -> None:
    assert passing(_of_driver(error)) is limits


def test_a_commit_in_doubt_is_not_tried_again() -> None:
    assert passing(InDoubt()) is None
    assert passing(ValueError()) is None


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


def _failing(error: Exception, times: int) -> Callable[[], int]:
    tried = [0]

    def attempt() -> int:
        tried[0] += 1
        if tried[0] <= times:
            raise error
        return tried[0]

    return attempt


def test_it_is_tried_again_until_it_passes_within_a_bound() -> None:
    clock = Clock()
    retries = Retries(clock, clock.sleep)
    assert retries.run(_failing(_of_driver(pg.SerializationFailure()), 5)) == 6
    with pytest.raises(exc.DBAPIError):
        retries.run(_failing(_of_driver(pg.SerializationFailure()), 10**6))
    assert clock.now <= 2 * RACE.limit


def test_while_the_database_is_away_only_the_first_waits() -> None:
    clock = Clock()
    retries, away = Retries(clock, clock.sleep), _of_driver(pg.AdminShutdown())
    with pytest.raises(exc.DBAPIError):
        retries.run(_failing(away, 10**6))
    waited = clock.now
    assert 0 < waited <= AWAY.limit
    with pytest.raises(exc.DBAPIError):
        retries.run(_failing(away, 1))
    assert clock.now == waited
    assert retries.run(_failing(away, 0)) == 1  # it is back
    assert retries.run(_failing(away, 1)) == 2
