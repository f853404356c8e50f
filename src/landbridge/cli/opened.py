"""The database, for the commands that work on it and not through the API.

Rules this module keeps:
- Whoever may read the state directory may use them; root is given up before anything is opened.
- A command that only reads changes nothing: no state directory, database, schema or key is made.
  Where there is nothing to read, one line says what is missing and where it was looked for.
- Only what begins something (`made`) makes a database where there is none.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

from landbridge.cli.exits import Exit, Failed

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from landbridge.config.settings import Settings
    from landbridge.store.database import Database

WHERE: Final = (
    "name the API's state directory (--state-dir, LANDBRIDGE_STATE_DIR) or its configuration "
    "(--config, LANDBRIDGE_CONFIG)"
)


def settings_of(config: str | None, state_dir: str | None, *, make: bool = True) -> Settings:
    """The settings, when root has been given up. `make`: the state directory, where it is missing.

    Raises: ConfigError, NotReady.
    """
    from landbridge import telemetry
    from landbridge.cli import privileges
    from landbridge.config.load import load

    settings = load(config, state_dir=state_dir)
    telemetry.set_up_logs("warning", settings.log.format, "command")  # stdout is the command's
    return privileges.without(settings, make=make)


@contextmanager
def made(settings: Settings) -> Iterator[Database]:
    """The database, its schema up to date; made where there is none.

    Raises: NotReady, TryLater, DatabaseUrlError.
    """
    from landbridge.cli.storage import prepare
    from landbridge.store.database import Database

    prepare(settings)
    db = Database.open(settings.database.url)
    try:
        yield db
    finally:
        db.close()


@contextmanager
def existing(config: str | None, state_dir: str | None) -> Iterator[Database]:
    """The database that is there, its schema brought up to date.

    Raises: as `made`; ConfigError; Failed: there is none.
    """
    with made(present(config, state_dir).settings) as db:
        yield db


@contextmanager
def reading(config: str | None, state_dir: str | None) -> Iterator[Connection]:
    """The database that is there, to read only.

    Raises: ConfigError, NotReady, TryLater, DatabaseUrlError; Failed: there is none, or it has an
    older schema.
    """
    from landbridge.cli.storage import place, told
    from landbridge.store.filecheck import connect_without_trace
    from landbridge.store.migrations import looking

    found = present(config, state_dir)
    settings = found.settings
    if found.older:
        raise Failed(
            Exit.MEND,
            f"The database {place(settings)} has the schema of an older release: run "
            "`landbridge db upgrade`.",
        )
    with told(settings), looking(settings.database.url, connect_without_trace) as tx:
        yield tx


class Present(NamedTuple):
    """A database that is there. `older`: its schema is an older release's."""

    settings: Settings
    older: bool


def present(config: str | None, state_dir: str | None) -> Present:
    """Raises: ConfigError, NotReady, TryLater, DatabaseUrlError; Failed: there is none."""
    from landbridge.cli.storage import place, told
    from landbridge.config.load import load
    from landbridge.store.filecheck import connect_without_trace
    from landbridge.store.migrations import Schema, file_of, look

    file = file_of(load(config, state_dir=state_dir).database.url)
    if file is not None:
        _see(file)
    settings = settings_of(config, state_dir, make=False)
    with told(settings):
        found = look(settings.database.url, connect_without_trace)
    if found is Schema.NONE:
        raise Failed(
            Exit.NOT_FOUND, f"There is no database of landbridge at {place(settings)}: {WHERE}."
        )
    return Present(settings, found is Schema.OLDER)


def _see(file: Path) -> None:
    """Raises: Failed: there is no such file, or it is not to be seen."""
    try:
        os.stat(file)
    except (FileNotFoundError, NotADirectoryError):
        raise Failed(Exit.NOT_FOUND, f"There is no database {file}: {WHERE}.") from None
    except OSError as error:
        raise Failed(
            Exit.MEND, f"The database {file} cannot be read ({error.strerror}): {WHERE}."
        ) from None
