"""NOTIFY follows the commit, one for many; what is lost between the two is found all the same."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from contextlib import closing
from typing import Final

import psycopg
import pytest
from sqlalchemy import Connection, text

from landbridge.api.events import broadcast
from landbridge.api.http.metrics import ApiMetrics
from landbridge.store import events
from landbridge.store.database import Database
from landbridge.store.listener import CHANNEL
from landbridge.store.transaction import wake
from tests.environments.databases import Databases
from tests.rows import SERVICE

DEADLINE: Final = 30.0
#: Commits an event, and is killed before anybody is told.
KILLED: Final = """
import os, signal, sys
from landbridge.store import events
from landbridge.store.database import Database
from landbridge.store.notifier import Notifier
from tests.rows import SERVICE
Notifier.announce = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
Database.open(sys.argv[1]).write_sync(events.note, "swallowed", "ikepolicy", SERVICE)
"""


def _wake(tx: Connection, topic: str) -> None:
    tx.execute(text("SELECT pg_current_xact_id()"))
    wake(tx, topic)


def test_a_notice_that_a_crash_swallowed_is_found_by_the_slow_look(
    databases: Databases, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(broadcast, "SLOW_LOOK", 0.1)

    async def scenario(db: Database, url: str) -> list[str]:
        following = asyncio.create_task(db.follow())
        async with broadcast.EventBroadcast(db, ApiMetrics()).listen(None) as listener:
            killed = await asyncio.to_thread(
                subprocess.run, [sys.executable, "-c", KILLED, url], check=False
            )
            assert killed.returncode < 0
            assert await listener.wait(DEADLINE)
            heard = [told.event.kind for told in listener.take()]
        following.cancel()
        await asyncio.gather(following, return_exceptions=True)
        return heard

    with databases.fresh("postgresql") as url, closing(Database.open(url)) as db:
        assert asyncio.run(scenario(db, url)) == ["swallowed"]


def test_what_was_held_back_is_heard_when_nobody_wakes(
    databases: Databases, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An older transaction ends, and has nothing to tell."""
    monkeypatch.setattr(broadcast, "SLOW_LOOK", 3600.0)

    async def scenario(db: Database, older: psycopg.Connection) -> list[str]:
        async with broadcast.EventBroadcast(db, ApiMetrics()).listen(None) as listener:
            await db.write(events.note, "held", "ikepolicy", SERVICE)
            assert not await listener.wait(0.05)
            older.rollback()
            assert await listener.wait(DEADLINE)
            return [told.event.kind for told in listener.take()]

    with (
        databases.fresh("postgresql") as url,
        closing(Database.open(url)) as db,
        psycopg.connect(url) as older,
    ):
        older.execute("SELECT pg_current_xact_id()")
        assert asyncio.run(scenario(db, older)) == ["held"]


def test_many_commits_are_told_together_and_none_is_forgotten(databases: Databases) -> None:
    async def crowd(db: Database) -> None:
        await asyncio.gather(*(db.write(_wake, f"topic{n % 3}") for n in range(90)))

    with databases.fresh("postgresql") as url, psycopg.connect(url, autocommit=True) as heard:
        told: list[str] = []
        heard.add_notify_handler(lambda notice: told.append(notice.payload))
        heard.execute(f"LISTEN {CHANNEL}")
        with closing(Database.open(url)) as db:
            asyncio.run(crowd(db))
        heard.execute("SELECT 1")  # what was told has arrived with its answer
    assert set(told) == {"topic0", "topic1", "topic2"}
    assert len(told) < 90
