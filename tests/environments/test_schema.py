"""The schema that the migrations make is the one that the code uses, on both databases."""

from __future__ import annotations

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import create_engine, make_url

from landbridge.store import migrations
from landbridge.store.installation import installation
from landbridge.store.records import events

METADATA = events.metadata
assert installation.metadata is METADATA  # both modules add their tables to it
DRIVERS = {"sqlite": "sqlite", "postgresql": "postgresql+psycopg"}


def test_migrations_make_the_tables_of_the_code(empty_database_url: str) -> None:
    migrations.upgrade(empty_database_url)
    url = make_url(empty_database_url)
    engine = create_engine(url.set(drivername=DRIVERS[url.get_backend_name()]))
    try:
        with engine.connect() as connection:
            differences = compare_metadata(MigrationContext.configure(connection), METADATA)
    finally:
        engine.dispose()
    assert differences == []


def test_upgrading_twice_changes_nothing(empty_database_url: str) -> None:
    migrations.upgrade(empty_database_url)
    migrations.upgrade(empty_database_url)
    assert migrations.is_current(empty_database_url)
