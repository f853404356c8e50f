"""Events: numbered in the order of commits, bounded, and never of what did not happen."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator

import pytest
from msgspec.structs import replace
from sqlalchemy import Connection, insert

from landbridge.store import events
from landbridge.store.database import Database
from landbridge.store.records import events as table
from tests.rows import SERVICE

ROW = SERVICE


@pytest.fixture
def db(database_url: str) -> Iterator[Database]:
    opened = Database.open(database_url, threads=8)
    yield opened
    opened.close()


def _note(tx: Connection, kind: str, project: str = "p", hold: float = 0.0) -> None:
    events.note(tx, kind, "ikepolicy", replace(ROW, project_id=project))
    time.sleep(hold)  # other transactions begin and end meanwhile


def _add(tx: Connection, rows: list[dict[str, str]]) -> None:
    tx.execute(insert(table), rows)


def test_what_was_rolled_back_has_not_happened(db: Database) -> None:
    def fail(tx: Connection) -> None:
        _note(tx, "lost")
        raise ValueError

    with pytest.raises(ValueError):  # noqa: PT011 - ours
        db.write_sync(fail)
    db.write_sync(_note, "kept")
    assert [e.kind for e in db.read_sync(events.since, 0, None)] == ["kept"]


def test_who_has_seen_a_number_has_missed_nothing(db: Database) -> None:
    """Many writers at once; a reader that goes on from what it saw sees each event once."""

    async def write_and_read() -> list[int]:
        seen: list[int] = []
        kinds = [f"k{n}" for n in range(60)]
        writers = [
            asyncio.create_task(db.write(_note, kind, "p", 0.005 * (n % 4)))
            for n, kind in enumerate(kinds)
        ]
        while True:
            ended = all(writer.done() for writer in writers)
            last = seen[-1] if seen else 0
            seen += [event.number for event in await db.read(events.since, last, None)]
            if ended:
                return seen

    seen = asyncio.run(write_and_read())
    assert len(seen) == 60
    assert seen == sorted(set(seen))


def test_a_project_hears_of_its_own(db: Database) -> None:
    for project in ("p", "q", "p"):
        db.write_sync(_note, "x", project)
    assert len(db.read_sync(events.since, 0, "p")) == 2
    assert len(db.read_sync(events.since, 0, None)) == 3
    assert len(db.read_sync(events.since, 0, None, 1)) == 1


def test_a_list_of_the_newest_has_the_numbers_of_the_stream(db: Database) -> None:
    for kind in ("a", "b", "c"):
        db.write_sync(_note, kind)
    told = db.read_sync(events.since, 0, None)
    assert db.read_sync(events.newest, "", None, 2) == [told[2], told[1]]
    older = db.read_sync(events.older, told[2].number, None, events.Wanted(), 5)
    assert older == [told[1], told[0]]


def test_the_oldest_are_forgotten_and_the_window_says_so(db: Database) -> None:
    one = {"at": "t", "kind": "k", "resource": "r", "resource_id": "i", "project_id": "p"}
    for many in (7, events.KEPT):
        db.write_sync(_add, [one] * many)
    first, *others = db.read_sync(events.since, 0, None, 8)
    whole = db.read_sync(events.window)
    assert whole.oldest == 0
    assert whole.has(first.number)
    db.write_sync(events.trim)
    trimmed = db.read_sync(events.window)
    assert trimmed == whole._replace(oldest=trimmed.oldest)
    assert not trimmed.has(others[-3].number)
    assert trimmed.has(others[-1].number)
    assert db.read_sync(events.since, trimmed.oldest, None, 1) == [others[-1]]
    db.write_sync(events.trim)
    assert db.read_sync(events.window) == trimmed


def test_of_transactions_that_share_a_commit_only_those_that_hold_have_noted(
    db: Database,
) -> None:
    def fail(tx: Connection, number: int) -> None:
        _note(tx, f"lost{number}")
        raise ValueError(number)

    async def crowd() -> None:
        work = [db.write(fail, n) if n % 3 else db.write(_note, f"k{n}") for n in range(30)]
        await asyncio.gather(*work, return_exceptions=True)

    asyncio.run(crowd())
    kinds = {event.kind for event in db.read_sync(events.since, 0, None)}
    assert kinds == {f"k{n}" for n in range(0, 30, 3)}
