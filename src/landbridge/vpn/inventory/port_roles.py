"""Which ports are a router's: its gateway port and its interfaces.

Rules this module keeps:
- A port is a router's by its row in `router_ports`, which only the operations on routers write
  (``external_gateway_info``, ``add_router_interface``, ``remove_router_interface``). The port's
  `device_id` and `device_owner` only show it to clients, who may write them.
- The subnets of one router do not overlap.
"""

from __future__ import annotations

from ipaddress import ip_network
from typing import Final, NamedTuple

from sqlalchemy import ColumnElement, Connection, and_, insert, select

from landbridge.impact.selectors import Overlaps
from landbridge.store import tables as t
from landbridge.store.resource_rows import PORTS, PortRow, SubnetRow
from landbridge.vpn import rows
from landbridge.vpn.inventory import errors

INTERFACE: Final = "network:router_interface"
UPLINK: Final = "network:router_gateway"
OWNERS: Final = frozenset({INTERFACE, UPLINK})

_table = t.router_ports


class PortRole(NamedTuple):
    """Which router a port belongs to. `uplink`: as its gateway port."""

    router_id: str
    uplink: bool


def attach(tx: Connection, router_id: str, port: PortRow, *, uplink: bool = False) -> PortRow:
    """Make `port` a port of the router; returns its row as it is now."""
    tx.execute(insert(_table).values(port_id=port.id, router_id=router_id, uplink=uplink))
    owner = UPLINK if uplink else INTERFACE
    return rows.update(tx, PORTS, port, {"device_id": router_id, "device_owner": owner})


def remove(tx: Connection, port: PortRow) -> None:
    """Delete a router's port."""
    rows.delete(tx, PORTS, port)


def role_of(tx: Connection, port_id: str) -> PortRole | None:
    """None: the port is no router's."""
    query = select(_table.c.router_id, _table.c.uplink).where(_table.c.port_id == port_id)
    found = tx.execute(query).first()
    return None if found is None else PortRole(*found)


def interfaces(tx: Connection, router_id: str) -> list[PortRow]:
    """The interfaces of a router, oldest first."""
    return _ports(tx, router_id, uplink=False)


def uplinks(tx: Connection, router_id: str) -> list[PortRow]:
    """The gateway port of a router, if it has one."""
    return _ports(tx, router_id, uplink=True)


def subnet_ids(tx: Connection, router_id: str) -> set[str]:
    """The ids of all subnets that a router has a port on."""
    addresses = t.port_addresses
    query = (
        select(addresses.c.subnet_id)
        .join(_table, _table.c.port_id == addresses.c.port_id)
        .where(_table.c.router_id == router_id)
    )
    return set(tx.execute(query).scalars())


def routers_on_network(tx: Connection, network_id: str) -> list[str]:
    """The ids of the routers with a port on a network."""
    return _routers(tx, t.ports.c.network_id == network_id)


def routers_on_subnet(tx: Connection, subnet_id: str) -> list[str]:
    """The ids of the routers with an address of a subnet."""
    addresses = t.port_addresses
    holders = select(addresses.c.port_id).where(addresses.c.subnet_id == subnet_id)
    return _routers(tx, t.ports.c.id.in_(holders))


def check_no_overlap(
    tx: Connection, router_id: str, subnets: list[SubnetRow], *, but_not: str | None = None
) -> None:
    """The subnets of a router must not overlap. Raises: BadRouterRequest."""
    query = (
        select(t.subnets.c.id, t.subnets.c.cidr)
        .join(t.port_addresses, t.port_addresses.c.subnet_id == t.subnets.c.id)
        .join(_table, _table.c.port_id == t.port_addresses.c.port_id)
        .where(_table.c.router_id == router_id, _table.c.port_id != (but_not or ""))
    )
    others = {other: ip_network(cidr) for other, cidr in tx.execute(query)}
    ids, overlaps = {net: other for other, net in others.items()}, Overlaps(others.values())
    for subnet in subnets:
        if subnet.id in others:
            raise errors.BadRouterRequest(f"Router already has a port on subnet {subnet.id}")
        if other := next(overlaps.of(ip_network(subnet.cidr)), None):
            raise errors.BadRouterRequest(
                f"Cidr {subnet.cidr} of subnet {subnet.id} overlaps with cidr "
                f"{other} of subnet {ids[other]}"
            )


def _ports(tx: Connection, router_id: str, *, uplink: bool) -> list[PortRow]:
    query = (
        select(*PORTS.columns)
        .join(_table, and_(_table.c.port_id == t.ports.c.id, _table.c.uplink == uplink))
        .where(_table.c.router_id == router_id)
        .order_by(t.ports.c.created_at, t.ports.c.id)
    )
    return PORTS.read_all(tx.execute(query))


def _routers(tx: Connection, which: ColumnElement[bool]) -> list[str]:
    ports = _table.join(t.ports, t.ports.c.id == _table.c.port_id)
    query = select(_table.c.router_id).select_from(ports).where(which)
    return list(tx.execute(query.distinct().order_by(_table.c.router_id)).scalars())
