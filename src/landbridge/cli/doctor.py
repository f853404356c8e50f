"""``landbridge doctor CONNECTION``: what is wrong with a connection, for a person.

Rules this module keeps:
- The most probable cause first, with what to change on which side; then what was seen.
- It is a client like any other: the public API, a token, no database.
- The exit code says what was found: 0 nothing wrong, 1 something is.
"""

from __future__ import annotations

import json
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from landbridge.cli import reach
from landbridge.config.load import load

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from landbridge.client import Api

View = dict[str, Any]

KIND: Final = "ipsec_site_connection"
MODES: Final = {
    "single": "one CHILD_SA for all pairs of networks",
    "split": "one CHILD_SA for each pair of networks",
}
STYLES: Final = {"ACTIVE": "green", "DOWN": "red", "ERROR": "bold red"}


@click.command()
@click.argument("connection", metavar="NAME-OR-ID")
@click.option("--json", "as_json", is_flag=True, help="Print what the API answers.")
@reach.options
@click.option("--token-file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--state-dir", metavar="DIR", help="Whose admin-token is used by default.")
@click.option("--config", metavar="FILE", help="The configuration file.")
def doctor(
    *,
    connection: str,
    as_json: bool,
    url: str | None,
    ca_file: Path | None,
    token_file: Path | None,
    state_dir: str | None,
    config: str | None,
) -> None:
    """Say what is wrong with a connection, and what to change on which side."""
    from rich.console import Console

    from landbridge.cli.plan import find, read_token
    from landbridge.client import ClientError

    settings = load(config, state_dir=state_dir)
    try:
        token = read_token(token_file, settings.state_dir)
        with closing(reach.api(settings, url, ca_file, token)) as api:
            told = _diagnostics(api, find(api, KIND, connection)["id"])
    except ClientError as error:
        raise click.ClickException(str(error)) from None
    if as_json:
        click.echo(json.dumps(told, indent=2))
    else:
        show(Console(), told)
    raise SystemExit(1 if told["findings"] else 0)


def _diagnostics(api: Api, connection_id: str) -> View:
    path = f"/v2.0/vpn/ipsec-site-connections/{connection_id}/diagnostics"
    found: View = api.call("GET", path)["diagnostics"]
    return found


def show(console: Console, told: View) -> None:
    """Print diagnostics; most probable cause first."""
    _head(console, told)
    for number, finding in enumerate(told["findings"], 1):
        _finding(console, number, finding)
    if not told["findings"]:
        console.print("[green]Nothing wrong was found.[/]\n")
    if told["tunnel"]:
        _tunnel(console, told["tunnel"])
    if told["history"]:
        console.print(_history(told["history"]))


def _head(console: Console, told: View) -> None:
    of, gateway = told["connection"], told["gateway"]
    style = STYLES.get(of["status"], "yellow")
    since = f" since {of['status_changed_at']}" if of["status_changed_at"] else ""
    console.print(f"[bold]{_plain(of['name'] or of['id'])}[/]: [{style}]{of['status']}[/]{since}")
    wanted, applied = told["desired"]["revision"], told["applied"]["revision"]
    console.print(f"  revision {wanted} wanted, {applied or 'none'} in effect")
    if gateway["id"]:
        answered = f"answered in {gateway['answered_in']} s" if gateway["answered"] else "no answer"
        backend = f", {gateway['backend']}" if gateway["backend"] else ""
        console.print(f"  gateway {_plain(gateway['id'])}{_plain(backend)}: {answered}")
    ids = told["identities"]
    console.print(f"  we are {_identity(ids['local'])}, the peer is to be {_identity(ids['peer'])}")
    console.print()


def _identity(told: View) -> str:
    """With its type: a peer compares that, too."""
    return _plain(" ".join(filter(None, (told["type"], told["id"]))))


def _finding(console: Console, number: int, finding: View) -> None:
    lead = "Most probably" if number == 1 else "Also seen"
    console.print(f"[bold]{lead}: {finding['code']}[/]")
    console.print(f"  {_plain(finding['meaning'])}")
    if finding["seen"]:
        console.print(f"  Seen: {_plain(finding['seen'])}")
    if finding["here"]:
        console.print(f"  [cyan]On our side:[/] {_plain(finding['here'])}")
    if finding["there"]:
        console.print(f"  [cyan]At the peer:[/] {_plain(finding['there'])}")
    console.print()


def _tunnel(console: Console, tunnel: View) -> None:
    if last := tunnel["last_exchange"]:
        console.print(f"Last IKE exchange: {_plain(last['message'])}")
    for sa in tunnel["sas"]:
        nat = [side for side, behind in (("we", sa["nat_here"]), ("the peer", sa["nat_there"]))
               if behind]  # fmt: skip
        behind = f", behind a NAT: {' and '.join(nat)}" if nat else ""
        console.print(
            f"IKE{sa['version']} {sa['state']} {_end(sa, 'local')} - {_end(sa, 'remote')}{behind}"
        )
        console.print(f"  {_algorithms(sa)}; {_ages(sa)}")
        for child in sa["children"]:
            _child(console, child)
    for networks in tunnel["missing"]:
        console.print(f"  [red]not up[/] {_plain(networks)}")
    if mode := tunnel.get("selector_mode"):
        console.print(f"Selector mode in effect: {mode} ({MODES[mode]})")
    console.print()


def _child(console: Console, child: View) -> None:
    networks = f"{', '.join(child['local_ts'])} - {', '.join(child['remote_ts'])}"
    console.print(f"  {child['protocol']} {child['state']} {_plain(networks)}")
    console.print(f"    {_algorithms(child)}; {_ages(child)}")
    for way in ("in", "out"):
        counts = f"{child[f'packets_{way}']} packets, {child[f'bytes_{way}']} bytes"
        console.print(f"    {way:>3}: {counts}, SPI {child[f'spi_{way}']}")


def _history(events: list[View]) -> Table:
    from rich.table import Table

    table = Table("when", "what", "status", "why", box=None, padding=(0, 2, 0, 0))
    for event in events:
        why = event.get("message") or event.get("status_reason") or ""
        if changed := event.get("changed"):
            why = ", ".join(changed)
        table.add_row(event["at"], event["kind"], event.get("status", ""), _plain(why))
    return table


def _end(sa: View, side: str) -> str:
    return _plain(f"{sa[f'{side}_host']}[{sa[f'{side}_port']}] ({sa[f'{side}_id']})")


def _algorithms(sa: View) -> str:
    names = (sa.get(name) for name in ("encryption", "integrity", "prf", "dh_group"))
    return " / ".join(name for name in names if name)


def _ages(sa: View) -> str:
    times = (("age", "age"), ("rekey_in", "rekey in"), ("expires_in", "expires in"))
    known = (f"{words} {sa[name]} s" for name, words in times if sa.get(name) is not None)
    return ", ".join(known)


def _plain(text: str) -> str:
    """What others have typed is no markup."""
    from rich.markup import escape

    return escape(text)
