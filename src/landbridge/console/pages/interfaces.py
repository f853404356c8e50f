"""The inside legs of a router: shown on its page, added and removed in forms.

Rules this module keeps:
- A leg is a subnet, whose gateway address the router takes, or a free port with addresses of its
  own: as the API has it.
- Before one is taken away it is asked once more. What needs it keeps it: the API says so, and who.
"""

from __future__ import annotations

from typing import Final

import msgspec
from starlette.responses import RedirectResponse, Response

from landbridge import errors
from landbridge.console import references
from landbridge.console.ask import View
from landbridge.console.choices import MOST_OPTIONS
from landbridge.console.endpoint import Visit
from landbridge.console.fields import Field, Option
from landbridge.console.references import Part, Parts
from landbridge.console.sections import BY_SLUG, INTERFACE

ROUTERS: Final = BY_SLUG["routers"]
PORTS: Final = BY_SLUG["ports"]
SUBNETS: Final = BY_SLUG["subnets"]
ADD, REMOVE = "add_router_interface", "remove_router_interface"
_FIELDS: Final = ("id", "name", "fixed_ips", "network_id", "device_id", "mac_address")


class Leg(msgspec.Struct, frozen=True, kw_only=True):
    """One port of a router. `remove`: where it is taken away; empty: the viewer may not."""

    port: Part
    subnets: Parts
    network: Part
    addresses: Parts
    remove: str


class Legs(msgspec.Struct, frozen=True):
    """`add`: where one is added; empty: the viewer may not. `uplink`: where the uplink is set."""

    legs: list[Leg]
    add: str
    uplink: str


async def of(visit: Visit, router: View) -> Legs:
    """The legs of a router. Raises: errors.ApiError."""
    asked = [("device_id", router["id"]), ("device_owner", INTERFACE)]
    fields = [("fields", name) for name in _FIELDS]
    ports = await visit.ask.every(PORTS.resource, [*asked, *fields])
    wanted = {"endpoints": [each["subnet_id"] for port in ports for each in port["fixed_ips"]]}
    groups = BY_SLUG["groups"]
    names = await references.names(visit.ask, PORTS, ports)
    names = names.joined((await references.names(visit.ask, groups, [wanted | _SUBNETS])).found)
    path, may = ROUTERS.of(router["id"]), visit.may(REMOVE, router)
    legs = [
        Leg(
            port=Part(text=references.name_of(PORTS, port), href=PORTS.of(port["id"])),
            subnets=[references.subnet(each["subnet_id"], names) for each in port["fixed_ips"]],
            network=names.link("networks", port["network_id"]),
            addresses=[Part(text=each["ip_address"], kind="mono") for each in port["fixed_ips"]],
            remove=f"{path}/interfaces/{port['id']}/remove" if may else "",
        )
        for port in ports
    ]
    legs.sort(key=lambda leg: [each.text for each in leg.subnets])
    return Legs(
        legs,
        f"{path}/interfaces/add" if visit.may(ADD, router) else "",
        f"{path}/edit#field-external_gateway_info" if visit.may(_UPLINK, router) else "",
    )


_UPLINK: Final = "update_router:external_gateway_info"
_SUBNETS: Final = {"type": "subnet"}  # as an endpoint group has them


async def adding(visit: Visit) -> Response:
    return await _form(visit, await _router(visit, ADD))


async def add(visit: Visit) -> Response:
    router = await _router(visit, ADD)
    given = {name: visit.field(name) for name in ("subnet_id", "port_id") if visit.field(name)}
    try:
        await visit.ask.send("PUT", f"{ROUTERS.resource.path}/{router['id']}/{ADD}", given)
    except errors.ApiError as error:
        return await _form(visit, router, error.message, error.status)
    return RedirectResponse(ROUTERS.of(router["id"]), 303)


async def removing(visit: Visit) -> Response:
    router = await _router(visit, REMOVE)
    return await _confirm(visit, router, await _port(visit))


async def remove(visit: Visit) -> Response:
    router = await _router(visit, REMOVE)
    port = await _port(visit)
    path = f"{ROUTERS.resource.path}/{router['id']}/{REMOVE}"
    try:
        await visit.ask.send("PUT", path, {"port_id": port["id"]})
    except errors.ApiError as error:
        return await _confirm(visit, router, port, error.message, error.status)
    return RedirectResponse(ROUTERS.of(router["id"]), 303)


async def _router(visit: Visit, rule: str) -> View:
    """Raises: NotFound, PolicyNotAuthorized."""
    router = await visit.ask.show(ROUTERS.resource, visit.path)
    if not visit.may(rule, router):
        raise errors.PolicyNotAuthorized(rule)
    return router


async def _port(visit: Visit) -> View:
    """Raises: NotFound."""
    return await visit.ask.show(PORTS.resource, str(visit.request.path_params["port"]))


async def _form(visit: Visit, router: View, wrong: str = "", status: int = 200) -> Response:
    order = [("sort_key", "name"), ("sort_dir", "asc"), ("limit", str(MOST_OPTIONS))]
    fields = [("fields", name) for name in ("id", "name", "cidr")]
    subnets = await visit.ask.every(SUBNETS.resource, [*order, *fields, *_INSIDE])
    fields = [("fields", name) for name in _FIELDS]
    ports = await visit.ask.every(PORTS.resource, [*order, *fields, ("device_id", "")])
    options = (
        Option("", "none"),
        *(Option(each["id"], _subnet(each)) for each in subnets),
    )
    free = (
        Option("", "none"),
        *(Option(each["id"], references.name_of(PORTS, each)) for each in ports),
    )
    return await visit.page(
        "interface_add.html",
        here=ROUTERS.slug,
        status=status,
        section=ROUTERS,
        name=references.name_of(ROUTERS, router),
        back=ROUTERS.of(router["id"]),
        wrong=wrong,
        fields=[
            Field(name="subnet_id", title="Subnet", widget="choice", options=options,
                  value=visit.field("subnet_id"),
                  about="The router takes the subnet's gateway address on it."),
            Field(name="port_id", title="Or a port", widget="choice", options=free,
                  value=visit.field("port_id"),
                  about="One that nothing uses: the router takes its addresses."),
        ],
    )  # fmt: skip


_INSIDE: Final = [("router:external", "False")]


def _subnet(view: View) -> str:
    return f"{view['name']} {view['cidr']}".strip()


async def _confirm(
    visit: Visit, router: View, port: View, wrong: str = "", status: int = 200
) -> Response:
    return await visit.page(
        "interface_remove.html",
        here=ROUTERS.slug,
        status=status,
        section=ROUTERS,
        name=references.name_of(ROUTERS, router),
        port=references.name_of(PORTS, port),
        addresses=[each["ip_address"] for each in port["fixed_ips"]],
        back=ROUTERS.of(router["id"]),
        wrong=wrong,
    )
