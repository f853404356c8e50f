"""SQLite's writer: what a failed group leaves behind (nothing), and the end of the thread."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace
from sqlalchemy import Connection, insert

from landbridge import errors
from landbridge.store import events
from landbridge.store.database import Database
from landbridge.store.databasefile import WriterEnded
from landbridge.store.tables import networks
from landbridge.store.transaction import wake
from tests.environments.databases import Databases
from tests.rows import SERVICE

DEADLINE = 10.0
ROW = SERVICE
TIMES = {"created_at": "2025-01-01T00:00:00Z", "updated_at": "2025-01-01T00:00:00Z"}


@pytest.fixture
def file(databases: Databases) -> Iterator[Path]:
    with databases.fresh("sqlite") as url:
        yield Path(url.removeprefix("sqlite:///"))


@pytest.fixture
def db(file: Path) -> Iterator[Database]:
    opened = Database.open(f"sqlite:///{file}")
    yield opened
    opened.close()


def _happen(tx: Connection, kind: str) -> str:
    events.note(tx, kind, "ikepolicy", ROW)
    wake(tx, "gw")
    return kind


def _undone_by_sqlite(tx: Connection) -> None:
    """As after SQLITE_FULL or SQLITE_IOERR: the whole transaction is gone, all savepoints too."""
    _happen(tx, "undone")
    tx.exec_driver_sql("ROLLBACK")
    raise OSError("disk full")


def _unfit_note(tx: Connection) -> None:
    events.note(tx, "unfit", "network", replace(ROW, project_id=None))


def _unfit_row(tx: Connection) -> None:
    """What only the COMMIT finds."""
    tx.exec_driver_sql("PRAGMA defer_foreign_keys = ON")
    row = {"id": "s", "project_id": "p", "network_id": "none", "ip_version": 4, "cidr": "", **TIMES}
    tx.exec_driver_sql(
        "INSERT INTO subnets (id, project_id, network_id, ip_version, cidr, created_at, updated_at)"
        " VALUES (:id, :project_id, :network_id, :ip_version, :cidr, :created_at, :updated_at)",
        row,
    )


def _together(db: Database, *work: Callable[[Connection], Any]) -> list[Any]:
    """The outcomes of transactions that share a commit."""
    go_on = threading.Event()

    async def scenario() -> list[Any]:
        first = asyncio.create_task(db.write(lambda tx: go_on.wait(DEADLINE)))
        await asyncio.sleep(0)
        group = [asyncio.create_task(db.write(each)) for each in work]
        await asyncio.sleep(0)
        go_on.set()
        await first
        return await asyncio.gather(*group, return_exceptions=True)

    return asyncio.run(scenario())


def _kinds(db: Database) -> list[str]:
    return [event.kind for event in db.read_sync(events.since, 0, None)]


@pytest.mark.parametrize("unfit", [_undone_by_sqlite, _unfit_note, _unfit_row])
def test_a_group_that_fails_tells_nothing_and_harms_nobody_else(
    db: Database, unfit: Callable[[Connection], None]
) -> None:
    first, failed, last = _together(
        db, lambda tx: _happen(tx, "first"), unfit, lambda tx: _happen(tx, "last")
    )
    assert (first, last) == ("first", "last")
    assert isinstance(failed, Exception)
    db.write_sync(_happen, "next")
    assert _kinds(db) == ["first", "last", "next"]


def test_a_single_one_that_fails_leaves_nothing_for_the_next(db: Database) -> None:
    with pytest.raises(OSError, match="disk full"):
        db.write_sync(_undone_by_sqlite)
    db.write_sync(_happen, "next")
    assert _kinds(db) == ["next"]


def test_a_writer_waits_for_a_lock_that_passes(db: Database, file: Path) -> None:
    stranger = sqlite3.connect(file, check_same_thread=False)
    stranger.execute("BEGIN IMMEDIATE")
    waiting: list[str] = []
    thread = threading.Thread(target=lambda: waiting.append(db.write_sync(_happen, "late")))
    thread.start()
    stranger.execute("COMMIT")
    thread.join(DEADLINE)
    stranger.close()
    assert waiting == ["late"]


def test_a_writer_that_cannot_go_on_says_so_to_everybody(tmp_path: Path) -> None:
    """Here it cannot even begin."""
    db = Database.open(f"sqlite:///{tmp_path}/missing/landbridge.db")
    with pytest.raises(WriterEnded, match="unable to open"):
        asyncio.run(_within(db.until_broken()))
    for _ in range(2):
        with pytest.raises(errors.ServiceUnavailable, match="has ended"):
            db.write_sync(_happen, "never")
    db.close()


async def _within(what: Any) -> None:
    async with asyncio.timeout(DEADLINE):
        await what


@pytest.mark.parametrize("replaced", [False, True])
def test_nothing_is_written_to_a_file_that_is_no_longer_there(
    db: Database, file: Path, replaced: bool
) -> None:
    db.write_sync(_happen, "kept")
    assert _kinds(db) == ["kept"]
    away = file.with_suffix(".away")
    file.rename(away)
    if replaced:
        file.write_bytes(away.read_bytes())
    with pytest.raises(errors.ServiceUnavailable, match=r"removed|replaced"):
        db.write_sync(_happen, "lost")
    assert _kinds(db) == ["kept"]  # who reads, reads on
    away.replace(file)
    db.write_sync(_happen, "again")
    assert _kinds(db) == ["kept", "again"]


def test_a_damaged_file_is_named(tmp_path: Path, databases: Databases) -> None:
    with databases.fresh("sqlite") as url:
        whole = Path(url.removeprefix("sqlite:///")).read_bytes()
    file = tmp_path / "damaged.db"
    file.write_bytes(whole[:100] + b"\xff" * (len(whole) - 100))
    db = Database.open(f"sqlite:///{file}")
    with pytest.raises(errors.ServiceUnavailable, match=r"damaged|malformed"):
        db.read_sync(lambda tx: tx.execute(insert(networks)))
    db.close()
