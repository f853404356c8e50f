"""``landbridge db upgrade | init | restored | forget-key``: the database, by a person's word.

Rules this module keeps:
- What destroys nothing is done at every start by itself; what a person must mean is said here.
- It works on the database, not through the API: whoever may read the state directory may.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from landbridge.cli import privileges
from landbridge.config.load import Settings, load

if TYPE_CHECKING:
    from landbridge.store.database import Database


def _place(command: click.decorators.FC) -> click.decorators.FC:
    command = click.option("--state-dir", metavar="DIR", help="Where state is kept.")(command)
    return click.option("--config", metavar="FILE", help="The configuration file.")(command)


@contextmanager
def _opened(settings: Settings) -> Iterator[Database]:
    from landbridge.cli.storage import prepare
    from landbridge.store.database import Database

    prepare(privileges.without(settings))
    db = Database.open(settings.database.url)
    try:
        yield db
    finally:
        db.close()


@click.group()
def db() -> None:
    """The database: its schema, its beginning, its way back from a backup."""


@db.command()
@_place
@click.option("--bind", hidden=True)
def upgrade(config: str | None, state_dir: str | None, bind: str | None) -> None:
    """Bring the schema up to date."""
    from landbridge.cli.storage import prepare

    prepare(privileges.without(load(config, state_dir=state_dir, bind=bind)))
    click.echo("The schema is up to date.")


@db.command()
@_place
@click.option("--force", is_flag=True, help="Also where the state directory had one before.")
def init(config: str | None, state_dir: str | None, force: bool) -> None:
    """Make a new, empty database where there is none.

    The first start does it by itself, but not in a state directory that had a database. Gateways
    that followed the old one keep what they run until each is told `landbridge agent accept`.
    """
    from landbridge.cli import storage

    settings = privileges.without(load(config, state_dir=state_dir))
    storage.init(settings, force=force)
    click.echo(f"made: {storage.place(settings)}")


@db.command()
@_place
def restored(config: str | None, state_dir: str | None) -> None:
    """Say that a backup was put back, and that all gateways are to follow it.

    What was changed after the backup is undone on them: tunnels that it does not know are taken
    down. Until this is said, they keep what they run.
    """
    from landbridge.store import identity

    with _opened(load(config, state_dir=state_dir)) as opened:
        now = opened.write_sync(identity.restored)
    click.echo(f"The database is {now.id} now; gateways follow it within seconds.")


@db.command("forget-key")
@_place
@click.argument("key_ids", metavar="KEY-ID...", nargs=-1, required=True)
def forget_key(config: str | None, state_dir: str | None, key_ids: tuple[str, ...]) -> None:
    """Give up the pre-shared keys that were sealed with a lost key of secret.key.

    Their connections are ERROR until each is given its psk again; tunnels that are up go on.
    """
    from landbridge.store import keys

    with _opened(load(config, state_dir=state_dir)) as opened:
        for key_id in key_ids:
            lost = opened.write_sync(keys.forget, key_id)
            click.echo(f"{key_id}: {lost} pre-shared keys given up")
