"""Transactions: kept or undone, one by one, on both databases; wakes after the commit."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator

import pytest
from msgspec.structs import replace
from sqlalchemy import Connection, Update, func, insert, select, update

from landbridge import errors
from landbridge.store import events
from landbridge.store.database import Database, DatabaseUrlError
from landbridge.store.secrets import Sealer
from landbridge.store.tables import networks
from landbridge.store.transaction import sealer, wake
from tests.rows import SERVICE

DEADLINE = 10.0


class Refused(Exception):
    pass


@pytest.fixture
def db(database_url: str) -> Iterator[Database]:
    database = Database.open(database_url, sealer=Sealer.generate())
    yield database
    database.close()


def _add(tx: Connection, id: str) -> str:
    times = {"created_at": "2025-01-01T00:00:00Z", "updated_at": "2025-01-01T00:00:00Z"}
    tx.execute(insert(networks), {"id": id, "project_id": "p", **times})
    return id


def _execute(tx: Connection, statement: Update) -> None:
    tx.execute(statement)


def _add_and_refuse(tx: Connection, id: str) -> None:
    _add(tx, id)
    wake(tx, "gw")
    raise Refused(id)


def _grow(tx: Connection, id: str) -> int:
    """Read, then write what was read plus one: lost if two do it at a time."""
    row = select(networks.c.mtu).where(networks.c.id == id).with_for_update()
    mtu = int(tx.execute(row).scalar_one())
    tx.execute(update(networks).where(networks.c.id == id).values(mtu=mtu + 1))
    return mtu + 1


def _count(tx: Connection) -> int:
    return int(tx.execute(select(func.count()).select_from(networks)).scalar_one())


def test_what_is_written_is_read(db: Database) -> None:
    async def scenario() -> int:
        assert await db.write(_add, "n1") == "n1"
        return await db.read(_count)

    assert asyncio.run(scenario()) == 1


def test_a_refused_transaction_leaves_nothing(db: Database) -> None:
    with pytest.raises(Refused):
        db.write_sync(_add_and_refuse, "n1")
    assert db.read_sync(_count) == 0


def test_of_transactions_that_share_a_commit_each_fails_alone(db: Database) -> None:
    async def scenario() -> list[object]:
        work = [db.write(_add_and_refuse if n % 3 == 0 else _add, f"n{n}") for n in range(30)]
        return await asyncio.gather(*work, return_exceptions=True)

    results = asyncio.run(scenario())
    assert [isinstance(result, Refused) for result in results] == [n % 3 == 0 for n in range(30)]
    assert db.read_sync(_count) == 20


def test_no_update_is_lost(db: Database) -> None:
    db.write_sync(_add, "n1")

    async def scenario() -> list[int]:
        return await asyncio.gather(*(db.write(_grow, "n1") for _ in range(40)))

    assert sorted(asyncio.run(scenario())) == list(range(1501, 1541))


def test_a_collision_is_a_conflict(db: Database) -> None:
    db.write_sync(_add, "n1")
    with pytest.raises(errors.Conflict):
        db.write_sync(_add, "n1")


def test_a_number_that_no_database_takes_is_a_bad_request(db: Database) -> None:
    """The net below the checks that name the attribute."""
    db.write_sync(_add, "n")
    for statement in (update(networks).values(mtu=2**70), update(networks).values(mtu=2**63)):
        with pytest.raises(errors.BadRequest):
            db.write_sync(_execute, statement)


def test_an_overflow_of_our_own_is_no_bad_request(db: Database) -> None:
    with pytest.raises(OverflowError):
        db.write_sync(lambda _: 1e300**2)


def test_the_transaction_carries_the_sealer(db: Database) -> None:
    sealed = db.write_sync(lambda tx: sealer(tx).seal("row", "secret"))
    assert db.read_sync(lambda tx: sealer(tx).unseal("row", sealed)) == "secret"


def test_a_commit_wakes_and_a_rollback_does_not(db: Database) -> None:
    async def scenario() -> None:
        with db.hub.listen("gw") as listener, db.hub.listen("other") as other:
            with pytest.raises(Refused):
                await db.write(_add_and_refuse, "n1")
            await db.write(lambda tx: wake(tx, "other"))
            assert await other.wait(DEADLINE)
            assert not await listener.wait(0.01)
            await db.write(lambda tx: wake(tx, "gw"))
            assert await listener.wait(DEADLINE)

    asyncio.run(scenario())


def test_an_unusable_url_is_named() -> None:
    with pytest.raises(DatabaseUrlError, match="mysql"):
        Database.open("mysql://localhost/x")
    with pytest.raises(DatabaseUrlError, match="no database URL"):
        Database.open("nonsense")


def test_who_does_not_wait_for_its_write_harms_nobody(db: Database) -> None:
    started, go_on = threading.Event(), threading.Event()

    def slow(tx: Connection) -> None:
        started.set()
        go_on.wait(DEADLINE)

    async def scenario() -> str:
        running = asyncio.create_task(db.write(slow))
        await asyncio.to_thread(started.wait, DEADLINE)
        waiting = asyncio.create_task(db.write(_add, "n1"))
        await asyncio.sleep(0)
        for task in (running, waiting):
            task.cancel()
        await asyncio.wait([running, waiting])
        go_on.set()
        async with asyncio.timeout(DEADLINE):
            return await db.write(_add, "n2")

    assert asyncio.run(scenario()) == "n2"


def test_a_writer_survives_what_fails_before_its_commit(db: Database) -> None:
    """Whoever shares that commit is told; the next are kept."""

    def unfit(tx: Connection) -> None:
        row = replace(SERVICE, project_id=None)  # may not be NULL
        events.note(tx, "unfit", "vpnservice", row)

    with pytest.raises(errors.Conflict):
        db.write_sync(unfit)
    assert db.write_sync(_add, "n1") == "n1"
    assert db.read_sync(_count) == 1
