"""``landbridge db current | upgrade | init | restored | forget-key``: by a person's word.

Rules this module keeps:
- What destroys nothing is done at every start by itself; what a person must mean is said here.
- It works on the database, not through the API: whoever may read the state directory may.
"""

from __future__ import annotations

import click

from landbridge.cli import options
from landbridge.cli.opened import existing, present, settings_of
from landbridge.cli.output import Output, formatted


@click.group(short_help="The database: its schema, its beginning, its backups.")
def db() -> None:
    """The database: its schema, its beginning, its way back from a backup."""


@db.command(short_help="Show which database it is, and its schema.")
@formatted("database", "schema", "newest_schema", "state")
@options.places
def current(config: str | None, state_dir: str | None, output: Output) -> None:
    """Show which database it is, and whether its schema is this release's. Changes nothing."""
    from landbridge.cli.storage import place, told
    from landbridge.store.filecheck import connect_without_trace
    from landbridge.store.migrations import looking, newest, version

    found = present(config, state_dir)
    url = found.settings.database.url
    with told(found.settings), looking(url, connect_without_trace) as tx:
        schema = version(tx)
    output.record(
        {
            "database": place(found.settings),
            "schema": schema,
            "newest_schema": newest(),
            "state": "older" if found.older else "current",
        }
    )


@db.command()
@options.places
def upgrade(config: str | None, state_dir: str | None) -> None:
    """Bring the schema up to date."""
    from landbridge.cli.storage import prepare

    prepare(settings_of(config, state_dir))
    click.echo("The schema is up to date.")


@db.command()
@options.places
@click.option("--force", is_flag=True, help="Also where the state directory had one before.")
def init(config: str | None, state_dir: str | None, force: bool) -> None:
    """Make a new, empty database where there is none.

    The first start does it by itself, but not in a state directory that had a database. Gateways
    that followed the old one keep what they run until each is told `landbridge agent accept`.
    """
    from landbridge.cli import storage

    settings = settings_of(config, state_dir)
    storage.init(settings, force=force)
    click.echo(f"made: {storage.place(settings)}")


@db.command(short_help="Say that a backup was put back: gateways follow it.")
@options.places
def restored(config: str | None, state_dir: str | None) -> None:
    """Say that a backup was put back, and that all gateways are to follow it.

    What was changed after the backup is undone on them: tunnels that it does not know are taken
    down. Until this is said, they keep what they run.
    """
    from landbridge.store import identity

    with existing(config, state_dir) as opened:
        now = opened.write_sync(identity.restored)
    click.echo(f"The database is {now.id} now; gateways follow it within seconds.")


@db.command("forget-key", short_help="Give up pre-shared keys whose sealing key is lost.")
@options.places
@click.argument("key_ids", metavar="KEY-ID...", nargs=-1, required=True)
def forget_key(config: str | None, state_dir: str | None, key_ids: tuple[str, ...]) -> None:
    """Give up the pre-shared keys that were sealed with a lost key of secret.key.

    Their connections are ERROR until each is given its psk again; tunnels that are up go on.
    """
    from landbridge.store import keys

    with existing(config, state_dir) as opened:
        for key_id in key_ids:
            lost = opened.write_sync(keys.forget, key_id)
            click.echo(f"{key_id}: {lost} pre-shared keys given up")
