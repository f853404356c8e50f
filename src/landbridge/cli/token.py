"""``landbridge token create | list | revoke``: the strategy ``token``'s tokens.

Rules this module keeps:
- A new token is printed once; alone on stdout, so that a script can keep it, unless something else
  is asked for.
- It works on the database, not through the API: whoever may read the state directory may.
- A role is one that the policy asks for: a token with another one would be good for nothing.
"""

from __future__ import annotations

import re
import time
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any, Final

import click

from landbridge.cli import options
from landbridge.cli.exits import Exit, Failed
from landbridge.cli.layout import Piece, Styled
from landbridge.cli.opened import existing, made, reading, settings_of
from landbridge.cli.output import Output, formatted, plain

if TYPE_CHECKING:
    from landbridge.auth.local_tokens import Token

COLUMNS: Final = (
    "id",
    "name",
    "project_id",
    "roles",
    "gateway_id",
    "created_at",
    "expires_at",
    "state",
)
STYLES: Final = {"valid": "good", "expired": "bad"}
LONGEST: Final = 255
UNITS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 7 * 86400}


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


@click.group()
def token() -> None:
    """Tokens of the strategy `token`. Those of gateways: `landbridge gateway`."""


@token.command()
@click.option(
    "--project", required=True, callback=_text, help="The id of the project that it acts in."
)
@click.option(
    "--role",
    "roles",
    multiple=True,
    default=("member",),
    callback=_text,
    help="admin, member (default), reader, or another one of the policy; may be repeated.",
)
@click.option("--expires", callback=_expiry, help="90d, 12h, 30m, a date, or never (default).")
@click.option(
    "--name", default="", callback=_text, help="To tell it from others, and to revoke it by."
)
@formatted(*COLUMNS, "token", first="token")
@options.places
def create(
    *,
    config: str | None,
    state_dir: str | None,
    project: str,
    roles: tuple[str, ...],
    expires: int | None,
    name: str,
    output: Output,
) -> None:
    """Make a token and print it, this once.

    `admin` brings `member` and `reader`, `member` brings `reader`.
    """
    from landbridge.auth import local_tokens
    from landbridge.auth import roles as known_roles
    from landbridge.auth.caller import AGENT_ROLE
    from landbridge.auth.policy_file import PolicyFile

    if AGENT_ROLE in roles:
        raise click.BadParameter(
            f"{AGENT_ROLE} is the role of a gateway's credential: `landbridge gateway add NAME`"
        )
    if not project.strip():
        raise click.BadParameter("--project must not be empty")
    settings = settings_of(config, state_dir)
    policy = PolicyFile(settings.policy.policy_file).roles
    try:
        held = known_roles.held(roles, known_roles.known(policy))
    except known_roles.UnknownRole as error:
        raise click.BadParameter(str(error), param_hint="--role") from None
    secret = local_tokens.new_secret()
    add = partial(
        local_tokens.add_named, name=name, project_id=project, roles=held, expires_at=expires
    )
    with made(settings) as db:
        try:
            one = db.write_sync(add, secret)
        except local_tokens.NameTaken as error:
            raise Failed(
                Exit.REFUSED,
                f"the token {error.id} has the name {name!r}: give this one another, or revoke "
                f"that one (`landbridge token revoke {error.id}`)",
            ) from None
    click.echo(f"token {one.id} of project {project}, roles {' '.join(one.roles)}", err=True)
    output.record(view(one) | {"token": secret})


@token.command("list")
@formatted(*COLUMNS)
@options.places
def show_all(config: str | None, state_dir: str | None, output: Output) -> None:
    """Show the tokens, without what they are: that is not kept.

    An expired one is shown for 30 days.
    """
    from landbridge.auth import local_tokens

    with reading(config, state_dir) as tx:
        found = local_tokens.every(tx)
    output.rows([view(one) for one in found], "There are no tokens.", _cell)


@token.command()
@click.argument("name_or_id", metavar="NAME-OR-ID")
@options.places
def revoke(config: str | None, state_dir: str | None, name_or_id: str) -> None:
    """Revoke a token by its id or name. The API knows within a second."""
    from landbridge.auth import local_tokens

    with existing(config, state_dir) as db:
        try:
            gone = db.write_sync(local_tokens.revoke_one, name_or_id)
        except local_tokens.SeveralFit as error:
            raise Failed(
                Exit.REFUSED,
                f"several tokens have the name {name_or_id!r}; give an id: {', '.join(error.ids)}",
            ) from None
    if gone is None:
        raise Failed(
            Exit.NOT_FOUND, f"there is no token {name_or_id!r}; see `landbridge token list`"
        )
    click.echo(f"revoked: {gone.id}")


def view(one: Token) -> dict[str, Any]:
    """As it is shown, by column."""
    return {
        "id": one.id,
        "name": one.name,
        "project_id": one.project_id,
        "roles": list(one.roles),
        "gateway_id": one.gateway_id,
        "created_at": one.created_at,
        "expires_at": None if one.expires_at is None else _date(one.expires_at),
        "state": "expired" if one.expired else "valid",
    }


def _cell(column: str, value: Any) -> Piece:
    if column == "state":
        return Styled(value, STYLES[value])
    return "never" if column == "expires_at" and value is None else plain(value)


def _date(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
