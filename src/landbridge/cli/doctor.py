"""``landbridge doctor CONNECTION``: what is wrong with a connection, for a person.

Rules this module keeps:
- The most probable cause first, with what to change on which side; then what was seen.
- It is a client like any other: the public API, a token, no database.
- The exit code says what was found (`Exit.NOT_WELL`).
"""

from __future__ import annotations

from typing import Any, Final

import click

from landbridge.cli import options
from landbridge.cli.exits import Exit
from landbridge.cli.layout import Piece, Styled
from landbridge.cli.output import Output, formatted
from landbridge.cli.page import Page

View = dict[str, Any]

KIND: Final = "ipsec_site_connection"
#: Of the document that the API answers with.
PARTS: Final = (
    "connection",
    "identities",
    "desired",
    "applied",
    "gateway",
    "findings",
    "tunnel",
    "history",
)
MODES: Final = {
    "single": "one CHILD_SA for all pairs of networks",
    "split": "one CHILD_SA for each pair of networks",
}
STYLES: Final = {"ACTIVE": "good", "DOWN": "bad", "ERROR": "worst"}


@click.command(short_help="Say what is wrong with a connection, and what to change.")
@click.argument("connection", metavar="NAME-OR-ID")
@formatted(*PARTS, nested=True)
@options.client
def doctor(connection: str, *, output: Output, **where: Any) -> None:
    """Say what is wrong with a connection, and what to change on which side.

    Exit code: 0 where it is ACTIVE and nothing is wrong, 4 otherwise.
    """
    from landbridge.cli.remote import connected, find

    with connected(**where) as api:
        found = find(api, KIND, connection)
        path = f"/v2.0/vpn/ipsec-site-connections/{found['id']}/diagnostics"
        told: View = api.call("GET", path)["diagnostics"]
    output.record(told, show)
    well = told["connection"]["status"] == "ACTIVE" and not told["findings"]
    raise SystemExit(Exit.DONE if well else Exit.NOT_WELL)


def show(page: Page, told: View) -> None:
    """Print diagnostics; most probable cause first."""
    _head(page, told)
    for number, finding in enumerate(told["findings"], 1):
        _finding(page, number, finding)
    if not told["findings"]:
        page.line(Styled("Nothing wrong was found.", "good"))
        page.line()
    if told["tunnel"]:
        _tunnel(page, told["tunnel"])
    if told["history"]:
        rows = [_happened(event) for event in told["history"]]
        page.table(["when", "what", "status", "why"], rows)


def _head(page: Page, told: View) -> None:
    of, gateway = told["connection"], told["gateway"]
    status = Styled(of["status"], STYLES.get(of["status"], "doubtful"))
    since = f" since {of['status_changed_at']}" if of["status_changed_at"] else ""
    page.line(Styled(of["name"] or of["id"], "head"), ": ", status, since)
    page.line(_configuration(told["desired"]["revision"], told["applied"]["revision"]), indent=2)
    if gateway["id"]:
        answered = f"answered in {gateway['answered_in']} s" if gateway["answered"] else "no answer"
        backend = f", {gateway['backend']}" if gateway["backend"] else ""
        page.line(f"gateway {gateway['id']}{backend}: {answered}", indent=2)
    ids = told["identities"]
    us, them = _identity(ids["local"]), _identity(ids["peer"])
    page.line(f"we are {us}, the peer is to be {them}", indent=2)
    page.line()


def _configuration(wanted: int, applied: int) -> str:
    """Which changes are in effect. The connection's `revision_number` counts others as well."""
    if not applied:
        return f"configuration {wanted} is wanted, none is in effect yet"
    if applied >= wanted:
        return f"configuration {wanted} is in effect, the newest"
    return f"configuration {applied} is in effect, {wanted} is wanted"


def _identity(told: View) -> str:
    """With its type: a peer compares that, too."""
    return " ".join(filter(None, (told["type"], told["id"])))


def _finding(page: Page, number: int, finding: View) -> None:
    lead = "Most probably" if number == 1 else "Also seen"
    page.line(Styled(f"{lead}: {finding['code']}", "head"))
    page.line(finding["meaning"], indent=2)
    sides: tuple[tuple[Piece, str], ...] = (
        ("Seen:", finding["seen"]),
        (Styled("On our side:", "notable"), finding["here"]),
        (Styled("At the peer:", "notable"), finding["there"]),
    )
    for lead_in, text in sides:
        if text:
            page.line(lead_in, f" {text}", indent=2)
    page.line()


def _tunnel(page: Page, tunnel: View) -> None:
    if last := tunnel["last_exchange"]:
        page.line(f"Last IKE exchange: {last['message']}")
    for sa in tunnel["sas"]:
        ends = f"{_end(sa, 'local')} - {_end(sa, 'remote')}"
        page.line(f"IKE{sa['version']} {sa['state']} {ends}{_nat(sa)}")
        _facts(page, sa, indent=2)
        for child in sa["children"]:
            _child(page, child)
    for networks in tunnel["missing"]:
        page.line(Styled("not up", "bad"), f" {networks}", indent=2)
    if mode := tunnel.get("selector_mode"):
        page.line(f"Selector mode in effect: {mode} ({MODES[mode]})")
    page.line()


def _child(page: Page, child: View) -> None:
    networks = f"{', '.join(child['local_ts'])} - {', '.join(child['remote_ts'])}"
    page.line(f"{child['protocol']} {child['state']} {networks}", indent=2)
    _facts(page, child, indent=4)
    for way in ("in", "out"):
        counts = f"{child[f'packets_{way}']} packets, {child[f'bytes_{way}']} bytes"
        page.line(f"{way:>3}: {counts}, SPI {child[f'spi_{way}']}", indent=4, hang=5)


def _nat(sa: View) -> str:
    sides = (("we", sa["nat_here"]), ("the peer", sa["nat_there"]))
    behind = " and ".join(side for side, is_behind in sides if is_behind)
    return f", behind a NAT: {behind}" if behind else ""


def _facts(page: Page, sa: View, *, indent: int) -> None:
    """What is agreed on, and how old it is; nothing yet, where it is being negotiated."""
    if known := "; ".join(filter(None, (_algorithms(sa), _ages(sa)))):
        page.line(known, indent=indent)


def _happened(event: View) -> list[Piece]:
    why = event.get("message") or event.get("status_reason") or ""
    if changed := event.get("changed"):
        why = ", ".join(changed)
    return [event["at"], event["kind"], event.get("status") or "", why]


def _end(sa: View, side: str) -> str:
    return f"{sa[f'{side}_host']}[{sa[f'{side}_port']}] ({sa[f'{side}_id']})"


def _algorithms(sa: View) -> str:
    names = (sa.get(name) for name in ("encryption", "integrity", "prf", "dh_group"))
    return " / ".join(name for name in names if name)


def _ages(sa: View) -> str:
    times = (("age", "age"), ("rekey_in", "rekey in"), ("expires_in", "expires in"))
    known = (f"{words} {sa[name]} s" for name, words in times if sa.get(name) is not None)
    return ", ".join(known)
