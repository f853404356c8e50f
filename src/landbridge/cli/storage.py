"""Prepares the state directory and the database for use.

Rules this module keeps:
- The schema is upgraded before the database opens.
- A database is created once, by the first process; others wait. In a state directory with traces of
  an earlier database (keys, tokens, the agent's state) none is created: it was lost, and a new one
  would ask for no tunnels.
- A key is created only if nothing is sealed. A missing key stops the start; a damaged secret does
  not.
- Nothing of an earlier database is deleted: files in the way of a new one are renamed.
- The database's files are readable by their owner only, also in a directory that others can read.
"""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Final

from sqlalchemy.exc import DBAPIError, OperationalError

from landbridge import errors
from landbridge.cli import preflight
from landbridge.config.load import KEY_FILE
from landbridge.config.settings import Settings
from landbridge.filelock import FULL, Held, held
from landbridge.store import filecheck, keyfile, keys
from landbridge.store.database import Database
from landbridge.store.migrations import (
    Schema,
    SchemaError,
    file_of,
    look,
    looking,
    orphans,
    upgrade,
)
from landbridge.store.secrets import Sealer

#: What is in a state directory once a database was there. In the order in which they are named.
TRACES: Final = (
    KEY_FILE,
    "admin-token",
    "agent-token",
    "agent/epoch",
    "agent/followed",
)
CREATION_PATIENCE: Final = 60.0  # seconds
PREDECESSOR_PATIENCE: Final = 5.0


def prepare(settings: Settings) -> None:
    """Make or migrate the database. Raises: NotReady, TryLater, DatabaseUrlError."""
    preflight.state_dir(settings)
    with told(settings):
        if look(settings.database.url) is Schema.CURRENT:
            return
        with _creating(settings):
            if look(settings.database.url) is Schema.NONE:
                _refuse_beside_traces(settings)
            _upgrade(settings)


def init(settings: Settings, *, force: bool) -> None:
    """Make a new database where there is none; `force`: also where there was one.

    Raises: as `prepare`.
    """
    preflight.state_dir(settings)
    url = settings.database.url
    with told(settings), _creating(settings):
        if look(url) is not Schema.NONE:
            raise preflight.NotReady(
                f"There is a database at {place(settings)}: move it away first, with its -wal and "
                "-shm, or give another [database] url."
            )
        if not force:
            _refuse_beside_traces(settings)
        for path in orphans(url):
            path.rename(path.with_name(f"{path.name}.{time.strftime('%Y%m%d-%H%M%S')}"))
        _upgrade(settings)


def open_database(settings: Settings) -> Database:
    """Raises: NotReady, TryLater, DatabaseUrlError, KeyFileError."""
    prepare(settings)
    sealer = _sealer(settings)
    seconds = settings.database.statement_seconds
    db = Database.open(settings.database.url, sealer=sealer, seconds=seconds)
    try:
        with told(settings):
            db.write_sync(keys.register, sealer, is_shared(settings))
    except keys.KeysMissing as error:
        db.close()
        raise preflight.NotReady(_lost(settings, error.lost)) from None
    except BaseException:
        db.close()
        raise
    return db


@contextmanager
def alone(settings: Settings) -> Iterator[None]:
    """Be the only API process on an SQLite file: it knows of no commit but its own.

    Raises: NotReady.
    """
    file = file_of(settings.database.url)
    if file is None:
        yield
        return
    if said := filecheck.objection(file):
        raise preflight.NotReady(said)
    lock = lock_of(file)
    with ExitStack() as stack:
        try:
            stack.enter_context(held(lock, patience=PREDECESSOR_PATIENCE))
        except Held as error:
            raise preflight.NotReady(
                f"Another API process{_who(error)} uses the database {file}: stop it first; "
                "several on one database need PostgreSQL ([database] url)."
            ) from None
        except OSError as error:
            raise preflight.unlockable(lock, error) from None
        yield


def lock_of(file: Path) -> Path:
    """Beside the database itself, where links lead to one from several places."""
    real = file.resolve()
    return real.with_name(f"{real.name}.lock")


def place(settings: Settings) -> str:
    """Where the database is, without passwords."""
    file = file_of(settings.database.url)
    if file is not None:
        return str(file)
    return f"{settings.database.url.partition(':')[0]}:... ([database] url)"


def is_shared(settings: Settings) -> bool:
    """Whether API processes of other hosts may use the database."""
    return file_of(settings.database.url) is None


