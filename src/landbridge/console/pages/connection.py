"""One connection: its tunnel drawn, its state with the reason, its traffic, its history.

Rules this module keeps:
- The page itself is what the API knows. What only the gateway knows (`inspection`, `traffic`) is
  asked for after it, so that a gateway that is silent delays nothing.
- Nothing is asked while nobody looks.
- The key is shown where somebody asks for it, and in no other answer.
"""

from __future__ import annotations

from typing import Final

import msgspec
from starlette.responses import Response

from landbridge import errors
from landbridge.api.schema.vpn import VPNSERVICE
from landbridge.console import amounts, drawing, references, traffic, words
from landbridge.console.ask import View
from landbridge.console.drawing import Child, Node, Scene
from landbridge.console.endpoint import Visit
from landbridge.console.numbers import whole
from landbridge.console.pages import connections, tags
from landbridge.console.references import Names, Parts
from landbridge.console.sections import BY_COLLECTION, CONNECTIONS
from landbridge.console.words import Kind

HISTORY: Final = 60  # events of the time line
FEW: Final = 12  # of them, before one asks for more
EVERY: Final = 10_000  # milliseconds between two looks at the traffic
AGAIN: Final = 5_000  # milliseconds until a gateway that has not answered is asked again
RULE: Final = "get_ipsec_site_connection"
_SMALL: Final = ("id", "project_id", "revision_number", "created_at", "updated_at")
_ELSEWHERE: Final = frozenset(
    {"name", "tenant_id", "tags", "status", "status_reason", "status_message", "description",
     "psk", "child_sas", *_SMALL}
)  # fmt: skip


class Line(msgspec.Struct, frozen=True):
    title: str
    parts: Parts
    about: str


class Moment(msgspec.Struct, frozen=True):
    """One event of the history."""

    at: str
    did: str
    detail: str
    kind: Kind


async def show(visit: Visit) -> Response:
    view = await visit.ask.show(CONNECTIONS.resource, visit.path)
    names = await _names(visit, view)
    path = CONNECTIONS.of(view["id"])
    history = (await visit.ask.get(_path(view["id"], "history"), [("limit", str(HISTORY))]))[
        "history"
    ]
    changed = _number(visit.query("changed"))
    template = "connection_fragment.html" if visit.partial else "connection.html"
    return await visit.page(
        template,
        here=CONNECTIONS.slug,
        section=CONNECTIONS,
        view=view,
        path=path,
        here_path=path + (f"?changed={changed}" if changed else ""),
        changed=changed,
        every=EVERY,
        name=references.name_of(CONNECTIONS, view),
        state=words.state(view),
        reason=view.get("status_message") or words.reason(view.get("status_reason")),
        pictures=drawing.pictures(await _scene(visit, view, names)),
        lines=_lines(view, names),
        small=_lines(view, names, _SMALL),
        history=[_moment(event) for event in history],
        few=FEW,
        has_psk="psk" in view,
        tags=tags.shown(visit, CONNECTIONS, view),
        may_edit=visit.may("update_ipsec_site_connection", view),
        may_delete=visit.may("delete_ipsec_site_connection", view),
        may_initiate=_may_initiate(visit, view),
    )


def _may_initiate(visit: Visit, view: View) -> bool:
    """Whether it would not be refused for what the rows say."""
    initiates = view["initiator"] != "response-only" and view["admin_state_up"]
    return initiates and visit.may("initiate_ipsec_site_connection", view)


async def inspection(visit: Visit) -> Response:
    """What the gateway tells of the tunnel when it is asked to look now, and what is wrong."""
    view = await visit.ask.show(CONNECTIONS.resource, visit.path)
    names = await _names(visit, view)
    told = (await visit.ask.get(_path(view["id"], "diagnostics")))["diagnostics"]
    scene = await _scene(visit, view | told["connection"], names, told)
    return await visit.page(
        "inspection.html",
        again=AGAIN,
        path=CONNECTIONS.of(view["id"]),
        view=view,
        told=told,
        tunnel=told["tunnel"],
        pictures=drawing.pictures(scene),
        amounts=amounts,
    )


async def carried(visit: Visit) -> Response:
    """What it carried in the last hour."""
    told = (await visit.ask.get(_path(visit.path, "traffic")))["traffic"]
    plot = traffic.plot(told)
    sums = traffic.since(told, told["at"][0]) if told["at"] else None
    return await visit.page(
        "traffic.html",
        path=CONNECTIONS.of(visit.path),
        every=EVERY,
        answered=told["answered"],
        plot=plot,
        series=msgspec.json.encode(plot).decode(),
        now=(traffic.now(plot.inward), traffic.now(plot.outward)),
        sums=sums,
        amounts=amounts,
    )


async def progress(visit: Visit) -> Response:
    """What has become of an update: under way, in effect, and what was lost meanwhile."""
    when = _number(visit.query("changed"))
    changed = when / 1000
    view = await visit.ask.show(CONNECTIONS.resource, visit.path)
    history = (await visit.ask.get(_path(view["id"], "history")))["history"]
    pending = view["status"] in ("PENDING_UPDATE", "PENDING_CREATE", "BUILD")
    applied = None if pending else _applied(history, changed)
    sums = None
    answered = True
    if view["status"] == "ACTIVE":
        told = (await visit.ask.get(_path(view["id"], "traffic")))["traffic"]
        answered = told["answered"]
        sums = traffic.since(told, changed)
        if sums is not None and sums.until < (applied or changed):
            sums = None  # of before the update
    return await visit.page(
        "progress.html",
        path=CONNECTIONS.of(view["id"]),
        view=view,
        state=words.state(view),
        reason=view.get("status_message") or words.reason(view.get("status_reason")),
        changed=when,
        pending=pending,
        took=max(0.0, applied - changed) if applied else None,
        answered=answered,
        sums=sums,
        amounts=amounts,
    )


