"""``landbridge plan RESOURCE NAME-OR-ID ATTRIBUTE=VALUE ...``: what an update will cost.

Rules this module keeps:
- The plan is shown before anything is sent; ``--apply`` then sends the update for the very
  revision that was planned, so that nobody else's change slips in between.
- It is a client like any other: the public API, a token, no database.
- A secret is read from a file or standard input, never from the command line.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

import click

from landbridge.cli import options
from landbridge.cli.layout import Piece, Styled
from landbridge.cli.output import Output, formatted
from landbridge.cli.page import Page

if TYPE_CHECKING:
    from landbridge.api.schema.resource import Attribute, Resource
    from landbridge.client import Api

Body = dict[str, Any]
Changes = tuple[tuple[str, str], ...]

KINDS: Final = {
    "connection": "ipsec_site_connection",
    "ikepolicy": "ikepolicy",
    "ipsecpolicy": "ipsecpolicy",
    "endpoint-group": "endpoint_group",
    "vpnservice": "vpnservice",
    "router": "router",
    "network": "network",
    "subnet": "subnet",
    "port": "port",
}
STYLES: Final = {
    "none": "good",
    "replace-child": "notable",
    "replace-ike": "notable",
    "interrupt": "worst",
}


def _changes(_: click.Context, __: click.Parameter, values: tuple[str, ...]) -> Changes:
    return tuple(_change(value) for value in values)


def _change(value: str) -> tuple[str, str]:
    """Of ``ATTRIBUTE=VALUE``; ``ATTRIBUTE=@FILE`` and ``ATTRIBUTE=@-`` read the value."""
    attribute, equals, text = value.partition("=")
    if not equals:
        given = "" if "psk" in value.lower() else f"{value!r}: "
        raise click.BadParameter(f"{given}write ATTRIBUTE=VALUE, such as dpd.interval=20")
    if text.startswith("@"):
        try:
            with click.open_file(text[1:]) as file:
                return attribute, str(file.read()).rstrip("\n")
        except OSError as error:
            raise click.BadParameter(f"cannot read {text[1:]}: {error.strerror}") from None
    if attribute == "psk":
        raise click.BadParameter("a key on the command line is seen by others: use psk=@FILE")
    return attribute, text


@click.command()
@click.argument("resource", metavar="RESOURCE", type=click.Choice(list(KINDS)))
@click.argument("name_or_id", metavar="NAME-OR-ID")
@click.argument("changes", metavar="ATTRIBUTE=VALUE...", nargs=-1, required=True, callback=_changes)
@click.option("--apply", is_flag=True, help="Send the update when the plan has been shown.")
@formatted(*KINDS.values(), "connections", nested=True)
@options.client
def plan(
    *,
    resource: str,
    name_or_id: str,
    changes: Changes,
    apply: bool,
    output: Output,
    **where: Any,
) -> None:
    """Show what an update will do to tunnels, and with --apply send it.

    RESOURCE: connection, ikepolicy, ipsecpolicy, endpoint-group, vpnservice, router, network,
    subnet, port. A VALUE is read from a file as @FILE, from stdin as @-.

    \b
    landbridge plan connection site-b dpd.interval=10 psk=@new.key
    landbridge plan ikepolicy strong encryption_algorithm=aes-256 --apply
    """
    from landbridge.api.schema.catalogue import PLANNED
    from landbridge.cli.remote import connected, find

    kind = KINDS[resource]
    body = _body(next(each for each in PLANNED if each.name == kind), changes)
    with connected(**where) as api:
        now = find(api, kind, name_or_id)
        planned = api.plan(kind, now["id"], **body)
        output.record(planned, lambda page, told: show(page, told["connections"]))
        if apply:
            _send(api, kind, now, body)


def _send(api: Api, kind: str, planned_for: Body, body: Body) -> None:
    from landbridge.client import PATHS

    revision = {"If-Match": f"revision_number={planned_for['revision_number']}"}
    path = f"/v2.0/{PATHS[kind]}/{planned_for['id']}"
    api.call("PUT", path, {kind: body}, headers=revision)
    click.echo("sent", err=True)


def _body(table: Resource, changes: Iterable[tuple[str, str]]) -> Body:
    """The update's body. Lists are given with commas, members of dictionaries with a dot; lists of
    objects, and objects as a whole, as JSON."""
    body: Body = {}
    for path, text in changes:
        name, _, member = path.partition(".")
        if member:
            body.setdefault(name, {})[member] = _member(text)
        else:
            body[name] = _value(table.attribute(name), text)
    return body


def _member(text: str) -> Any:
    return int(text) if text.isdecimal() else _json(text)


def _json(text: str) -> Any:
    """A list or an object; text that is neither is kept."""
    if text[:1] in ("[", "{"):
        with suppress(json.JSONDecodeError):
            return json.loads(text)
    return text


def _value(attribute: Attribute | None, text: str) -> Any:
    """What the API converts by itself goes as it is."""
    types = attribute.type.schema().get("type", ()) if attribute else ()
    if text[:1] in ("[", "{") and ("array" in types or "object" in types):
        return _json(text)
    if "array" in types:
        return [part.strip() for part in text.split(",") if part.strip()]
    return None if "null" in types and text in ("", "null") else text


def show(page: Page, connections: Iterable[Mapping[str, Any]]) -> None:
    told = list(connections)
    if not told:
        page.line(Styled("No connection is concerned.", "good"))
    for number, each in enumerate(told):
        if number:
            page.line()
        _connection(page, each)


def _connection(page: Page, told: Mapping[str, Any]) -> None:
    name = f"{told['name']} ({told['id']})" if told["name"] else told["id"]
    page.line(Styled(name, "head"), ": ", _cost(told["disruption"]))
    effects: list[list[Piece]] = [
        [each["attribute"], each["changes"], _cost(each["disruption"])]
        for each in told["attributes"]
    ]
    steps: list[list[Piece]] = [
        [f"{number}. {each['step']}", _cost(each["disruption"]), each["about"]]
        for number, each in enumerate(told["steps"], 1)
    ]
    if effects:
        page.table(["attribute", "changes", "disruption"], effects, indent=2)
    if steps:
        page.table(["step", "disruption", "what it does"], steps, indent=2)
    if not effects and not steps:
        page.line("Nothing of its tunnel changes.", indent=2)
    for collision in told["collisions"]:
        words = f": {collision['message']} One of the two will be refused."
        page.line(Styled("collision", "worst"), words, indent=2)


def _cost(disruption: str) -> Styled:
    return Styled(disruption, STYLES.get(disruption, "head"))
