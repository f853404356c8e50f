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
from contextlib import closing, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from landbridge.cli import reach
from landbridge.config.load import load
from landbridge.trustedfile import read_short

if TYPE_CHECKING:
    from rich.console import Console

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
}
STYLES: Final = {
    "none": "green",
    "replace-child": "cyan",
    "replace-ike": "cyan",
    "interrupt": "bold red",
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
@click.argument("resource", type=click.Choice(list(KINDS)))
@click.argument("name_or_id")
@click.argument("changes", nargs=-1, required=True, callback=_changes)
@click.option("--apply", is_flag=True, help="Send the update when the plan has been shown.")
@click.option("--json", "as_json", is_flag=True, help="Print the plan as the API answers it.")
@reach.options
@click.option("--token-file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--state-dir", metavar="DIR", help="Whose admin-token is used by default.")
@click.option("--config", metavar="FILE", help="The configuration file.")
def plan(
    *,
    resource: str,
    name_or_id: str,
    changes: Changes,
    apply: bool,
    as_json: bool,
    url: str | None,
    ca_file: Path | None,
    token_file: Path | None,
    state_dir: str | None,
    config: str | None,
) -> None:
    """Show what an update will do to tunnels, and with --apply send it.

    \b
    landbridge plan connection site-b dpd.interval=10 psk=@new.key
    landbridge plan ikepolicy strong encryption_algorithm=aes-256 --apply
    """
    from rich.console import Console

    from landbridge.api.schema.catalogue import PLANNED
    from landbridge.client import ClientError

    settings = load(config, state_dir=state_dir)
    kind = KINDS[resource]
    body = _body(next(each for each in PLANNED if each.name == kind), changes)
    token = read_token(token_file, settings.state_dir)
    try:
        with closing(reach.api(settings, url, ca_file, token)) as api:
            now = find(api, kind, name_or_id)
            planned = api.plan(kind, now["id"], **body)
            if as_json:
                click.echo(json.dumps(planned, indent=2))
            else:
                _show(Console(), planned["connections"])
            if apply:
                _send(api, kind, now, body)
    except ClientError as error:
        raise click.ClickException(str(error)) from None


def _send(api: Api, kind: str, planned_for: Body, body: Body) -> None:
    from landbridge.client import PATHS

    revision = {"If-Match": f"revision_number={planned_for['revision_number']}"}
    path = f"/v2.0/{PATHS[kind]}/{planned_for['id']}"
    api.call("PUT", path, {kind: body}, headers=revision)
    click.echo("sent", err=True)


def read_token(given: Path | None, state_dir: Path) -> str:
    """Of the file that was given, which may be a pipe, or of the state directory's, in which the
    API's user writes, too."""
    hint = "name a file with --token-file, or a --state-dir"
    path = given or state_dir / "admin-token"
    try:
        text = given.read_text("ascii").strip() if given else read_short(path)
    except UnicodeDecodeError:
        text = ""
    except OSError as error:
        raise click.ClickException(f"cannot read {path}: {error.strerror}; {hint}") from None
    if not (text and text.isascii() and text.isprintable()):
        raise click.ClickException(f"there is no token in {path}; {hint}")
    return text


def find(api: Api, kind: str, name_or_id: str) -> Body:
    found = api.list(kind, id=name_or_id) or api.list(kind, name=name_or_id)
    if len(found) == 1:
        return found[0]
    many = "more than one has that name; give its id" if found else "there is none"
    raise click.ClickException(f"{kind} {name_or_id!r}: {many}")


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


def _show(console: Console, connections: Iterable[Mapping[str, Any]]) -> None:
    from rich.markup import escape
    from rich.table import Table

    told = list(connections)
    if not told:
        console.print("[green]No connection is concerned.[/]")
    for each in told:
        name = escape(f"{each['name']} ({each['id']})" if each["name"] else each["id"])
        console.print(f"[bold]{name}[/]: {_styled(each['disruption'])}")
        attributes = Table("attribute", "changes", "disruption", box=None, padding=(0, 2, 0, 2))
        for effect in each["attributes"]:
            cost = _styled(effect["disruption"])
            attributes.add_row(effect["attribute"], effect["changes"], cost)
        console.print(attributes)
        for number, step in enumerate(each["steps"], 1):
            cost = "" if step["disruption"] == "none" else f" {_styled(step['disruption'])}"
            console.print(f"  {number}. {step['step']}: {step['about']}{cost}")
        for collision in each["collisions"]:
            words = escape(f"{collision['message']} One of the two will be refused.")
            console.print(f"  [bold red]collision[/]: {words}")


def _styled(disruption: str) -> str:
    return f"[{STYLES.get(disruption, 'bold')}]{disruption}[/]"
