"""What was there before tags and routes has none after the upgrade, and can be given some."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, create_engine, insert, make_url, select, text

from landbridge.store import migrations
from landbridge.store import tables as t
from landbridge.store.database import DRIVERS, dialect

TIMES = {"created_at": "2026-01-01T00:00:00Z", "updated_at": "2026-01-01T00:00:00Z"}


def test_what_was_there_has_no_tags_and_no_routes(empty_database_url: str) -> None:
    url = empty_database_url
    engine = create_engine(make_url(url).set(drivername=DRIVERS[dialect(url)]))
    with engine.begin() as tx:
        _migrate(tx, "0005")
        tx.execute(insert(t.networks).values(id="n", project_id="p", name="old", **TIMES))
        tx.execute(insert(t.routers).values(id="r", project_id="p", name="old", **TIMES))
    migrations.upgrade(url)
    with engine.begin() as tx:
        assert tx.execute(select(t.networks.c.tags)).scalar_one() == []
        assert tx.execute(select(t.routers.c.tags, t.routers.c.routes)).one() == ([], [])
        # The release before goes on writing: it knows neither column.
        tx.execute(
            text(
                "INSERT INTO networks (id, project_id, name, created_at, updated_at) "
                "VALUES ('m', 'p', 'later', 'x', 'x')"
            )
        )
        route = {"destination": "10.7.0.0/24", "nexthop": "10.1.0.9"}
        tx.execute(t.routers.update().values(tags=["red"], routes=[route]))
        assert tx.execute(select(t.routers.c.tags, t.routers.c.routes)).one() == (["red"], [route])
        assert tx.execute(select(t.networks.c.tags)).scalars().all() == [[], []]
    engine.dispose()


def _migrate(tx: Connection, to: str) -> None:
    settings = Config()
    settings.set_main_option("script_location", str(Path(migrations.__file__).parent))
    settings.set_main_option("path_separator", "os")
    settings.attributes["connection"] = tx
    command.upgrade(settings, to)