async def psk(visit: Visit) -> Response:
    """The key, for somebody who has asked for it; asked with `hide`, the page without it again."""
    view = await visit.ask.show(CONNECTIONS.resource, visit.path)
    if "psk" not in view:
        raise errors.PolicyNotAuthorized(f"{RULE}:psk")
    return await visit.page(
        "psk.html",
        path=CONNECTIONS.of(view["id"]),
        shown=not visit.field("hide"),
        psk=view["psk"],
    )


def _path(id: str, what: str) -> str:
    return f"{CONNECTIONS.resource.path}/{id}/{what}"


def _number(text: str) -> int:
    """Of an address, milliseconds since the epoch; 0: none."""
    return whole(text, digits=14) or 0


async def _names(visit: Visit, view: View) -> Names:
    names = await references.names(visit.ask, CONNECTIONS, [view])
    return await connections.with_routers(visit, names, [view])


async def _scene(visit: Visit, view: View, names: Names, told: View | None = None) -> Scene:
    """What there is to draw; `told`: by the gateway."""
    row = connections.row(view, names)
    sas = (told or {}).get("tunnel") or {"sas": []}
    current = sas["sas"][-1] if sas["sas"] else None
    ours = current["local_host"] if current else await _address(visit, view)
    peer_id = view["peer_id"] if view["peer_id"] != view["peer_address"] else ""
    seen = current["remote_host"] if current else ""
    lines = [view["peer_address"], *([seen] if seen not in ("", view["peer_address"]) else [])]
    return Scene(
        hosts=_side(row.local, "Our networks", view, "local_cidrs"),
        router=Node(
            row.router.text if row.router else "Router",
            tuple(filter(None, (ours, _gateway(told)))),
            row.router.href if row.router else "",
        ),
        peer=Node("Peer", tuple(filter(None, (*lines, peer_id)))),
        remotes=_side(row.remote, "Peer's networks", view, "peer_cidrs"),
        children=_children(view, row),
        nat_here=bool(current and current["nat_here"]),
        nat_there=bool(current and current["nat_there"]),
    )


def _gateway(told: View | None) -> str:
    """On which host it is, of those that the viewer may know."""
    return f"on {told['gateway']['id']}" if told and told["gateway"]["id"] else ""


async def _address(visit: Visit, view: View) -> str:
    """Ours, of the family of the peer's."""
    try:
        service = await visit.ask.show(VPNSERVICE, view["vpnservice_id"])
    except errors.ApiError:
        return ""
    six = ":" in view["peer_address"]
    return str(service.get("external_v6_ip" if six else "external_v4_ip") or "")


def _side(parts: Parts, title: str, view: View, member: str) -> Node:
    """The networks of one side: a group with what is in it, or what the CHILD_SAs are to carry."""
    if parts and parts[0].href:
        return Node(parts[0].text, tuple(each.text for each in parts[1:]), parts[0].href)
    networks = [each.text for each in parts]
    if not networks:
        for child in view["child_sas"]:
            networks += [each for each in child[member] if each not in networks]
    return Node(title, tuple(networks))


def _children(view: View, row: connections.Row) -> tuple[Child, ...]:
    """Its CHILD_SAs, as far as a gateway has told of them; else what there is to be."""
    waiting = view["status"] in ("BUILD", "PENDING_CREATE")
    off = words.state(view).kind is Kind.OFF
    otherwise = "off" if off else "building" if waiting else "missing"
    if not view["child_sas"]:
        local, remote = _networks(row.local), _networks(row.remote)
        return (Child(local, remote, "up" if view["status"] == "ACTIVE" else otherwise),)
    return tuple(
        Child(
            tuple(each["local_cidrs"]),
            tuple(each["peer_cidrs"]),
            "up" if each["status"] == "ACTIVE" else otherwise,
        )
        for each in view["child_sas"]
    )


def _networks(side: Parts) -> tuple[str, ...]:
    return tuple(each.text for each in side if not each.href)


def _lines(view: View, names: Names, chosen: tuple[str, ...] = ()) -> list[Line]:
    found = []
    for attribute in CONNECTIONS.resource.attributes:
        wanted = attribute.name in chosen if chosen else attribute.name not in _ELSEWHERE
        if not wanted or not attribute.visible or attribute.name not in view:
            continue
        if attribute.about.startswith("Always "):
            continue
        parts = references.parts(CONNECTIONS, attribute.name, view, names)
        if attribute.refers == "endpoint_groups" and view.get(attribute.name):
            parts = [*parts, *_inside(view[attribute.name], names)]
        found.append(Line(words.title(attribute.name), parts, attribute.about))
    return found


def _inside(group_id: str, names: Names) -> Parts:
    group = names.view("endpoint_groups", group_id)
    if group is None:
        return []
    return references.parts(BY_COLLECTION["endpoint_groups"], "endpoints", group, names)


def _moment(event: View) -> Moment:
    kind, status = event["kind"], event.get("status")
    detail = ", ".join(words.title(name) for name in event.get("changed") or ())
    if not detail and kind not in ("rekeyed", "up"):
        detail = str(event.get("message") or event.get("status_message") or "")
    state = words.state(event) if status else None
    if kind in ("status", "reason") and state:
        return Moment(event["at"], state.word, detail, state.kind)
    return Moment(event["at"], _sentence(words.event(kind)), detail, words.event_kind(kind))


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]


def _applied(history: list[View], changed: float) -> float | None:
    """When the update came into effect, where it was told: newest first."""
    for event in history:
        at = words.moment(event["at"])
        if at is None or at.timestamp() < changed:
            return None
        if event["kind"] == "applied":
            return at.timestamp()
    return None