def _sealer(settings: Settings) -> Sealer:
    with told(settings), looking(settings.database.url) as tx:
        found = keys.survey(tx)
    sealer = _keys_here(settings)
    refuse_without_keys(settings, found, sealer)
    return sealer or keyfile.of_file(settings.database.key_file)


def refuse_without_keys(settings: Settings, found: keys.Keys, sealer: Sealer | None) -> None:
    """Raises: NotReady: a key that is needed is not here."""
    if lost := keys.missing(found, sealer, shared=is_shared(settings)):
        raise preflight.NotReady(_lost(settings, lost))


def _keys_here(settings: Settings) -> Sealer | None:
    """None: there is no key file. Raises: KeyFileError."""
    if settings.database.key_command:
        return keyfile.of_command(settings.database.key_command)
    with suppress(keyfile.KeyFileMissing):
        return keyfile.of_file(settings.database.key_file, make=False)
    return None


def _lost(settings: Settings, lost: Mapping[str, int]) -> str:
    path, command = settings.database.key_file, settings.database.key_command
    where = f"What [database] key_command ({command}) prints" if command else str(path)
    how = "does not have" if command or path.exists() else "is missing, and with it"
    which, sealed = " ".join(lost), sum(lost.values())
    use = f"that {sealed} pre-shared keys in {place(settings)} are sealed with"
    back = "put the file back that belongs to this database"
    if is_shared(settings):
        use = f"that the API processes on {place(settings)} seal with" if not sealed else use
        back = f"copy the key file of another API's host to it, or put {back.removeprefix('put ')}"
    return (
        f"{where} {how} the key {which} {use}: {back}; if it is lost, run "
        f"`landbridge db forget-key {which}` and set each psk again."
    )


def _refuse_beside_traces(settings: Settings) -> None:
    found = [settings.state_dir / name for name in TRACES]
    found = [*(path for path in found if os.path.exists(path)), *orphans(settings.database.url)]
    if found:
        raise preflight.NotReady(
            f"There is no database at {place(settings)} any more, but what belongs to one "
            f"({', '.join(map(str, found))}): put it back (docs/operations.md), or run "
            "`landbridge db init --force` to begin with an empty one."
        )


def _upgrade(settings: Settings) -> None:
    _make_private(settings)
    upgrade(settings.database.url)


@contextmanager
def told(settings: Settings) -> Iterator[None]:
    """What the database and its schema's module say, for a person. Raises: NotReady, TryLater."""
    try:
        yield
    except SchemaError as error:
        if isinstance(error.__cause__, OperationalError):
            raise preflight.TryLater(_away(settings, error.__cause__)) from None
        raise preflight.NotReady(_line(error)) from None
    except errors.ServiceUnavailable as error:
        raise preflight.TryLater(_away(settings, error.__cause__ or error)) from None


def _away(settings: Settings, error: BaseException) -> str:
    driver = error.orig if isinstance(error, DBAPIError) else error
    if getattr(driver, "sqlite_errorcode", None) == sqlite3.SQLITE_FULL:
        return f"The disk with the database {place(settings)} is full."
    return f"The database {place(settings)} does not answer: {_line(driver)}"


@contextmanager
def _creating(settings: Settings) -> Iterator[None]:
    """One process at a time makes or migrates the database."""
    with ExitStack() as stack:
        lock = settings.state_dir / "database.lock"
        try:
            stack.enter_context(held(lock, patience=CREATION_PATIENCE))
        except Held as error:
            raise preflight.TryLater(
                f"Another process{_who(error)} has been making or migrating the database for "
                f"{CREATION_PATIENCE:g} seconds: wait for it."
            ) from None
        except OSError as error:
            raise preflight.unlockable(lock, error) from None
        yield


def _who(error: Held) -> str:
    return f" ({error.pid})" if error.pid else ""


def _line(error: BaseException | None) -> str:
    return " ".join(str(error).split())


def _make_private(settings: Settings) -> None:
    """SQLite gives the files beside the database the database's own mode."""
    path = file_of(settings.database.url)
    if path is None:
        return
    try:
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600))
    except OSError as error:
        raise _unwritable(path, error) from None


def _unwritable(file: Path, error: OSError) -> preflight.NotReady | preflight.TryLater:
    if error.errno in FULL:
        return preflight.TryLater(f"The disk with the database {file} is full.")
    return preflight.NotReady(
        f"The database {file} cannot be written ({error.strerror}): see [database] url."
    )
