"""The outbox: newest per object, in the order of commits, told when it is too late."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest
from sqlalchemy import Connection, insert

from landbridge.store import changes, events
from landbridge.store.changes import Item
from landbridge.store.database import Database
from landbridge.store.tables import gateways


@pytest.fixture
def db(database_url: str) -> Iterator[Database]:
    database = Database.open(database_url)
    database.write_sync(lambda tx: tx.execute(insert(gateways), {"id": "gw"}) and None)
    yield database
    database.close()


def _seen(db: Database, cursor: int) -> list[tuple[str, int, bool]]:
    found = db.read_sync(changes.since, "gw", cursor)
    return [(change.id, change.revision, change.deleted) for change in found]


def _record(tx: Connection, *items: Item) -> None:
    changes.record(tx, "gw", "tunnel", items)


def _position(db: Database) -> int:
    return db.read_sync(changes.position, "gw")


def test_shows_the_newest_of_each_object_in_order(db: Database) -> None:
    db.write_sync(_record, Item("a", "r", 1))
    db.write_sync(_record, Item("b", "r", 1), Item("c", "r", 1))
    between = _position(db)
    db.write_sync(_record, Item("a", "r", 2))
    assert _seen(db, 0) == [("b", 1, False), ("c", 1, False), ("a", 2, False)]
    assert _seen(db, between) == [("a", 2, False)]
    newest = db.read_sync(changes.since, "gw", 0)[-1].cursor
    assert _seen(db, newest) == []
    assert _position(db) == newest > between


def test_a_batch_replaces_what_was_there(db: Database) -> None:
    db.write_sync(_record, Item("a", "r", 1), Item("b", "r", 1))
    db.write_sync(_record, Item("a", "r", 2), Item("b", "r", 2, deleted=True))
    assert _seen(db, 0) == [("a", 2, False), ("b", 2, True)]


def test_no_gateway_no_change(db: Database) -> None:
    db.write_sync(lambda tx: changes.record(tx, None, "router", [Item("r", "r", 1)]))
    assert db.read_sync(changes.position, "gw") == 0


def test_who_stops_at_a_limit_goes_on_without_a_gap(db: Database) -> None:
    """Also in the middle of what one transaction has changed."""
    db.write_sync(_record, Item("t0", "r", 1))
    db.write_sync(_record, *(Item(f"t{n}", "r", 1) for n in range(1, 5)))
    db.write_sync(_record, Item("t5", "r", 1))
    for limit in range(1, 7):
        seen, cursor = [], 0
        while batch := db.read_sync(changes.since, "gw", cursor, limit):
            seen += [change.id for change in batch]
            cursor = batch[-1].cursor
        assert seen == [f"t{n}" for n in range(6)]


def test_who_has_one_line_of_a_transaction_gets_the_others(db: Database) -> None:
    db.write_sync(_record, Item("a", "r", 1), Item("b", "r", 1), Item("c", "r", 1))
    found = db.read_sync(changes.since, "gw", 0)
    for number, change in enumerate(found, 1):
        assert {name for name, _, _ in _seen(db, change.cursor)} >= set("abc"[number:])


def test_a_cursor_from_elsewhere_is_too_old(db: Database) -> None:
    with pytest.raises(changes.TooOld):
        db.read_sync(changes.since, "gw", 1)
    with pytest.raises(changes.TooOld):
        db.read_sync(changes.since, "unknown", 0)


def test_forgotten_deletions_make_old_cursors_too_old(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(changes, "KEPT", 2)
    db.write_sync(_record, Item("a", "r", 2, deleted=True))
    after_a = _position(db)
    db.write_sync(_record, Item("b", "r", 1))
    db.write_sync(_record, Item("c", "r", 2, deleted=True))
    db.write_sync(_record, Item("d", "r", 2, deleted=True))
    db.write_sync(events.trim)
    assert {name for name, _, _ in _seen(db, after_a)} >= {"b", "d"}
    with pytest.raises(changes.TooOld):
        db.read_sync(changes.since, "gw", 0)


def test_a_reader_never_misses_what_is_written_meanwhile(db: Database) -> None:
    """Whatever cursor a reader has seen, nothing older appears afterwards."""

    async def scenario() -> list[str]:
        done = asyncio.Event()
        seen: dict[str, int] = {}
        cursor = 0

        async def read() -> None:
            nonlocal cursor
            last = False
            while not last:
                last = done.is_set()
                for change in await db.read(changes.since, "gw", cursor):
                    cursor = change.cursor
                    seen[change.id] = change.revision

        reader = asyncio.create_task(read())
        await asyncio.gather(*(db.write(_record, Item(f"t{n}", "r", 1)) for n in range(60)))
        done.set()
        await reader
        return sorted(seen)

    assert asyncio.run(scenario()) == sorted(f"t{n}" for n in range(60))
