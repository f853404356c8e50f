"""Many writers on PostgreSQL: whatever commits when, every listener gets each event once, all in
one order, and every gateway hears of every change.

The mutation that these tests are for: readers that do not stop at the oldest running transaction.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from itertools import count, permutations
from random import Random
from typing import Final

import psycopg
import pytest
from sqlalchemy import Connection, insert, text

from landbridge import errors
from landbridge.store import changes, events, identity, order, snapshot_order
from landbridge.store.database import Database
from landbridge.store.order import HistoryMoved
from landbridge.store.tables import gateways
from tests.environments.databases import Databases
from tests.unit.store.steps import GATEWAY, Reader, Stepping, take_number, tell

COMMIT: Final = "commit"
ABORT: Final = "abort"
MIXED: Final = 40  # orders of four transactions with numbers taken early, by chance


@pytest.fixture(scope="module")
def url(databases: Databases) -> Iterator[str]:
    with databases.fresh("postgresql") as made:
        yield made


@pytest.fixture(scope="module")
def db(url: str) -> Iterator[Database]:
    with closing(Database.open(url, threads=8)) as opened:
        opened.write_sync(lambda tx: tx.execute(insert(gateways), {"id": GATEWAY}) and None)
        yield opened


@pytest.fixture(scope="module")
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(8) as made:
        yield made


Begin = Callable[[], Stepping]


@pytest.fixture
def begin(db: Database, pool: ThreadPoolExecutor) -> Iterator[Begin]:
    """Begins transactions; those that a test has not ended are rolled back."""
    begun: list[Stepping] = []

    def begin_one() -> Stepping:
        begun.append(Stepping(db, pool))
        return begun[-1]

    yield begin_one
    for each in begun:
        each.give_up()


_names = (f"n{number}" for number in count())


def _everything(db: Database) -> Reader:
    reader = Reader(db)
    reader.read()
    return reader


def _runs(
    db: Database, begin: Begin, order_of_steps: list[int], scripts: list[list[str]]
) -> tuple[list[str], Reader]:
    """Each transaction takes the steps of its script when its number comes; a listener reads after
    each step. Returns the kinds of the committed events, and what the listener got."""
    before = _everything(db)
    listener = Reader(db)
    listener.read()
    names = [next(_names) for _ in scripts]
    running = [begin() for _ in scripts]
    left = [list(script) for script in scripts]
    for number in order_of_steps:
        match left[number].pop(0):
            case "number":
                running[number].take(take_number)
            case "tell":
                running[number].take(tell(names[number]))
            case "commit":
                running[number].commit()
            case _:
                running[number].roll_back()
        listener.read()
    committed = [f"{n}1" for n, script in zip(names, scripts, strict=True) if COMMIT in script]
    assert listener.kinds[: len(before.kinds)] == before.kinds
    listener.kinds = listener.kinds[len(before.kinds) :]
    return committed, listener


def _check(db: Database, committed: list[str], listener: Reader) -> None:
    """Each event once, and in the same order for a listener that comes later, and reads in
    pieces."""
    assert sorted(listener.kinds) == sorted(committed)
    assert {f"{name}1" for name in listener.revisions} >= set(committed)
    later, pieces = _everything(db), Reader(db)
    assert later.kinds[len(later.kinds) - len(committed) :] == listener.kinds
    while True:
        had = len(pieces.kinds)
        pieces.read(most=37)
        if len(pieces.kinds) == had:
            break
    assert pieces.kinds == later.kinds


def test_every_order_of_writes_and_commits(db: Database, begin: Begin) -> None:
    scripts = [["tell", COMMIT]] * 3
    orders = sorted(set(permutations([0, 0, 1, 1, 2, 2])))
    assert len(orders) == 90
    for steps in orders:
        committed, listener = _runs(db, begin, list(steps), scripts)
        assert sorted(listener.kinds) == sorted(committed), steps
    _check(db, committed, listener)


def test_orders_by_chance_with_early_numbers_and_rollbacks(db: Database, begin: Begin) -> None:
    scripts = [
        ["number", "tell", COMMIT],
        ["tell", COMMIT],
        ["tell", ABORT],
        ["number", "tell", COMMIT],
    ]
    steps = [number for number, script in enumerate(scripts) for _ in script]
    for seed in range(MIXED):
        Random(seed).shuffle(steps)  # noqa: S311
        committed, listener = _runs(db, begin, steps, scripts)
        assert sorted(listener.kinds) == sorted(committed), f"seed {seed}"
    _check(db, committed, listener)


def test_what_happened_to_one_object_is_read_in_that_order(db: Database, begin: Begin) -> None:
    """Also where the transaction that changed it last was the first to get a number."""
    listener, name = _everything(db), next(_names)
    had = len(listener.kinds)
    early, late = begin(), begin()
    early.take(take_number)
    late.take(tell(name, 1))
    late.commit()
    listener.read()
    early.take(tell(name, 2))
    early.commit()
    listener.read()
    assert listener.kinds[had:] == [f"{name}1", f"{name}2"]
    assert listener.revisions[name] == 2
    assert _everything(db).kinds == listener.kinds


def test_who_waits_knows_that_there_is_more(db: Database, begin: Begin) -> None:
    older, name = begin(), next(_names)
    older.take(take_number)
    at = db.read_sync(events.window).newest
    cursor = db.read_sync(changes.position, GATEWAY)
    db.write_sync(tell(name))
    assert db.read_sync(events.news, at, None) == ([], True)
    assert db.read_sync(changes.news, GATEWAY, cursor) == ([], True)
    older.commit()
    found, held = db.read_sync(events.news, at, None)
    assert ([event.kind for event in found], held) == ([f"{name}1"], False)
    changed, held = db.read_sync(changes.news, GATEWAY, cursor)
    assert ([change.id for change in changed], held) == ([name], False)


def test_what_is_desired_and_the_stream_meet(db: Database, begin: Begin) -> None:
    """A gateway that has read everything, while older transactions ran, goes on without a gap, and
    never hears that the history went back."""
    older, held, name, other = (
        begin(), begin(), next(_names), next(_names),
    )  # fmt: skip
    older.take(tell(other))
    held.take(take_number)
    positions = [db.read_sync(changes.position, GATEWAY)]
    db.write_sync(tell(name))
    positions.append(db.read_sync(changes.position, GATEWAY))
    older.commit()
    positions.append(db.read_sync(changes.position, GATEWAY))
    held.commit()
    seen = db.read_sync(changes.since, GATEWAY, positions[-1])
    assert {change.id for change in seen} >= {name}
    positions.append(db.read_sync(changes.position, GATEWAY))
    assert positions == sorted(positions)
    assert all(db.read_sync(changes.since, GATEWAY, each) is not None for each in positions)


def test_a_transaction_of_somebody_else_is_passed_by(
    db: Database, begin: Begin, url: str, databases: Databases,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr(snapshot_order, "PATIENT", 0.0)
    listener, name, ours = _everything(db), next(_names), next(_names)
    with databases.fresh("postgresql") as elsewhere, psycopg.connect(elsewhere) as foreign:
        foreign.execute("SELECT pg_current_xact_id()")  # and idles on
        db.write_sync(tell(name))
        listener.read()
        assert f"{name}1" not in listener.kinds
        writing = begin()
        writing.take(tell(ours))
        db.write_sync(tell(next(_names)))
        told = db.read_sync(order.held_back)
        assert told is not None
        assert f"process {foreign.info.backend_pid}" in told.by
        db.write_sync(order.pass_by)
        listener.read()
        assert f"{name}1" in listener.kinds
        assert f"{ours}1" not in listener.kinds  # has written, and may not be passed by
        writing.commit()
        for _ in range(2):  # what it has ended itself is known at the next
            db.write_sync(order.pass_by)
        listener.read()
        assert listener.kinds == _everything(db).kinds
        assert f"{ours}1" in listener.kinds
        foreign.rollback()
    db.write_sync(tell(next(_names)))
    listener.read()
    assert db.read_sync(order.held_back) is None
    assert listener.kinds == _everything(db).kinds


def test_a_rolled_back_transaction_holds_nothing(db: Database, begin: Begin) -> None:
    listener = _everything(db)
    gone = begin()
    gone.take(tell(next(_names)))
    name = next(_names)
    db.write_sync(tell(name))
    gone.roll_back()
    listener.read()
    assert listener.kinds[-1] == f"{name}1"


def test_on_another_server_the_order_goes_on(databases: Databases) -> None:
    """A dump that is restored where transactions have smaller numbers: cursors hold, nothing is
    withheld, and a process that runs meanwhile ends."""

    def move(tx: Connection) -> None:
        for table in ("events", "changes"):
            tx.execute(text(f"UPDATE {table} SET stamp = stamp + 100000000"))  # noqa: S608

    with databases.fresh("postgresql") as moved, closing(Database.open(moved)) as db:
        db.write_sync(lambda tx: tx.execute(insert(gateways), {"id": GATEWAY}) and None)
        db.write_sync(tell("before"))
        assert db.read_sync(order.held_back) is None
        db.write_sync(move)
        with pytest.raises(HistoryMoved):
            db.read_sync(order.held_back)
        db.write_sync(identity.opened)
        assert db.read_sync(order.held_back) is None
        reader = Reader(db)
        reader.read()
        assert reader.kinds == ["before1"]
        db.write_sync(tell("after"))
        reader.read()
        assert reader.kinds == ["before1", "after1"]
        assert reader.revisions == {"before": 1, "after": 1}


def test_a_dry_run_says_what_the_database_refuses(db: Database) -> None:
    """Though what needs no answer is executed later."""

    def refused(tx: Connection) -> None:
        changes.record(tx, "nobody", "tunnel", [changes.Item("x", "r", 1)])

    with pytest.raises(errors.Conflict):
        asyncio.run(db.dry_run(refused))
