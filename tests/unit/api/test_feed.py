"""The broadcast of events goes on from where it was after any failure, and says what it lost."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import Connection, delete, func, select

from landbridge.api.events import broadcast
from landbridge.api.events.broadcast import EventBroadcast, Listener
from landbridge.api.http.metrics import ApiMetrics
from landbridge.store import events
from landbridge.store.database import Database
from landbridge.store.hub import EVENTS
from landbridge.store.records import events as table
from tests.rows import SERVICE

DEADLINE = 20.0
ROW = SERVICE


@pytest.fixture
def db(database_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Database]:
    monkeypatch.setattr(broadcast, "PAUSE", 0.01)
    opened = Database.open(database_url)
    yield opened
    opened.close()


def _happen(tx: Connection, kind: str) -> None:
    events.note(tx, kind, "ikepolicy", ROW)


async def _heard(listener: Listener, last: str) -> list[str]:
    """The kinds of events, until `last`."""
    kinds: list[str] = []
    async with asyncio.timeout(DEADLINE):
        while last not in kinds:
            await listener.wait(DEADLINE)
            kinds += [told.event.kind for told in listener.take()]
    return kinds


async def _lost(listener: Listener) -> None:
    async with asyncio.timeout(DEADLINE):
        while not listener.lagging:
            await listener.wait(DEADLINE)
            listener.take()


def test_a_feed_that_starts_again_makes_old_listeners_miss_nothing(db: Database) -> None:
    async def scenario() -> None:
        broadcast = EventBroadcast(db, ApiMetrics())
        async with broadcast.listen(None) as old:
            await db.write(_happen, "first")
            assert await _heard(old, "first") == ["first"]
            assert broadcast._task is not None
            broadcast._task.cancel()
            await asyncio.wait([broadcast._task])
            await db.write(_happen, "meanwhile")
            async with broadcast.listen(None) as new:
                await db.write(_happen, "last")
                assert await _heard(old, "last") == ["meanwhile", "last"]
                assert "last" in await _heard(new, "last")

    asyncio.run(scenario())


def test_what_goes_wrong_while_it_reads_costs_no_event(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def scenario() -> None:
        broadcast, read, failures = (
            EventBroadcast(db, ApiMetrics()),
            db.read,
            [RuntimeError("x"), OSError("y")],
        )

        async def failing(*work: Any) -> Any:
            if failures:
                raise failures.pop()
            return await read(*work)

        async with broadcast.listen("p") as listener:
            await db.write(_happen, "first")
            await _heard(listener, "first")
            monkeypatch.setattr(db, "read", failing)
            await db.write(_happen, "second")
            assert await _heard(listener, "second") == ["second"]
            async with asyncio.timeout(10):  # a read that was under way may have had it
                while failures:  # noqa: ASYNC110 - a list raises no event
                    await asyncio.sleep(0.01)

    asyncio.run(scenario())


def test_events_that_are_gone_are_not_passed_over(db: Database) -> None:
    """Trimmed while nobody read, or of a history that went back."""

    async def scenario() -> None:
        broadcast = EventBroadcast(db, ApiMetrics())
        for kind in ("a", "b", "c"):
            await db.write(_happen, kind)
        async with broadcast.listen(None) as listener:
            newest = select(func.max(table.c.id) - 2).scalar_subquery()
            await db.write(lambda tx: tx.execute(delete(table).where(table.c.id > newest)))
            db.hub.announce([EVENTS])
            await _lost(listener)
        async with broadcast.listen(None) as listener:
            await db.write(_happen, "e")
            assert await _heard(listener, "e") == ["e"]

    asyncio.run(scenario())
