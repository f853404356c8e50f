"""What the form of a new connection says, as the request that makes it all. Pure.

Rules this module keeps:
- Attributes are read by the table, as in every other form; what was left empty is not sent.
- What is typed is put into the request as it is; whether it is right the API says.
- New objects are named after the connection, or after its peer where it has no name.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from landbridge.api.schema.field_types import Dictionary
from landbridge.api.schema.parts import CONNECTION
from landbridge.api.schema.resource import Attribute, Resource
from landbridge.api.schema.vpn import IPSEC_SITE_CONNECTION
from landbridge.console import presets
from landbridge.console.guided import (
    EXISTING,
    FIRST,
    FOLDED,
    MORE_LOCAL,
    OF_ANY,
    OF_OWN,
    PEER,
    POLICIES,
    REMOTE,
    SHORT,
    Guided,
    Place,
)
from landbridge.console.shapes import shape_of

Body = dict[str, Any]

_LONGEST: Final = 255  # characters of a name


def request(guided: Guided, psk: str) -> Body:
    """What the form says, as the API takes it."""
    text = {name: field.value for name, field in guided.fields.items()}
    base = text[f"{CONNECTION}.name"].strip() or text[f"{CONNECTION}.peer_address"].strip()
    place = guided.choices.place
    remote = _lines(text[REMOTE])
    parts: Body = {part: _policy(guided, part, base) for part in POLICIES}
    connection = _typed(IPSEC_SITE_CONNECTION, CONNECTION, (*FIRST, *PEER, *FOLDED), text)
    connection.setdefault("peer_id", connection.get("peer_address", ""))
    if not connection["peer_id"]:
        del connection["peer_id"]
    if psk:
        connection["psk"] = psk
    parts["vpnservice"] = _service(place)
    if place is not None and place.subnet:
        connection["peer_cidrs"] = remote
    else:
        parts["local_ep_group"] = {
            "name": _named(base, "our networks"), "endpoints": _local(guided),
        }  # fmt: skip
        parts["peer_ep_group"] = {"name": _named(base, "peer's networks"), "endpoints": remote}
    return parts | {CONNECTION: connection}


def _policy(guided: Guided, part: str, base: str) -> Body:
    text = {name: field.value for name, field in guided.fields.items()}
    if guided.algorithms == EXISTING:
        return {"id": text[f"{part}.id"]}
    resource, preset = POLICIES[part], presets.BY_KEY.get(guided.algorithms)
    own = _typed(resource, part, OF_OWN, text)
    made = own if preset is None else preset.of[part]
    changed = _typed(resource, part, OF_ANY[part], text)
    return {"name": _named(base, SHORT[part]), **made, **changed}


def _service(place: Place | None) -> Body:
    if place is None:
        return {}
    if place.service:
        return {"id": place.service}
    return {"name": _named(place.router_name, "VPN"), "router_id": place.router}


def _local(guided: Guided) -> list[str]:
    """The subnets that are ticked, then those that are typed: by CIDR or name, else as it is."""
    subnets = guided.choices.subnets
    known: dict[str, str] = {}
    for each in subnets:
        for word in {each.name, each.cidr}:
            known[word] = word if word in known else each.id  # of two it is neither
    ticked = [each.id for each in subnets if each.id in guided.chosen]
    typed = [known.get(each, each) for each in _lines(guided[MORE_LOCAL].value)]
    return list(dict.fromkeys([*ticked, *typed]))


def _typed(
    resource: Resource, part: str, names: Iterable[str], text: Mapping[str, str]
) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name in names:
        attribute = resource.attribute(name)
        if attribute is not None:
            value = _value(attribute, f"{part}.{name}", text)
            if value not in ("", {}, None):
                found[name] = value
    return found


def _value(attribute: Attribute, name: str, text: Mapping[str, str]) -> Any:
    if isinstance(attribute.type, Dictionary):
        members = {key: kind for key, kind, _ in attribute.type.members}
        said = {key: text.get(f"{name}.{key}", "") for key in members}
        return {key: shape_of(members[key]).read(each) for key, each in said.items() if each}
    typed = text.get(name, "")
    shape = shape_of(attribute.type)
    return shape.read(typed) if typed or shape.widget == "switch" else ""


def _lines(text: str) -> list[str]:
    return [line.strip() for line in text.replace(",", "\n").splitlines() if line.strip()]


def _named(base: str, what: str) -> str:
    return f"{base[: _LONGEST - len(what) - 1]} {what}".strip()
