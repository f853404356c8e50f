"""What was read in order before goes on from its cursor, and so does what the release before writes
meanwhile."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, create_engine, make_url, text

from landbridge.store import changes, events, migrations
from landbridge.store.database import DRIVERS, Database, dialect

#: What the release before executes, as it stands there.
EVENT = text(
    "INSERT INTO events (at, kind, resource, resource_id, project_id, content) "
    "VALUES ('t', :kind, 'r', 'i', 'p', '{}')"
)
ADVANCE = text("UPDATE gateways SET cursor = cursor + 1 WHERE id = 'gw' RETURNING cursor")
ADD = text(
    "INSERT INTO changes (gateway_id, kind, object_id, router_id, revision, deleted, cursor, "
    "request_id) VALUES ('gw', 'tunnel', :id, 'r', :revision, false, :cursor, '')"
)
REPLACE = text(
    "UPDATE changes SET router_id = 'r', revision = :revision, deleted = false, cursor = :cursor, "
    "request_id = '' WHERE gateway_id = 'gw' AND kind = 'tunnel' AND object_id = :id"
)


def _write_as_before(tx: Connection, name: str, revision: int) -> None:
    tx.execute(EVENT, {"kind": f"{name}{revision}"})
    values = {"id": name, "revision": revision, "cursor": tx.execute(ADVANCE).scalar_one()}
    if not tx.execute(REPLACE, values).rowcount:
        tx.execute(ADD, values)


def test_cursors_of_before_go_on(empty_database_url: str) -> None:
    url = empty_database_url
    engine = create_engine(make_url(url).set(drivername=DRIVERS[dialect(url)]))
    with engine.begin() as tx:
        _migrate(tx, "0007")
        tx.execute(text("INSERT INTO gateways (id) VALUES ('gw')"))
        for name in ("a", "b", "c"):
            _write_as_before(tx, name, 1)
    migrations.upgrade(url)
    with closing(Database.open(url)) as db:
        assert [event.number for event in db.read_sync(events.since, 0, None)] == [1, 2, 3]
        assert db.read_sync(events.window) == (0, 3, 3)
        assert [event.kind for event in db.read_sync(events.since, 2, None)] == ["c1"]
        assert [change.id for change in db.read_sync(changes.since, "gw", 2)] == ["c"]
        assert db.read_sync(changes.position, "gw") == 3
        db.write_sync(lambda tx: changes.record(tx, "gw", "tunnel", [changes.Item("a", "r", 2)]))
        assert [change.id for change in db.read_sync(changes.since, "gw", 3)] == ["a"]
        for name, revision in (("b", 2), ("d", 1)):
            with engine.begin() as tx:
                _write_as_before(tx, name, revision)
        kinds = [(event.number > 3, event.kind) for event in db.read_sync(events.since, 3, None)]
        assert kinds == [(True, "b2"), (True, "d1")]
        seen = db.read_sync(changes.since, "gw", 3)
        assert {change.id: change.revision for change in seen} == {"a": 2, "b": 2, "d": 1}
        cursors = [change.cursor for change in seen]
        assert cursors == sorted(cursors)
        assert db.read_sync(changes.position, "gw") == cursors[-1] > 3
        assert db.read_sync(changes.since, "gw", cursors[-1]) == []
    engine.dispose()


def _migrate(tx: Connection, to: str) -> None:
    settings = Config()
    settings.set_main_option("script_location", str(Path(migrations.__file__).parent))
    settings.set_main_option("path_separator", "os")
    settings.attributes["connection"] = tx
    command.upgrade(settings, to)
