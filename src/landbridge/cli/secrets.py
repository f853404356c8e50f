"""``landbridge secrets rotate | list``: the keys that pre-shared keys are sealed with.

Rules this module keeps:
- No key is printed, only its id.
- A running API follows its key file, so nothing is restarted. The old key stays in the file, since
  a backup of before needs it.
- Killed at any point, it is run again and goes on.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from landbridge.cli import options
from landbridge.cli.exits import Exit, Failed
from landbridge.cli.opened import present, reading
from landbridge.cli.output import Output, formatted

if TYPE_CHECKING:
    from landbridge.cli.layout import Piece
    from landbridge.config.settings import Settings
    from landbridge.store.database import Database

COLUMNS: Final = ("key", "use", "sealed")
FOLLOWED: Final = 2.5  # seconds by which a running API has read its file again


@click.group(short_help="The keys that pre-shared keys are sealed with.")
def secrets() -> None:
    """The keys that pre-shared keys are sealed with in the database."""


@secrets.command("list", short_help="Show the keys by id, and what each has sealed.")
@formatted(*COLUMNS)
@options.places
def show_all(config: str | None, state_dir: str | None, output: Output) -> None:
    """Show the ids of the keys, in the order of the key file, and how many pre-shared keys each has
    sealed."""
    from landbridge.store import keyfile, keys

    file = [key_id.hex() for key_id in keyfile.read(_file(present(config, state_dir).settings))]
    with reading(config, state_dir) as tx:
        found = keys.survey(tx)
    sought = {key_id for key_id, proof in found.known.items() if proof} | found.used.keys()
    output.rows(
        [
            {"key": key_id, "use": _use(key_id, file), "sealed": found.used.get(key_id, 0)}
            for key_id in [*file, *sorted(sought - set(file))]
        ],
        "There are no keys.",
        _cell,
    )


def _use(key_id: str, file: list[str]) -> str:
    if key_id not in file:
        return "not here"
    return "seals" if key_id == file[0] else "opens"


def _cell(_: str, value: object) -> Piece:
    return str(value)


@secrets.command(short_help="Seal all pre-shared keys with a new key.")
@click.option("--prepare", is_flag=True, help="Only add the new key to the file: it opens.")
@options.places
def rotate(config: str | None, state_dir: str | None, *, prepare: bool) -> None:
    """Seal all pre-shared keys with a new key, while the API runs.

    Where several API processes share the database: run it with --prepare, copy the key file to
    their hosts; run it without, copy the file again; run it once more.
    """
    from landbridge.cli.opened import made
    from landbridge.cli.storage import is_shared, refuse_without_keys
    from landbridge.store import keyfile, keys
    from landbridge.store.rotation import Step, next_step, waiting

    settings = present(config, state_dir).settings
    path, shared = _file(settings), is_shared(settings)
    with made(settings) as db:
        found = db.read_sync(keys.survey)
        refuse_without_keys(settings, found, keyfile.of_file(path, make=False))
        known, file = found.known, keyfile.read(path)
        step = next_step([each.hex() for each in file], known, prepare=prepare, shared=shared)
        if step is Step.NEED_OTHERS:
            raise Failed(
                Exit.REFUSED,
                "API processes of other hosts may share the database and need the new key first: "
                f"run it with --prepare, copy {path} to each of them, and run it again.",
            )
        if step is Step.PREPARE:
            file = _prepare(path)
        new = waiting([each.hex() for each in file], known)
        if prepare:
            click.echo(f"{new}: opens from now on. Copy {path} to the host of each other API.")
            return
        if new:
            _begin(db, path, new)
        _reseal(db, path)
        _end(db, path, retire=step is Step.FINISH or not shared)


def _file(settings: Settings) -> Path:
    """Raises: Failed: the keys are in no file."""
    if settings.database.key_command:
        raise Failed(
            Exit.REFUSED,
            "The keys are what [database] key_command prints: change them where it has them from.",
        )
    return settings.database.key_file


def _prepare(path: Path) -> dict[bytes, bytes]:
    """Put a new key behind those of the file; all of them."""
    from landbridge.store import keyfile
    from landbridge.store.secrets import new_key

    file = dict([*keyfile.read(path).items(), new_key()])
    keyfile.replace(path, file)
    return file


def _begin(db: Database, path: Path, new: str) -> None:
    """Let the key seal: known to the database first, then in front."""
    from landbridge.store import keyfile, keys
    from landbridge.store.secrets import Sealer

    file = keyfile.read(path)
    key_id = bytes.fromhex(new)
    front = {key_id: file.pop(key_id), **file}
    db.write_sync(keys.register, Sealer(front))
    keyfile.replace(path, front)
    click.echo(f"{new}: seals from now on.")


def _reseal(db: Database, path: Path) -> None:
    from landbridge.store import keyfile
    from landbridge.store.rotation import Resealed, reseal

    time.sleep(FOLLOWED)
    sealer = keyfile.of_file(path, make=False)
    step, sealed, damaged = Resealed(), 0, 0
    while True:
        step = db.write_sync(reseal, sealer, step.last)
        sealed, damaged = sealed + step.sealed, damaged + step.damaged
        if not step.last:
            break
    click.echo(f"{sealed} pre-shared keys sealed anew.")
    if damaged:
        click.echo(f"{damaged} do not open with any key of {path}, and are as they were.", err=True)


def _end(db: Database, path: Path, *, retire: bool) -> None:
    from landbridge.store import keyfile, rotation

    if not retire:
        click.echo(f"Copy {path} to the host of each other API again; then run this once more.")
        return
    active = next(iter(keyfile.read(path))).hex()
    for key_id in db.write_sync(rotation.retire, active):
        click.echo(
            f"{key_id}: seals nothing any more. It stays in {path} for backups of before; remove "
            "its line when none is needed."
        )
