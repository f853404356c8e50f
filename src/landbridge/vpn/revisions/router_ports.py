"""Makes the desired state of routers from the rows: their ports, addresses and next hops.

Rules this module keeps:
- A router's ports are those that `router_ports` names; their addresses have the prefix length of
  their subnet.
- Routes whose next hop is on no network of the router are left out: no kernel takes them.
- Next hops are the gateways of the uplink's subnets on which the router has an address.
- All routers of a gateway take two statements.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from ipaddress import ip_address, ip_interface
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Connection, and_, bindparam, select

from landbridge.model.router import Leg, Route, Router
from landbridge.store import tables as t
from landbridge.store.resource_rows import ROUTERS, RouterRow

_PORTS = (
    select(
        t.router_ports.c.router_id,
        t.router_ports.c.uplink,
        t.ports.c.id.label("port_id"),
        t.ports.c.mac_address,
        t.networks.c.id.label("network_id"),
        t.networks.c.name.label("network_name"),
        t.networks.c.provider_physical_network.label("physical_network"),
        and_(t.ports.c.admin_state_up, t.networks.c.admin_state_up).label("admin_state_up"),
        t.port_addresses.c.ip_address,
        t.subnets.c.cidr,
        t.subnets.c.gateway_ip,
    )
    .select_from(t.router_ports)
    .join(t.ports, t.ports.c.id == t.router_ports.c.port_id)
    .join(t.networks, t.networks.c.id == t.ports.c.network_id)
    .outerjoin(t.port_addresses, t.port_addresses.c.port_id == t.ports.c.id)
    .outerjoin(t.subnets, t.subnets.c.id == t.port_addresses.c.subnet_id)
    .order_by(
        t.ports.c.created_at,
        t.ports.c.id,
        t.subnets.c.ip_version,
        t.subnets.c.created_at,
        t.port_addresses.c.ip_address,
    )
)


_ADDRESSES = (
    select(t.port_addresses.c.ip_address, t.subnets.c.cidr)
    .join(t.router_ports, t.router_ports.c.port_id == t.port_addresses.c.port_id)
    .join(t.subnets, t.subnets.c.id == t.port_addresses.c.subnet_id)
    .where(t.router_ports.c.router_id == bindparam("router"))
)


class RouterAddress(NamedTuple):
    """An address of a router, and the CIDR of its subnet."""

    ip_address: str
    cidr: str


def addresses(tx: Connection, router_id: str) -> list[RouterAddress]:
    """All addresses of a router, outside and inside."""
    return [RouterAddress(*found) for found in tx.execute(_ADDRESSES, {"router": router_id})]


def routers(tx: Connection, gateway_id: str) -> list[Router]:
    """All routers of a gateway, ordered by id."""
    return _routers(tx, t.routers.c.gateway_id == gateway_id)


def router(tx: Connection, gateway_id: str, id: str) -> Router | None:
    found = _routers(tx, (t.routers.c.gateway_id == gateway_id) & (t.routers.c.id == id))
    return found[0] if found else None


def routers_where(tx: Connection, which: ColumnElement[bool]) -> list[Router]:
    """The routers that `which` selects, on any gateway."""
    return _routers(tx, which)


def _routers(tx: Connection, which: ColumnElement[bool]) -> list[Router]:
    query = select(*ROUTERS.columns).where(which).order_by(t.routers.c.id)
    found = ROUTERS.read_all(tx.execute(query))
    ports: defaultdict[str, defaultdict[str, list[Any]]] = defaultdict(lambda: defaultdict(list))
    placed = select(t.routers.c.id).where(which)
    for line in tx.execute(_PORTS.where(t.router_ports.c.router_id.in_(placed))):
        ports[line.router_id][line.port_id].append(line)
    return [_router(row, list(ports[row.id].values())) for row in found]


def _router(row: RouterRow, ports: list[list[Any]]) -> Router:
    uplinks = [_leg(lines, uplink=True) for lines in ports if lines[0].uplink]
    inside = [_leg(lines, uplink=False) for lines in ports if not lines[0].uplink]
    return Router(
        id=row.id,
        name=row.name,
        revision=row.revision,
        admin_state_up=row.admin_state_up,
        uplink=uplinks[0] if uplinks else None,
        inside=tuple(inside),
        routes=_routes(row, [address for leg in (*uplinks, *inside) for address in leg.addresses]),
    )


def _routes(row: RouterRow, addresses: Iterable[str]) -> tuple[Route, ...]:
    """Those whose next hop is on a network of a leg, and not the router itself."""
    interfaces = [ip_interface(address) for address in addresses]
    own = {str(interface.ip) for interface in interfaces}
    return tuple(
        Route(destination=route["destination"], nexthop=route["nexthop"])
        for route in row.routes
        if route["nexthop"] not in own
        and any(ip_address(route["nexthop"]) in interface.network for interface in interfaces)
    )


def _leg(lines: Sequence[Any], *, uplink: bool) -> Leg:
    addressed = [line for line in lines if line.ip_address is not None]
    hops = [line.gateway_ip for line in addressed if line.gateway_ip is not None]
    return Leg(
        network_id=lines[0].network_id,
        network_name=lines[0].network_name,
        physical_network=lines[0].physical_network or "",
        port_id=lines[0].port_id,
        mac_address=lines[0].mac_address,
        admin_state_up=bool(lines[0].admin_state_up),
        addresses=tuple(f"{line.ip_address}/{line.cidr.split('/')[1]}" for line in addressed),
        gateways=tuple(dict.fromkeys(hops)) if uplink else (),
    )
