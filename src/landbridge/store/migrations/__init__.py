"""Bringing a database's schema up to date.

Rules this package keeps:
- One set of revisions for SQLite and PostgreSQL; none of them asks which one it runs on.
- Expand first, contract a release later: the code of the release before runs on the new
  schema. A revision is never edited once released.
- An upgrade is one transaction and alone: killed in the middle it has not happened, and of
  two that start at once the second finds nothing to do.
- Revisions spell the schema out; they do not import `landbridge.store.tables`, which goes on.
- Whether there is anything to do is asked in plain SQL: Alembic takes a second to load, and
  every start would wait for it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from sqlalchemy import Connection, Engine, create_engine, event, exc, inspect, make_url
from sqlalchemy.pool import NullPool

from landbridge.store.database import DRIVERS, dialect

_HERE: Final = Path(__file__).parent
_LOCK_NUMBER: Final = 0x6C616E64  # any number that nobody else uses in this database
_ALONE: Final = {
    "sqlite": "BEGIN IMMEDIATE",
    "postgresql": f"SELECT pg_advisory_xact_lock({_LOCK_NUMBER})",
}


class SchemaError(Exception):
    """The schema cannot be brought up to date; the message says why."""


def upgrade(url: str) -> None:
    """Create or upgrade the schema of the database at `url`; nothing to do is no error.

    Raises: DatabaseUrlError, SchemaError.
    """
    if is_current(url):
        return
    with _opened(url, "bring the database up to date") as engine:
        event.listen(engine, "begin", _be_alone)
        with engine.begin() as connection:
            _run(connection)


def is_current(url: str) -> bool:
    """Is the schema the one that this release was made for?

    Raises: DatabaseUrlError, SchemaError.
    """
    with _opened(url, "open the database") as engine, engine.connect() as connection:
        if not inspect(connection).has_table("alembic_version"):
            return False
        found = connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalars()
        return found.all() == [newest()]


def newest() -> str:
    """The newest revision: their files are numbered."""
    return max(path.name.partition("_")[0] for path in (_HERE / "versions").glob("*.py"))


def _run(connection: Connection) -> None:
    from alembic import command
    from alembic.config import Config

    settings = Config()
    settings.set_main_option("script_location", str(_HERE))
    settings.set_main_option("path_separator", "os")
    settings.attributes["connection"] = connection
    command.upgrade(settings, "head")


@contextmanager
def _opened(url: str, purpose: str) -> Iterator[Engine]:
    engine = _engine(url)
    try:
        yield engine
    except exc.SQLAlchemyError as error:
        raise SchemaError(f"cannot {purpose}: {error}") from error
    finally:
        engine.dispose()


def _engine(url: str) -> Engine:
    name = dialect(url)
    return create_engine(make_url(url).set(drivername=DRIVERS[name]), poolclass=NullPool)


def _be_alone(connection: Connection) -> None:
    connection.exec_driver_sql(_ALONE[connection.dialect.name])
