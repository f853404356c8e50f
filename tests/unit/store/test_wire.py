"""Statements that go to PostgreSQL together: in order, whole, and well again after an error."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from typing import Any, Final

import psycopg
import pytest
from sqlalchemy import Connection, text

from landbridge.store import wire
from landbridge.store.database import Database
from landbridge.store.pipeline import READ, WRITE, Pipeline, SecondStatement
from landbridge.store.resource_rows import IKE_POLICIES
from landbridge.store.wire import Wire
from landbridge.vpn import rows
from tests.environments.databases import Databases

ADD: Final = "INSERT INTO t VALUES (%(n)s, %(word)s) ON CONFLICT (n) DO UPDATE SET word = %(word)s"
GET: Final = "SELECT word, n, '100%%' AS share FROM t WHERE n = %(n)s"


@pytest.fixture(scope="module")
def url(databases: Databases) -> Iterator[str]:
    with databases.fresh("postgresql") as made, psycopg.connect(made, autocommit=True) as tx:
        tx.execute("CREATE TABLE t (n int PRIMARY KEY, word text CHECK (word <> 'bad'))")
        yield made


@pytest.fixture
def connection(url: str) -> Iterator[Wire]:
    with psycopg.connect(url, autocommit=True) as driver:
        yield Wire(driver)


def _words(connection: Wire) -> list[Any]:
    found = connection.execute([("SELECT n, word FROM t ORDER BY n", None)]).fetchall()
    connection.execute([("TRUNCATE t", None)])
    return found


def test_what_waits_goes_in_order_with_what_does_not(connection: Wire) -> None:
    pipeline = Pipeline(connection, WRITE)
    pipeline.later(ADD, {"n": 1, "word": "one"})
    pipeline.later(ADD, {"n": 1, "word": "first"})
    answer = pipeline.execute(GET, {"n": 1})
    assert [name for name, _ in answer.description] == ["word", "n", "share"]
    assert answer.fetchone() == ("first", 1, "100%")
    pipeline.later(ADD, {"n": 2, "word": None})
    pipeline.commit()
    assert _words(connection) == [(1, "first"), (2, None)]


def test_what_was_not_committed_has_not_happened(connection: Wire) -> None:
    pipeline = Pipeline(connection, WRITE)
    pipeline.later(ADD, {"n": 1, "word": "one"})
    pipeline.flush()
    connection.roll_back()
    Pipeline(connection, WRITE).commit()
    assert _words(connection) == []


def test_an_error_is_that_of_the_statement_and_the_next_transaction_is_well(
    connection: Wire,
) -> None:
    for _ in range(2):  # prepared in the second
        pipeline = Pipeline(connection, WRITE)
        pipeline.later(ADD, {"n": 1, "word": "one"})
        pipeline.later(ADD, {"n": 2, "word": "bad"})
        pipeline.later(ADD, {"n": 3, "word": "three"})
        with pytest.raises(psycopg.errors.CheckViolation):
            pipeline.commit()
        connection.roll_back()
    pipeline = Pipeline(connection, WRITE)
    pipeline.later(ADD, {"n": 4, "word": "four"})
    pipeline.commit()
    assert _words(connection) == [(4, "four")]


def test_more_than_fits_into_any_buffer(connection: Wire) -> None:
    pipeline = Pipeline(connection, WRITE)
    for n in range(400):
        pipeline.later(ADD, {"n": n, "word": "x" * 20_000})
        pipeline.later(GET, {"n": n})  # whose answer fills the way back
    pipeline.commit()
    assert len(_words(connection)) == 400


def test_a_value_that_cannot_be_sent_costs_no_connection(connection: Wire) -> None:
    pipeline = Pipeline(connection, WRITE)
    pipeline.later(ADD, {"n": 1, "word": "a\0b"})
    with pytest.raises(psycopg.DataError):
        pipeline.commit()
    connection.roll_back()
    assert _words(connection) == []


def test_what_is_prepared_is_bounded(connection: Wire, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wire, "PREPARED", 3)
    for n in range(9):
        answer = connection.execute([(f"SELECT %(n)s::int + {n}", {"n": 1})])
        assert answer.fetchone() == (1 + n,)
    count = connection.execute([("SELECT count(*) FROM pg_prepared_statements", None)])
    assert count.fetchone() == (3,)


def test_a_read_of_one_statement_has_one(connection: Wire) -> None:
    single = Pipeline(connection, None)
    assert single.execute(GET, {"n": 1}).fetchone() is None
    with pytest.raises(SecondStatement):
        single.execute(GET, {"n": 2})
    reading = Pipeline(connection, READ)
    reading.execute(GET, {"n": 1})
    with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
        reading.execute(ADD, {"n": 1, "word": "one"})
    connection.roll_back()


def test_who_forgets_what_is_prepared_costs_a_second_attempt(url: str) -> None:
    def read(tx: Connection) -> object:
        return rows.get(tx, IKE_POLICIES, "none")

    def forget(tx: Connection) -> None:
        read(tx)
        tx.execute(text("DEALLOCATE ALL"))

    with closing(Database.open(url, threads=1)) as db:
        assert db.read_sync(read) is None
        db.read_sync(forget)
        assert db.read_sync(read) is None
