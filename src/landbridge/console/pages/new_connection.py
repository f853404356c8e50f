"""A new connection, in one page: both sides, the key, the algorithms, and what is made of it.

Rules this module keeps:
- It is one request to the API (``POST /landbridge/v1/connections``): all of it is made or nothing.
- While somebody types, the plan of that request says what is wrong, beside its field; what was
  typed stays in the browser's fields, and no answer has the key.
- After it was made the browser is sent to the connection's page, which shows how it comes up.
"""

from __future__ import annotations

import time
from typing import Any, Final

import msgspec
from starlette.responses import Response

from landbridge import errors
from landbridge.api.actions.together import PATH as TOGETHER
from landbridge.api.actions.together import PLAN
from landbridge.api.schema.network import PORT
from landbridge.api.schema.parts import CONNECTION, ENVELOPE, PARTS
from landbridge.api.schema.vpn import IPSEC_SITE_CONNECTION
from landbridge.console import choices as offered
from landbridge.console import guided, presets, references, wanted
from landbridge.console.ask import View
from landbridge.console.choices import MOST_OPTIONS
from landbridge.console.endpoint import Visit
from landbridge.console.fields import Option
from landbridge.console.guided import Choices, Guided, Place, Subnet
from landbridge.console.pages.edit import sent_on
from landbridge.console.references import Part
from landbridge.console.sections import BY_NAME, BY_SLUG, CONNECTIONS, Section

ADDRESS: Final = f"{CONNECTIONS.path}/new"
LOOK: Final = "look"
_RULE: Final = f"create_{IPSEC_SITE_CONNECTION.name}"
_INSIDE: Final = "network:router_interface"
_SIDES: Final = {"local_ep_group": "our networks", "peer_ep_group": "peer's networks"}


class Line(msgspec.Struct, frozen=True):
    """What becomes of a part: it is new, or there already. `detail`: what it is."""

    new: bool
    kind: str
    name: Part
    detail: str


class Summary(msgspec.Struct, frozen=True):
    lines: tuple[Line, ...]
    address: str
    steps: tuple[str, ...]
    collisions: tuple[tuple[Part, str], ...]


async def show(visit: Visit) -> Response:
    _refuse(visit)
    return await _page(visit, guided.form(await _choices(visit), {}))


async def submit(visit: Visit) -> Response:
    _refuse(visit)
    form, psk = guided.form(await _choices(visit), visit.fields), visit.field(guided.PSK)
    body = {ENVELOPE: wanted.request(form, psk)}
    looking = visit.field("step") == LOOK
    try:
        if not looking:
            began = int(time.time() * 1000)
            made = await visit.ask.send("POST", TOGETHER, body)
            address = CONNECTIONS.of(made[ENVELOPE][CONNECTION]["id"])
            return sent_on(visit, f"{address}?changed={began}")
        plan = (await visit.ask.send("POST", PLAN, body))["plan"]
    except errors.Unauthorized:
        raise
    except errors.ApiError as error:
        typing = looking and visit.partial and not visit.field("tried")
        told = guided.refused(form, error, psk, typing=typing)
        missing = guided.missing(form, error, psk)
        return await _page(visit, told, missing=missing, tried=not typing, status=error.status)
    return await _page(visit, form, summary=await _summary(visit, form, plan))


def _refuse(visit: Visit) -> None:
    """Raises: PolicyNotAuthorized, before a form is filled in."""
    if not visit.may(_RULE):
        raise errors.PolicyNotAuthorized(_RULE)


async def _page(
    visit: Visit,
    form: Guided,
    *,
    summary: Summary | None = None,
    missing: list[str] | None = None,
    tried: bool = False,
    status: int = 200,
) -> Response:
    return await visit.page(
        "new_connection_form.html" if visit.partial else "new_connection.html",
        here=CONNECTIONS.slug,
        status=200 if visit.partial else status,  # htmx shows no refusals
        section=CONNECTIONS,
        path=ADDRESS,
        form=form,
        of=CONNECTION,
        presets=presets.PRESETS,
        guided=guided,
        summary=summary,
        missing=missing or [],
        tried=tried,
        may_route=visit.may("create_router"),
    )


# What there is to choose from ------------------------------------------------------------------


async def _choices(visit: Visit) -> Choices:
    places = await _places(visit)
    place = guided.place_of(places, visit.field(guided.PLACE))
    return Choices(
        places=tuple(places),
        place=place,
        subnets=tuple(await _subnets(visit, place)) if place else (),
        policies={part.name: await _policies(visit, part.reference) for part in PARTS[:2]},
    )


async def _policies(visit: Visit, reference: str) -> tuple[Option, ...]:
    attribute = IPSEC_SITE_CONNECTION.attribute(reference)
    return await offered.options(visit.ask, attribute, None) if attribute else ()


