"""The list of connections: state with its reason, peer, networks and what each uses.

Rules this module keeps:
- One page of rows, and one question for the names of each kind of object on it.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec
from starlette.responses import Response

from landbridge.console import lists, references, words
from landbridge.console.ask import View
from landbridge.console.endpoint import Visit
from landbridge.console.references import Names, Part, Parts
from landbridge.console.sections import BY_COLLECTION, CONNECTIONS

FIELDS: Final = (
    "id", "name", "description", "status", "status_reason", "status_message", "status_changed_at",
    "admin_state_up", "peer_address", "peer_id", "peer_cidrs", "vpnservice_id", "ikepolicy_id",
    "ipsecpolicy_id", "local_ep_group_id", "peer_ep_group_id", "updated_at",
)  # fmt: skip
COLUMNS: Final = (
    ("name", "Name"),
    ("status", "State"),
    ("peer_address", "Peer"),
    ("local_ep_group_id", "Here"),
    ("peer_ep_group_id", "There"),
    ("vpnservice_id", "Runs on"),
    ("ikepolicy_id", "Policies"),
    ("status_changed_at", "Last change"),
)


class Menu(msgspec.Struct, frozen=True):
    """A filter with all that it can be: value and word."""

    name: str
    title: str
    values: tuple[tuple[str, str], ...]


_MENUS: Final = (
    Menu("status", "State", words.STATUSES),
    Menu("status_reason", "Reason", words.REASONS),
)


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """One connection. `local`, `remote`: a group with what is in it."""

    id: str
    name: str
    href: str
    description: str
    state: words.State
    status: str
    reason: str
    peer: str
    peer_id: str
    local: Parts
    remote: Parts
    service: Part
    router: Part | None
    gateway: Part | None
    policies: Parts
    changed: str


async def show(visit: Visit) -> Response:
    query = lists.parse(CONNECTIONS, visit.request.query_params.multi_items())
    page = await lists.fetch(visit.ask, CONNECTIONS, query, FIELDS)
    names = await references.names(visit.ask, CONNECTIONS, page.views)
    names = await with_routers(visit, names, page.views)
    template = "connections_fragment.html" if visit.partial else "connections.html"
    return await visit.page(
        template,
        here=CONNECTIONS.slug,
        section=CONNECTIONS,
        query=query,
        rows=[row(view, names) for view in page.views],
        orders=[lists.order(CONNECTIONS, query, name, title) for name, title in COLUMNS],
        around=lists.around(CONNECTIONS, query, page),
        filters=await filters(visit, query),
        menus=_MENUS,
        here_path=lists.address(CONNECTIONS, query),
        may_create=visit.may("create_ipsec_site_connection"),
    )


async def with_routers(visit: Visit, names: Names, views: list[View]) -> Names:
    """The names, with those of the services' routers, and the gateways of these."""
    services = {view["vpnservice_id"]: None for view in views}
    found = [names.view("vpnservices", each) for each in services]
    routers = {service["router_id"]: None for service in found if service}
    fields = ("id", "name", "gateway_id")
    known = await visit.ask.by_id(BY_COLLECTION["routers"].resource, list(routers), fields)
    return names.joined({("routers", view["id"]): view for view in known.values()})


class Chosen(msgspec.Struct, frozen=True):
    """A filter that is in force, and the list without it."""

    title: str
    value: str
    without: str


async def filters(visit: Visit, query: lists.Query) -> list[Chosen]:
    """The filters other than those that have a menu."""
    section = CONNECTIONS
    menus = {menu.name for menu in _MENUS}
    chosen: dict[str, Any] = {name: value for name, value in query.filters if name not in menus}
    names = await references.names(visit.ask, section, [chosen])
    return [
        Chosen(
            words.title(name),
            _shown(name, value, chosen, names),
            lists.without(section, query, name),
        )
        for name, value in chosen.items()
    ]


def _shown(name: str, value: str, chosen: View, names: Names) -> str:
    return ", ".join(part.text for part in references.parts(CONNECTIONS, name, chosen, names))


def row(view: View, names: Names) -> Row:
    service = names.view("vpnservices", view["vpnservice_id"])
    router = names.link("routers", service["router_id"]) if service else None
    message = view.get("status_message") or words.reason(view.get("status_reason"))
    return Row(
        id=view["id"],
        name=references.name_of(CONNECTIONS, view),
        href=CONNECTIONS.of(view["id"]),
        description=view.get("description") or "",
        state=words.state(view),
        status=view["status"],
        reason=message,
        peer=view["peer_address"],
        peer_id=view["peer_id"] if view["peer_id"] != view["peer_address"] else "",
        local=_networks(view, "local_ep_group_id", names),
        remote=_networks(view, "peer_ep_group_id", names),
        service=names.link("vpnservices", view["vpnservice_id"]),
        router=router,
        gateway=_gateway(service, names),
        policies=[
            names.link("ikepolicies", view["ikepolicy_id"]),
            names.link("ipsecpolicies", view["ipsecpolicy_id"]),
        ],
        changed=view.get("status_changed_at") or view["updated_at"],
    )


def _gateway(service: View | None, names: Names) -> Part | None:
    """Which one runs it, where the viewer is told."""
    router = names.view("routers", service["router_id"]) if service else None
    gateway = (router or {}).get("gateway_id")
    return references.gateway(gateway) if gateway else None


def _networks(view: View, attribute: str, names: Names) -> Parts:
    """A group's link and what is in it; without groups, the peer's CIDRs."""
    group_id = view.get(attribute)
    if not group_id:
        given = view.get("peer_cidrs") or [] if attribute == "peer_ep_group_id" else []
        return references.few([Part(text=cidr, kind="mono") for cidr in given])
    group = names.view("endpoint_groups", group_id)
    link = names.link("endpoint_groups", group_id)
    if group is None:
        return [link]
    inside = references.parts(BY_COLLECTION["endpoint_groups"], "endpoints", group, names)
    cidrs = [_cidr(part, names) for part in inside]
    return (
        [link, *references.few(cidrs)]
        if group.get("name")
        else references.few([msgspec.structs.replace(part, href=link.href) for part in cidrs])
    )


def _cidr(part: Part, names: Names) -> Part:
    view = names.view("subnets", part.title) if part.title else None
    text = str(view["cidr"]) if view and view.get("cidr") else part.text
    return Part(text=text, kind="mono", title=part.text)
