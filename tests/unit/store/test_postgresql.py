"""A connection that is lost: before the commit the work is run again, during it nobody knows."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import Connection

from landbridge import errors
from landbridge.store import events
from landbridge.store.database import Database
from tests.environments.databases import Databases
from tests.rows import SERVICE

ROW = SERVICE
CUT = "SELECT pg_terminate_backend(pg_backend_pid())"


@pytest.fixture
def db(databases: Databases) -> Iterator[Database]:
    with databases.fresh("postgresql") as url:
        opened = Database.open(url)
        yield opened
        opened.close()


def _kinds(db: Database) -> list[str]:
    return [event.kind for event in db.read_sync(events.since, 0, None)]


def test_a_connection_that_is_lost_before_the_commit_costs_nothing(db: Database) -> None:
    tries: list[int] = []

    def work(tx: Connection) -> str:
        tries.append(1)
        events.note(tx, "told", "ikepolicy", ROW)
        if len(tries) == 1:
            tx.exec_driver_sql(CUT)
        return "done"

    assert db.write_sync(work) == "done"
    assert len(tries) == 2
    assert _kinds(db) == ["told"]


def test_one_that_is_lost_during_the_commit_is_not_run_again(db: Database) -> None:
    def prepare(tx: Connection) -> None:
        tx.exec_driver_sql(
            "CREATE FUNCTION cut() RETURNS trigger LANGUAGE plpgsql AS "
            "$$ BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); RETURN NULL; END $$"
        )
        tx.exec_driver_sql("CREATE TABLE deferred (n int)")
        tx.exec_driver_sql(
            "CREATE CONSTRAINT TRIGGER at_commit AFTER INSERT ON deferred "
            "DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION cut()"
        )

    db.write_sync(prepare)
    tries: list[int] = []

    def work(tx: Connection) -> None:
        tries.append(1)
        tx.exec_driver_sql("INSERT INTO deferred VALUES (1)")

    with pytest.raises(errors.ServiceUnavailable, match="Look whether it is there"):
        db.write_sync(work)
    assert len(tries) == 1
    assert db.write_sync(lambda tx: "goes on") == "goes on"
