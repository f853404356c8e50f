"""``landbridge token create | list | revoke``: the strategy ``token``'s tokens.

Rules this module keeps:
- A new token is printed once, alone on stdout, so that a script can keep it.
- It works on the database, not through the API: whoever may read the state directory may.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any, Final

import click

from landbridge.cli import privileges
from landbridge.config.load import load

if TYPE_CHECKING:
    from landbridge.store.database import Database

LONGEST: Final = 255
UNITS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 7 * 86400}


@contextmanager
def opened(config: str | None, state_dir: str | None) -> Iterator[Database]:
    """The database that the configuration names, its schema up to date."""
    from landbridge.cli.storage import prepare
    from landbridge.store.database import Database

    settings = privileges.without(load(config, state_dir=state_dir))
    prepare(settings)
    db = Database.open(settings.database.url)
    try:
        yield db
    finally:
        db.close()


def _expiry(_: click.Context, __: click.Parameter, value: str | None) -> int | None:
    """``90d``, ``12h`` ... from now, or a date; seconds since the epoch."""
    if value is None or value == "never":
        return None
    if span := re.fullmatch(r"(\d{1,6})([smhdw])", value):
        return int(time.time()) + int(span[1]) * UNITS[span[2]]
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        raise click.BadParameter(
            f"{value!r}: write 90d, 12h, 30m, never, or a date such as 2030-01-31"
        ) from None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    if moment.timestamp() <= time.time():
        raise click.BadParameter(f"{value!r} has passed already")
    return int(moment.timestamp())


def _text(_: click.Context, __: click.Parameter, value: str | tuple[str, ...]) -> Any:
    """What the database keeps as a short text."""
    for text in (value,) if isinstance(value, str) else value:
        if len(text) > LONGEST or not text.isprintable():
            raise click.BadParameter(f"up to {LONGEST} printable characters")
    return value


def place(command: click.decorators.FC) -> click.decorators.FC:
    """``--config`` and ``--state-dir``."""
    command = click.option("--state-dir", metavar="DIR", help="Where state is kept.")(command)
    return click.option("--config", metavar="FILE", help="The configuration file.")(command)


@click.group()
def token() -> None:
    """Tokens of the strategy `token`. Those of gateways: `landbridge gateway`."""


@token.command()
@place
@click.option(
    "--project", required=True, callback=_text, help="The id of the project that it acts in."
)
@click.option(
    "--role", "roles", multiple=True, default=("member",), callback=_text, help="May be repeated."
)
@click.option("--expires", callback=_expiry, help="90d, 12h, 30m, a date, or never (default).")
@click.option(
    "--name", default="", callback=_text, help="To tell it from others, and to revoke it by."
)
def create(
    *,
    config: str | None,
    state_dir: str | None,
    project: str,
    roles: tuple[str, ...],
    expires: int | None,
    name: str,
) -> None:
    """Make a token and print it, this once. Roles: admin, member, reader, or your own."""
    from landbridge.auth import local_tokens
    from landbridge.auth.caller import AGENT_ROLE

    if AGENT_ROLE in roles:
        raise click.BadParameter(
            f"{AGENT_ROLE} is the role of a gateway's credential: `landbridge gateway add NAME`"
        )
    if not project.strip():
        raise click.BadParameter("--project must not be empty")
    secret = local_tokens.new_secret()
    implied = {"admin": ("member", "reader"), "member": ("reader",)}
    held = {role for given in roles for role in (given, *implied.get(given, ()))}
    add = partial(local_tokens.add, name=name, project_id=project, roles=held, expires_at=expires)
    with opened(config, state_dir) as db:
        db.write_sync(local_tokens.drop_expired)
        made = db.write_sync(add, secret)
    click.echo(f"token {made.id} of project {project}, roles {' '.join(made.roles)}", err=True)
    click.echo(secret)


@token.command("list")
@place
def show_all(config: str | None, state_dir: str | None) -> None:
    """Show the tokens, without what they are: that is not kept."""
    from rich.console import Console
    from rich.table import Table

    from landbridge.auth import local_tokens

    with opened(config, state_dir) as db:
        found = db.read_sync(local_tokens.every)
    table = Table("id", "name", "project", "roles", "gateway", "created", "expires")
    for one in found:
        expires = "never" if one.expires_at is None else _date(one.expires_at)
        table.add_row(
            one.id,
            one.name,
            one.project_id,
            " ".join(one.roles),
            one.gateway_id or "",
            one.created_at,
            expires,
        )
    console = Console()
    console.print(table, width=max(console.width, 160) if not console.is_terminal else None)


@token.command()
@place
@click.argument("name_or_id")
def revoke(config: str | None, state_dir: str | None, name_or_id: str) -> None:
    """Revoke a token by its id, or all that have a name. The API knows within a second."""
    from landbridge.auth import local_tokens

    with opened(config, state_dir) as db:
        gone = db.write_sync(local_tokens.revoke, name_or_id)
    if not gone:
        raise click.ClickException(f"there is no token {name_or_id!r}; see `landbridge token list`")
    click.echo(f"revoked: {gone}")


def _date(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
