"""``landbridge gateway add | list | revoke``: the credentials of gateways.

Rules this module keeps:
- A new credential is printed once; alone on stdout, so that a script can keep it, unless something
  else is asked for.
- It works on the database, not through the API: whoever may read the state directory may.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Final

import click

from landbridge.cli import options
from landbridge.cli.exits import Exit, Failed
from landbridge.cli.layout import Piece, Styled
from landbridge.cli.opened import existing, made, reading, settings_of
from landbridge.cli.output import Output, formatted, plain
from landbridge.cli.token import COLUMNS as TOKEN_COLUMNS
from landbridge.cli.token import view as token_view

if TYPE_CHECKING:
    from landbridge.auth.gateways import KnownGateway

COLUMNS: Final = ("gateway", "credential_created_at", "state", "host", "version", "routers")
_STATES: Final = {(False, False): "never seen", (True, False): "silent", (True, True): "reports"}
_STYLES: Final = {"never seen": "doubtful", "silent": "bad", "reports": "good"}


def _name(_: click.Context, __: click.Parameter, value: str) -> str:
    from landbridge.model.gateway import is_gateway_name

    if not is_gateway_name(value):
        raise click.BadParameter(
            "a gateway's name has up to 200 printable characters and no space at its ends"
        )
    return value


_gateway = click.argument("name", callback=_name)


@click.group(short_help="Gateways and their credentials.")
def gateway() -> None:
    """Gateways and their credentials: a credential speaks for one gateway only."""


@gateway.command()
@_gateway
@click.option("--replace", is_flag=True, help="End the credential that the gateway has.")
@formatted(*TOKEN_COLUMNS, "token", first="token")
@options.places
def add(
    *, config: str | None, state_dir: str | None, name: str, replace: bool, output: Output
) -> None:
    """Make the credential of gateway NAME and print it, this once.

    It goes into the file that `[agent] token_file` names on that gateway, whose `[agent]
    gateway_id` (by default the host's name) is NAME.
    """
    from landbridge.auth import gateways, local_tokens

    secret = local_tokens.new_secret()
    make = partial(gateways.add, gateway_id=name, replace=replace)
    with made(settings_of(config, state_dir)) as db:
        try:
            one = db.write_sync(make, secret)
        except gateways.HasCredential:
            raise Failed(
                Exit.REFUSED,
                f"gateway {name!r} has a credential; --replace makes a new one and ends it",
            ) from None
    click.echo(f"credential of gateway {name}", err=True)
    output.record(token_view(one) | {"token": secret})


@gateway.command("list", short_help="Show the gateways, and whether they report.")
@formatted(*COLUMNS)
@options.places
def show_all(config: str | None, state_dir: str | None, output: Output) -> None:
    """Show the gateways: whether they have a credential, and whether they report."""
    from landbridge.auth import gateways

    with reading(config, state_dir) as tx:
        found = gateways.every(tx)
    output.rows([_view(known) for known in found], "There are no gateways.", _cell)


@gateway.command()
@_gateway
@options.places
def revoke(config: str | None, state_dir: str | None, name: str) -> None:
    """Revoke the credential of gateway NAME. The API knows within a second.

    Its tunnels go on as they are; its connections say `gateway-silent` when its lease has run out.
    """
    from landbridge.auth import gateways

    with existing(config, state_dir) as db:
        gone = db.write_sync(gateways.revoke, name)
    if not gone:
        raise Failed(
            Exit.NOT_FOUND, f"gateway {name!r} has no credential; see `landbridge gateway list`"
        )
    click.echo(f"revoked: {gone}")


def _view(known: KnownGateway) -> dict[str, Any]:
    return {
        "gateway": known.name,
        "credential_created_at": known.credential and known.credential.created_at,
        "state": _STATES[known.seen, known.reports],
        "host": known.hostname,
        "version": known.version,
        "routers": known.routers,
    }


def _cell(column: str, value: Any) -> Piece:
    if column == "state":
        return Styled(value, _STYLES[value])
    return "none" if column == "credential_created_at" and value is None else plain(value)
