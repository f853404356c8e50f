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
- What is not an older schema of ours (a newer one, somebody else's, a damaged file) is named and
  left as it is: looking changes nothing. A file that is missing or empty is not even opened.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from enum import Enum, auto
from functools import partial
from pathlib import Path
from typing import Final

from sqlalchemy import Connection, Engine, create_engine, event, exc, inspect, make_url
from sqlalchemy.pool import NullPool

from landbridge.store import filecheck
from landbridge.store.database import DRIVERS, dialect
from landbridge.store.databasefile import damage
from landbridge.store.retries import Retries

DEFAULT_SOCKETS: Final = "/var/run/postgresql"  # Debian's, and what its libpq was built with
_HERE: Final = Path(__file__).parent
_LOCK_NUMBER: Final = 0x6C616E64  # any number that nobody else uses in this database
_ALONE: Final = {
    "sqlite": "BEGIN IMMEDIATE",
    "postgresql": f"SELECT pg_advisory_xact_lock({_LOCK_NUMBER})",
}


Connect = Callable[[Path], sqlite3.Connection]  # how an SQLite file is opened to look at it


class SchemaError(Exception):
    """The schema cannot be brought up to date; the message says why."""


class Schema(Enum):
    """What there is at a URL."""

    NONE = auto()
    OLDER = auto()
    CURRENT = auto()


def upgrade(url: str) -> None:
    """Create or upgrade the schema of the database at `url`; nothing to do is no error.

    Raises: DatabaseUrlError, SchemaError.
    """
    if look(url) is Schema.CURRENT:
        return
    if left := orphans(url):
        raise SchemaError(f"{left[0]} is there without its database: put that back first")
    with _opened(url, "bring the database up to date") as engine:
        Retries().run(lambda: _upgrade(engine))


def look(url: str, connect: Connect = filecheck.connect) -> Schema:
    """What there is at `url`, which is not changed.

    Raises: DatabaseUrlError, SchemaError.
    """
    file = file_of(url)
    if file is not None:
        if said := filecheck.objection(file):
            raise SchemaError(said)
        if _is_empty(file):
            return Schema.NONE
    with _opened(url, "open the database", connect) as engine:
        return Retries().run(lambda: _look(engine))


@contextmanager
def looking(url: str, connect: Connect = filecheck.connect) -> Iterator[Connection]:
    """Read what is at `url`, which is not changed, nor a log of SQLite's carried over.

    Raises: DatabaseUrlError, SchemaError.
    """
    with _opened(url, "open the database", connect) as engine, engine.connect() as connection:
        yield connection


def version(tx: Connection) -> str:
    """The schema's, of a database that has one (`look`)."""
    return str(tx.exec_driver_sql("SELECT version_num FROM alembic_version").scalar())


def is_current(url: str) -> bool:
    """Is the schema the one that this release was made for?

    Raises: DatabaseUrlError, SchemaError.
    """
    return look(url) is Schema.CURRENT


def file_of(url: str) -> Path | None:
    """An SQLite database's file. Raises: DatabaseUrlError."""
    path = make_url(url).database
    return Path(path) if dialect(url) == "sqlite" and path else None


def socket_directory(url: str) -> Path | None:
    """Of PostgreSQL's socket; None: it is reached by network. Raises: DatabaseUrlError."""
    if dialect(url) != "postgresql":
        return None
    parts = make_url(url)
    hosts = parts.query.get("host") or parts.host or DEFAULT_SOCKETS
    host = hosts if isinstance(hosts, str) else hosts[0]
    return Path(host) if host.startswith("/") else None


def orphans(url: str) -> tuple[Path, ...]:
    """What an SQLite database has left beside a file that is missing or empty: its log."""
    file = file_of(url)
    if file is None or not _is_empty(file):
        return ()
    beside = (filecheck.beside(file, end) for end in (filecheck.WAL, filecheck.SHM))
    return tuple(path for path in beside if path.exists())


def _is_empty(file: Path) -> bool:
    """SQLite would make a missing file, and throw away the log beside an empty one."""
    return not file.exists() or (file.is_file() and not file.stat().st_size)


def _look(engine: Engine) -> Schema:
    with engine.connect() as connection:
        if connection.dialect.name == "sqlite":
            _check(connection)
        inspected = inspect(connection)
        if not inspected.has_table("alembic_version"):
            if connection.dialect.name == "sqlite" and inspected.get_table_names():
                raise SchemaError(f"{engine.url.database} is the database of another program")
            return Schema.NONE
        found = connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalars()
        return _judge(found.all(), engine)


def _judge(found: Sequence[str], engine: Engine) -> Schema:
    if found == [newest()]:
        return Schema.CURRENT
    version = found[0] if len(found) == 1 else f"{len(found)} versions"
    if version in _versions():
        return Schema.OLDER
    if version.isdecimal() and version > newest():
        raise SchemaError(
            f"the database {engine.url.database} has the schema {version} of a newer landbridge "
            f"(this one knows {newest()}): run that release, or put the backup back that was made "
            "before the upgrade"
        )
    raise SchemaError(f"the database {engine.url.database} has a schema of no landbridge")


def _check(connection: Connection) -> None:
    """With a log beside it the file is looked at closely: parts of two databases fit together,
    each by itself. Raises: SchemaError."""
    file = Path(str(connection.engine.url.database))
    if foreign := filecheck.foreign_log(file):
        raise SchemaError(foreign)
    check = "integrity_check" if filecheck.has_log(file) else "quick_check"
    said = connection.exec_driver_sql(f"PRAGMA {check}(1)").scalar()
    if said != "ok":
        raise SchemaError(_damaged(connection.engine, str(said).partition("\n")[2] or str(said)))


def _damaged(engine: Engine, how: str) -> str:
    return (
        f"the database {engine.url.database} is damaged ({how}): move it away with its -wal and "
        "-shm, and put a backup back"
    )


def _upgrade(engine: Engine) -> None:
    """Alone: what another one did meanwhile is not done again."""
    if engine.dialect.name == "sqlite":
        with engine.connect() as connection:  # while nobody else has it open
            connection.exec_driver_sql("PRAGMA journal_mode = WAL")
    with engine.connect() as connection:
        event.listen(connection, "begin", _be_alone)
        with connection.begin():
            _run(connection)


def newest() -> str:
    """The newest revision: their files are numbered."""
    return max(_versions())


def _versions() -> frozenset[str]:
    return frozenset(path.name.partition("_")[0] for path in (_HERE / "versions").glob("*.py"))


def _run(connection: Connection) -> None:
    from alembic import command
    from alembic.config import Config

    settings = Config()
    settings.set_main_option("script_location", str(_HERE))
    settings.set_main_option("path_separator", "os")
    settings.attributes["connection"] = connection
    command.upgrade(settings, "head")


@contextmanager
def _opened(url: str, purpose: str, looking: Connect | None = None) -> Iterator[Engine]:
    engine = _engine(url, looking)
    try:
        yield engine
    except exc.SQLAlchemyError as error:
        if said := damage(error):
            raise SchemaError(_damaged(engine, said)) from error
        driver = error.orig if isinstance(error, exc.DBAPIError) else None
        raise SchemaError(f"cannot {purpose}: {driver or error}") from error
    finally:
        engine.dispose()


def _engine(url: str, looking: Connect | None) -> Engine:
    target = make_url(url).set(drivername=DRIVERS[dialect(url)])
    file = file_of(url)
    if looking is not None and file is not None:
        return create_engine(target, poolclass=NullPool, creator=partial(looking, file))
    return create_engine(target, poolclass=NullPool)


def _be_alone(connection: Connection) -> None:
    connection.exec_driver_sql(_ALONE[connection.dialect.name])
