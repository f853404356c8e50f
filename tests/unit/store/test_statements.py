"""Prepared statements: rows and errors are the same as through SQLAlchemy, on both databases."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import Connection, bindparam, delete, exc, insert, literal, select, update

from landbridge import errors
from landbridge.store import statements
from landbridge.store.columns import database_clock
from landbridge.store.database import Database
from landbridge.store.tables import gateways, networks

TIMES = {"created_at": "2025-01-01T00:00:00Z", "updated_at": "2025-01-01T00:00:00Z"}
ADD = insert(networks).returning(*networks.c)
ONE = select(networks).where(networks.c.id == bindparam("the_id"))
ALL = select(networks.c.id.label("which"), networks.c.shared, literal(7).label("seven")).order_by(
    networks.c.id
)
RENAME = update(networks).where(networks.c.id == bindparam("the_id"))
REMOVE = delete(networks).where(networks.c.id == bindparam("the_id"))
GATEWAY = select(gateways, (database_clock() - 5.0).label("earlier")).where(
    gateways.c.id == bindparam("the_id")
)


@pytest.fixture
def db(database_url: str) -> Iterator[Database]:
    opened = Database.open(database_url)
    yield opened
    opened.close()


def _network(id: str, **more: Any) -> Any:
    return {"id": id, "project_id": "p", "name": "100% 'ours' %(x)s ?", **TIMES, **more}


def test_a_row_is_what_sqlalchemy_makes_of_it(db: Database) -> None:
    def both(tx: Connection) -> None:
        made = statements.one(tx, ADD, _network("n1", shared=True))
        read = tx.execute(ONE, {"the_id": "n1"}).mappings().one()
        assert made == dict(read) == statements.one(tx, ONE, {"the_id": "n1"})
        assert read["shared"] is True
        assert read["admin_state_up"] is True

    db.write_sync(both)


def test_json_numbers_and_times_of_the_database_pass_their_types(db: Database) -> None:
    def both(tx: Connection) -> None:
        values = {"id": "g", "hostname": "h", "capabilities": {"a": [1]}, "lease_expires": 1.5}
        statements.run(tx, insert(gateways), values)
        read = tx.execute(GATEWAY, {"the_id": "g"}).mappings().one()
        ready = statements.one(tx, GATEWAY, {"the_id": "g"})
        assert ready is not None
        assert {**ready, "earlier": 0} == {**read, "earlier": 0}
        assert ready["capabilities"] == {"a": [1]}
        assert ready["earlier"] == pytest.approx(read["earlier"], abs=5)

    db.write_sync(both)


def test_changes_are_counted_and_many_are_made_at_once(db: Database) -> None:
    def both(tx: Connection) -> None:
        statements.run_many(tx, insert(networks), [_network(f"n{n}") for n in range(3)])
        assert statements.run(tx, RENAME, {"name": "x", "the_id": "n1"}) == 1
        assert statements.run(tx, RENAME, {"name": "x", "mtu": 9, "the_id": "n9"}) == 0
        assert statements.run(tx, REMOVE, {"the_id": "n0"}) == 1
        assert statements.one(tx, ONE, {"the_id": "n0"}) is None
        assert statements.every(tx, ALL, {}) == [
            {"which": which, "shared": False, "seven": 7} for which in ("n1", "n2")
        ]

    db.write_sync(both)


def test_errors_are_those_of_sqlalchemy_without_what_was_sent(db: Database) -> None:
    def twice(tx: Connection) -> None:
        for _ in range(2):
            statements.run(tx, insert(networks), _network("n1", description="hush"))

    def many(tx: Connection) -> None:
        statements.run_many(tx, insert(networks), [_network("n1", description="hush")] * 2)

    for work in (twice, many):
        with pytest.raises(errors.Conflict) as raised:
            db.write_sync(work)
        assert isinstance(raised.value.__cause__, exc.IntegrityError)
        assert "hush" not in str(raised.value.__cause__)


def test_a_list_in_a_statement_is_refused(db: Database) -> None:
    listed = select(networks).where(networks.c.id.in_(bindparam("ids", expanding=True)))
    with pytest.raises(TypeError):
        db.read_sync(statements.every, listed, {"ids": ["a"]})
