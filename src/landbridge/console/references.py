"""What values look like: names instead of ids, links, and the shape of each kind of value.

Rules this module keeps:
- All names of a page are asked for at once, one question per kind of object.
- What the viewer may not see has no name here, and no link.
- A secret is never a value of a page.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final
from urllib.parse import quote

import msgspec

from landbridge.console import words
from landbridge.console.ask import Ask, View
from landbridge.console.sections import BY_COLLECTION, ROOT, Section

SHORT: Final = 8  # characters of an id that stand for it
SHOWN: Final = 3  # items of a list in a table


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """A piece of a value. `kind`: "", mono, chip, time or more."""

    text: str
    href: str = ""
    kind: str = ""
    title: str = ""
    of: str = ""  # of a chip: its colour


Key = tuple[str, str]  # collection, id
Parts = list[Part]


class Names:
    """The objects that views refer to, as far as the viewer may see them."""

    def __init__(self, found: Mapping[Key, View]) -> None:
        self.found = found

    def joined(self, further: Mapping[Key, View]) -> Names:
        return Names({**self.found, **further})

    def view(self, collection: str, id: str) -> View | None:
        return self.found.get((collection, id))

    def link(self, collection: str, id: str) -> Part:
        view, section = self.view(collection, id), BY_COLLECTION[collection]
        if view is None:
            return Part(text=f"{section.one} {id[:SHORT]}", title=id, kind="unseen")
        return Part(text=name_of(section, view), href=section.of(id), title=id)


async def names(ask: Ask, section: Section, views: Iterable[View]) -> Names:
    """The names of what the views refer to; of groups also what is in them."""
    wanted: dict[str, dict[str, None]] = {}
    for view in views:
        for collection, key in references_in(section, view):
            wanted.setdefault(collection, {})[key] = None
    found: dict[Key, View] = {}
    for collection, ids in wanted.items():
        if collection != "subnets":
            found |= await _asked(ask, collection, list(ids))
    subnets = dict(wanted.get("subnets", {}))
    for (collection, _), view in found.items():
        if collection == "endpoint_groups" and view.get("type") == "subnet":
            subnets |= dict.fromkeys(view["endpoints"])
    if subnets:
        found |= await _asked(ask, "subnets", list(subnets))
    return Names(found)


async def _asked(ask: Ask, collection: str, ids: list[str]) -> dict[Key, View]:
    section = BY_COLLECTION[collection]
    fields = ("id", "name", *section.known_by, *_MORE.get(collection, ()))
    views = await ask.by_id(section.resource, ids, fields)
    return {(collection, view["id"]): view for view in views.values()}


_MORE: Final[Mapping[str, tuple[str, ...]]] = {
    "endpoint_groups": ("type",),
    "vpnservices": ("router_id",),
}


def references_in(section: Section, view: View) -> Iterator[Key]:
    """Every object that the view names by its id."""
    for attribute in section.resource.attributes:
        value = view.get(attribute.name)
        if attribute.refers and value:
            yield attribute.refers, value
    if uplink := view.get("external_gateway_info"):
        yield "networks", uplink["network_id"]
    if view.get("type") == "subnet":
        yield from (("subnets", each) for each in view.get("endpoints") or ())
    if section.resource.collection == "networks":
        yield from (("subnets", each) for each in view.get("subnets") or ())
    if is_of_router(view):
        yield "routers", view["device_id"]


def is_of_router(view: View) -> bool:
    owner = str(view.get("device_owner") or "")
    return owner.startswith("network:router") and bool(view.get("device_id"))


def name_of(section: Section, view: View) -> str:
    """What an object is called: by its name, or by what it is."""
    if view.get("name"):
        return str(view["name"])
    known = " ".join(_known(view.get(attribute)) for attribute in section.known_by).strip()
    return known or f"{section.one} {view['id'][:SHORT]}"


def _known(value: Any) -> str:
    if isinstance(value, list):
        items = [item.get("ip_address", "") if isinstance(item, dict) else str(item)
                 for item in value]  # fmt: skip
        return ", ".join(items[:SHOWN]) + (" ..." if len(items) > SHOWN else "")
    return str(value or "")


def parts(section: Section, attribute: str, view: View, names: Names) -> Parts:
    """The value of an attribute, in pieces."""
    value = view.get(attribute)
    if attribute == "psk" and value:
        return [Part(text="set, not shown here")]
    if value is None or value in ("", [], {}):
        return []
    declared = section.resource.attribute(attribute)
    if declared is not None and declared.refers:
        return [names.link(declared.refers, str(value))]
    if special := _SHAPES.get(attribute):
        return special(value, view, names)
    items = value if isinstance(value, list) else [value]
    return [_plain(attribute, item) for item in items]


def _plain(attribute: str, value: Any) -> Part:
    if attribute.endswith("_at"):
        return Part(text=str(value), kind="time")
    if isinstance(value, bool):
        return Part(text="Yes" if value else "No")
    return Part(text=str(value), kind="mono" if attribute in _MONO else "")


def few(found: Parts) -> Parts:
    """For a table: the first ones, and how many more there are."""
    if len(found) <= SHOWN:
        return found
    rest = found[SHOWN:]
    title = ", ".join(part.text for part in rest)
    return [*found[:SHOWN], Part(text=f"and {len(rest)} more", kind="more", title=title)]


def state_parts(view: View) -> Parts:
    word, kind = words.state(view)
    return [Part(text=word, kind="chip", of=kind.value, title=str(view.get("status", "")))]


def _endpoints(value: Any, view: View, names: Names) -> Parts:
    if view.get("type") == "subnet":
        return [subnet(each, names) for each in value]
    return [Part(text=str(item), kind="mono") for item in value]


def subnet(id: str, names: Names) -> Part:
    link = names.link("subnets", id)
    found = names.view("subnets", id) or {}
    cidr = str(found.get("cidr") or "")
    text = f"{found['name']} {cidr}".strip() if found.get("name") else link.text
    return msgspec.structs.replace(link, text=text)


def _subnets(value: Any, view: View, names: Names) -> Parts:
    return [subnet(each, names) for each in value]


def _uplink(value: Any, view: View, names: Names) -> Parts:
    addresses = value.get("external_fixed_ips") or ()
    return [
        names.link("networks", value["network_id"]),
        *(Part(text=each["ip_address"], kind="mono") for each in addresses),
    ]


def _gateway(value: Any, view: View, names: Names) -> Parts:
    return [gateway(str(value))]


def gateway(id: str) -> Part:
    """A gateway, where the viewer is told of it."""
    return Part(text=id, href=f"{ROOT}/gateways#gateway-{quote(id)}")


def _addresses(value: Any, view: View, names: Names) -> Parts:
    return [Part(text=each["ip_address"], kind="mono") for each in value]


def _pools(value: Any, view: View, names: Names) -> Parts:
    return [Part(text=f"{each['start']} to {each['end']}", kind="mono") for each in value]


def _routes(value: Any, view: View, names: Names) -> Parts:
    return [
        Part(text=f"{each['destination']} via {each['nexthop']}", kind="mono") for each in value
    ]


def _lifetime(value: Any, view: View, names: Names) -> Parts:
    return [Part(text=f"{value['value']} {value['units']}")]


def _dpd(value: Any, view: View, names: Names) -> Parts:
    text = (
        f"{value['action']}, asks every {value['interval']} s, gives up after {value['timeout']} s"
    )
    return [Part(text=text)]


def _device(value: Any, view: View, names: Names) -> Parts:
    return [names.link("routers", value) if is_of_router(view) else Part(text=value, kind="mono")]


def _status(value: Any, view: View, names: Names) -> Parts:
    return state_parts(view)


def _reason(value: Any, view: View, names: Names) -> Parts:
    return [Part(text=words.reason_word(value), title=words.reason(value))]


_SHAPES: Final[Mapping[str, Callable[[Any, View, Names], Parts]]] = {
    "allocation_pools": _pools,
    "device_id": _device,
    "dpd": _dpd,
    "endpoints": _endpoints,
    "external_gateway_info": _uplink,
    "fixed_ips": _addresses,
    "gateway_id": _gateway,
    "host_routes": _routes,
    "lifetime": _lifetime,
    "routes": _routes,
    "status": _status,
    "status_reason": _reason,
    "subnets": _subnets,
}
_MONO: Final = frozenset(
    {"id", "peer_address", "peer_id", "local_id", "cidr", "gateway_ip", "mac_address",
     "external_v4_ip", "external_v6_ip", "project_id", "peer_cidrs", "dns_nameservers"}
)  # fmt: skip
