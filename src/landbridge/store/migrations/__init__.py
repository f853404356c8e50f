"""Bringing a database's schema up to date.

Rules this package keeps:
- One set of revisions for SQLite and PostgreSQL; none of them asks which one it runs on.
- Expand first, contract a release later: the code of the release before runs on the new
  schema. A revision is never edited once released.
- An upgrade is one transaction and alone: killed in the middle it has not happened, and of
  two that start at once the second finds nothing to do.
- Revisions spell the schema out; they do not import `landbridge.store.tables`, which goes on.
"""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, create_engine, event, exc, make_url
from sqlalchemy.pool import NullPool

from landbridge.store.database import DRIVERS, dialect

_LOCK_NUMBER = 0x6C616E64  # any number that nobody else uses in this database
_ALONE = {
    "sqlite": "BEGIN IMMEDIATE",
    "postgresql": f"SELECT pg_advisory_xact_lock({_LOCK_NUMBER})",
}


class SchemaError(Exception):
    """The schema cannot be brought up to date; the message says why."""


def upgrade(url: str) -> None:
    """Create or upgrade the schema of the database at `url`; nothing to do is no error.

    Raises: DatabaseUrlError, SchemaError.
    """
    engine = _engine(url)
    event.listen(engine, "begin", _be_alone)
    try:
        with engine.begin() as connection:
            settings = _settings()
            settings.attributes["connection"] = connection
            command.upgrade(settings, "head")
    except exc.SQLAlchemyError as error:
        raise SchemaError(f"cannot bring the database up to date: {error}") from error
    finally:
        engine.dispose()


def is_current(url: str) -> bool:
    """Is the schema the one that this release was made for?

    Raises: DatabaseUrlError, SchemaError.
    """
    engine = _engine(url)
    try:
        with engine.connect() as connection:
            found = MigrationContext.configure(connection).get_current_revision()
    except exc.SQLAlchemyError as error:
        raise SchemaError(f"cannot open the database: {error}") from error
    finally:
        engine.dispose()
    return found == ScriptDirectory.from_config(_settings()).get_current_head()


def _settings() -> Config:
    settings = Config()
    settings.set_main_option("script_location", str(Path(__file__).parent))
    settings.set_main_option("path_separator", "os")
    return settings


def _engine(url: str) -> Engine:
    name = dialect(url)
    return create_engine(make_url(url).set(drivername=DRIVERS[name]), poolclass=NullPool)


def _be_alone(connection: Connection) -> None:
    connection.exec_driver_sql(_ALONE[connection.dialect.name])
