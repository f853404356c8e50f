"""``landbridge gateway add | list | revoke``: the credentials of gateways.

Rules this module keeps:
- A new credential is printed once, alone on stdout, so that a script can keep it.
- It works on the database, not through the API: whoever may read the state directory may.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Final

import click

from landbridge.cli.token import opened, place
from landbridge.model.gateway import is_gateway_name

if TYPE_CHECKING:
    from landbridge.auth.gateways import KnownGateway

_STATES: Final = {(False, False): "never seen", (True, False): "silent", (True, True): "reports"}


def _name(_: click.Context, __: click.Parameter, value: str) -> str:
    if not is_gateway_name(value):
        raise click.BadParameter(
            "a gateway's name has up to 200 printable characters and no space at its ends"
        )
    return value


_gateway = click.argument("name", callback=_name)


@click.group()
def gateway() -> None:
    """Gateways and their credentials: a credential speaks for one gateway only."""


@gateway.command()
@place
@_gateway
@click.option("--replace", is_flag=True, help="End the credential that the gateway has.")
def add(*, config: str | None, state_dir: str | None, name: str, replace: bool) -> None:
    """Make the credential of gateway NAME and print it, this once.

    It goes into the file that `[agent] token_file` names on that gateway, whose `[agent]
    gateway_id` (by default the host's name) is NAME.
    """
    from landbridge.auth import gateways, local_tokens

    secret = local_tokens.new_secret()
    make = partial(gateways.add, gateway_id=name, replace=replace)
    with opened(config, state_dir) as db:
        try:
            db.write_sync(make, secret)
        except gateways.HasCredential:
            raise click.ClickException(
                f"gateway {name!r} has a credential; --replace makes a new one and ends it"
            ) from None
    click.echo(f"credential of gateway {name}", err=True)
    click.echo(secret)


@gateway.command("list")
@place
def show_all(config: str | None, state_dir: str | None) -> None:
    """Show the gateways: whether they have a credential, and whether they report."""
    from rich.console import Console
    from rich.table import Table

    from landbridge.auth import gateways

    with opened(config, state_dir) as db:
        found = db.read_sync(gateways.every)
    table = Table("gateway", "credential of", "state", "host", "version", "routers")
    for known in found:
        table.add_row(*_line(known))
    console = Console()
    console.print(table, width=max(console.width, 160) if not console.is_terminal else None)


@gateway.command()
@place
@_gateway
def revoke(config: str | None, state_dir: str | None, name: str) -> None:
    """Revoke the credential of gateway NAME. The API knows within a second.

    Its tunnels go on as they are; its connections say `gateway-silent` when its lease has run out.
    """
    from landbridge.auth import gateways

    with opened(config, state_dir) as db:
        gone = db.write_sync(gateways.revoke, name)
    if not gone:
        raise click.ClickException(
            f"gateway {name!r} has no credential; see `landbridge gateway list`"
        )
    click.echo(f"revoked: {gone}")


def _line(known: KnownGateway) -> tuple[str, ...]:
    made = known.credential and known.credential.created_at
    state = _STATES[known.seen, known.reports]
    return (known.name, made or "none", state, known.hostname, known.version, str(known.routers))