async def _places(visit: Visit) -> list[Place]:
    """Services that there are, then routers, by their names."""
    routers = {each["id"]: each for each in await _every(visit, "routers", "external_gateway_info")}
    services = await _every(visit, "services", "router_id", "subnet_id", "external_v4_ip")
    found = [
        _place(each, routers.get(each["router_id"], {"id": each["router_id"]})) for each in services
    ]
    for each in routers.values():
        name = references.name_of(BY_SLUG["routers"], each)
        lacks = "" if each["external_gateway_info"] else ", which has no uplink"
        text = f"Router {name}{lacks}: with a new VPN service"
        found.append(Place(router=each["id"], router_name=name, text=text))
    return found


def _place(service: View, router: View) -> Place:
    on = references.name_of(BY_SLUG["routers"], router)
    name = references.name_of(BY_SLUG["services"], service)
    return Place(
        router=router["id"],
        router_name=on,
        service=service["id"],
        subnet=service["subnet_id"] or "",
        name=name,
        text=f"VPN service {name} on {on}",
    )


async def _every(visit: Visit, slug: str, *fields: str) -> list[View]:
    asked = [("limit", str(MOST_OPTIONS)), ("sort_key", "name"), ("sort_dir", "asc")]
    wanted = [("fields", name) for name in ("id", "name", *fields)]
    return await visit.ask.every(BY_SLUG[slug].resource, [*asked, *wanted])


async def _subnets(visit: Visit, place: Place) -> list[Subnet]:
    """Those that the router is connected with; of a service that has its own, that one."""
    ids = [place.subnet] if place.subnet else await _inside(visit, place.router)
    section = BY_SLUG["subnets"]
    known = await visit.ask.by_id(section.resource, ids, ("id", "name", "cidr"))
    found = [Subnet(key, references.name_of(section, each), each["cidr"])
             for key, each in known.items()]  # fmt: skip
    return sorted(found, key=lambda each: (each.name.lower(), each.cidr))


async def _inside(visit: Visit, router: str) -> list[str]:
    asked = [("device_id", router), ("device_owner", _INSIDE), ("fields", "fixed_ips")]
    ports = await visit.ask.every(PORT, asked)
    addresses = (address for port in ports for address in port["fixed_ips"])
    return list({address["subnet_id"]: None for address in addresses})


# What comes of it ------------------------------------------------------------------------------


async def _summary(visit: Visit, form: Guided, plan: View) -> Summary:
    made, place = plan[ENVELOPE], form.choices.place
    hits = [each["id"] for each in plan["collisions"]]
    others = await visit.ask.by_id(CONNECTIONS.resource, hits, ("id", "name", "peer_address"))
    lines = [_line(form, part.name, made) for part in PARTS]
    lines.append(_line(form, CONNECTION, made))
    service = made.get("vpnservice")
    if service is None and place is not None:
        service = await visit.ask.show(BY_SLUG["services"].resource, place.service)
    six = ":" in made[CONNECTION]["peer_address"]
    address = (service or {}).get("external_v6_ip" if six else "external_v4_ip")
    return Summary(
        lines=tuple(each for each in lines if each is not None),
        address=str(address or ""),
        steps=tuple(each["about"] for each in plan["steps"]),
        collisions=tuple(
            (_link(CONNECTIONS, others.get(each["id"], {"id": each["id"]})), each["message"])
            for each in plan["collisions"]
        ),
    )


def _line(form: Guided, part: str, made: View) -> Line | None:
    """A part by its name; None: there is none."""
    resource = next((each.resource for each in PARTS if each.name == part), IPSEC_SITE_CONNECTION)
    section = BY_NAME[resource.name]
    kind = _SIDES.get(part, section.one)
    if part in made:
        view = made[part]
        name = view["name"] or references.name_of(section, {"id": "", **view})
        return Line(True, kind, Part(text=name), _detail(form, view))
    kept = form.kept(part)
    return Line(False, kind, Part(text=kept[1], href=section.of(kept[0])), "") if kept else None


def _detail(form: Guided, view: View) -> str:
    """What matters of a new object, in one line."""
    if "endpoints" in view:
        known = {each.id: each.cidr for each in form.choices.subnets}
        return ", ".join(known.get(each, each) for each in view["endpoints"])
    if "encryption_algorithm" in view:
        return presets.terms(view)
    place = form.choices.place
    return f"to {view['peer_address']}" if "peer_address" in view else f"on {place.router_name}" \
        if place else ""  # fmt: skip


def _link(section: Section, view: dict[str, Any]) -> Part:
    return Part(text=references.name_of(section, view), href=section.of(view["id"]))
