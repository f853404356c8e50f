"""Commits of one process are heard in another, also after the connection was lost."""

from __future__ import annotations

import asyncio

import psycopg
from sqlalchemy import Connection, text

from landbridge.store.database import Database
from landbridge.store.transaction import wake
from tests.environments.databases import Databases

DEADLINE = 10.0
_LISTENERS = (
    "SELECT pid FROM pg_stat_activity WHERE query LIKE 'LISTEN%' AND datname = current_database()"
)


def _wake(tx: Connection) -> None:
    wake(tx, "gw")


async def _listener(db: Database) -> int:
    """The process of the listening connection, once there is one."""
    async with asyncio.timeout(DEADLINE):
        while True:
            found = await db.read(lambda tx: tx.execute(text(_LISTENERS)).scalar())
            if found is not None:
                return int(found)
            await asyncio.sleep(0.01)


def test_another_process_is_woken(databases: Databases) -> None:
    async def scenario(url: str) -> None:
        here, there = Database.open(url, threads=1), Database.open(url, threads=1)
        try:
            with there.hub.listen("gw") as listener:
                following = asyncio.create_task(there.follow())
                pid = await _listener(here)
                await listener.wait(0.01)
                await here.write(_wake)
                assert await listener.wait(DEADLINE)
                async with await psycopg.AsyncConnection.connect(url, autocommit=True) as admin:
                    await admin.execute("SELECT pg_terminate_backend(%s)", [pid])
                assert await listener.wait(DEADLINE)  # woken by the reconnect itself
                await here.write(_wake)
                assert await listener.wait(DEADLINE)
                following.cancel()
                await asyncio.gather(following, return_exceptions=True)
        finally:
            here.close()
            there.close()

    with databases.fresh("postgresql") as url:
        asyncio.run(scenario(url))
