"""The state directory and the database, ready for use.

Rules this module keeps:
- What a command finds is up to date: the schema is brought there before the database opens.
- The database's files are their owner's alone, also in a state directory that is not.
"""

from __future__ import annotations

import os

from sqlalchemy import make_url
from sqlalchemy.exc import OperationalError

from landbridge.commands import preflight
from landbridge.settings import Settings
from landbridge.store.database import Database, dialect
from landbridge.store.migrations import SchemaError, upgrade
from landbridge.store.secrets import Sealer


def prepare(settings: Settings) -> None:
    """Make or migrate the database. Raises: NotReady, TryLater, DatabaseUrlError."""
    preflight.state_dir(settings)
    _make_private(settings.database.url)
    try:
        upgrade(settings.database.url)
    except SchemaError as error:
        if isinstance(away := error.__cause__, OperationalError):
            raise preflight.TryLater(f"The database does not answer: {_line(away.orig)}") from None
        raise preflight.NotReady(_line(error)) from None


def open_database(settings: Settings) -> Database:
    """Raises: NotReady, TryLater, DatabaseUrlError, KeyFileError."""
    prepare(settings)
    sealer = Sealer.from_file(settings.state_dir / "secret.key")
    return Database.open(settings.database.url, sealer=sealer)


def _line(error: BaseException | None) -> str:
    return " ".join(str(error).split())


def _make_private(url: str) -> None:
    """SQLite gives the files beside the database the database's own mode."""
    path = make_url(url).database
    if dialect(url) != "sqlite" or not path:
        return
    try:
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600))
    except OSError as error:
        raise preflight.NotReady(
            f"The database {path} cannot be written ({error.strerror}): see [database] url."
        ) from None
