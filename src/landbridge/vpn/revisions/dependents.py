"""The connections that depend on an object, as tunnels with their owners.

Rules this module keeps:
- Each resource has one expression for the connections that depend on an object of it.
- It only reads; the number of statements does not depend on the number of connections.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Final, NamedTuple

import msgspec
from sqlalchemy import ColumnElement, Connection, select

from landbridge.impact import passage
from landbridge.impact.passage import Passage
from landbridge.model.tunnel import Tunnel
from landbridge.store import tables as t
from landbridge.vpn.revisions import desired
from landbridge.vpn.revisions.revisions import uses_group
from landbridge.vpn.revisions.router_ports import routers_where

_c = t.ipsec_site_connections.c


def _on_leg(which: ColumnElement[bool]) -> ColumnElement[bool]:
    """The connections of routers that have one of these ports."""
    legs = (
        select(t.router_ports.c.router_id)
        .join(t.ports, t.ports.c.id == t.router_ports.c.port_id)
        .where(which)
    )
    services = select(t.vpnservices.c.id).where(t.vpnservices.c.router_id.in_(legs))
    return _c.vpnservice_id.in_(services)


#: By the resource's name: which connections depend on the object with an id.
DEPENDING_ON: Final[Mapping[str, Callable[[str], ColumnElement[bool]]]] = {
    "ipsec_site_connection": lambda key: _c.id == key,
    "ikepolicy": lambda key: _c.ikepolicy_id == key,
    "ipsecpolicy": lambda key: _c.ipsecpolicy_id == key,
    "endpoint_group": uses_group,
    "vpnservice": lambda key: _c.vpnservice_id == key,
    "network": lambda key: _on_leg(t.ports.c.network_id == key),
    "subnet": lambda key: _on_leg(
        t.ports.c.id.in_(
            select(t.port_addresses.c.port_id).where(t.port_addresses.c.subnet_id == key)
        )
    ),
    "port": lambda key: _on_leg(t.ports.c.id == key),
    "router": lambda key: _c.vpnservice_id.in_(
        select(t.vpnservices.c.id).where(t.vpnservices.c.router_id == key)
    ),
}


class OwnedTunnel(NamedTuple):
    """`passage`: through the networks of its router; None: it was not asked for."""

    project_id: str
    tunnel: Tunnel
    passage: Passage | None = None


def connections(tx: Connection, resource: str, id: str) -> dict[str, OwnedTunnel]:
    """The connections that depend on the object, by id, as they are in this transaction."""
    found = _owned(tx, DEPENDING_ON[resource](id))
    return _passing(tx, found) if resource in passage.RESOURCES else found


def _passing(tx: Connection, found: dict[str, OwnedTunnel]) -> dict[str, OwnedTunnel]:
    """With their passages."""
    ids = {owned.tunnel.router_id for owned in found.values()}
    routers = {each.id: each for each in routers_where(tx, t.routers.c.id.in_(ids))}
    return {
        key: owned._replace(passage=passage.passage(routers[owned.tunnel.router_id], owned.tunnel))
        for key, owned in found.items()
    }


def beside(tx: Connection, tunnels: Iterable[Tunnel]) -> dict[str, OwnedTunnel]:
    """All tunnels of the routers of these tunnels, including these."""
    routers = {tunnel.router_id for tunnel in tunnels}
    services = select(t.vpnservices.c.id).where(t.vpnservices.c.router_id.in_(routers))
    return _owned(tx, _c.vpnservice_id.in_(services)) if routers else {}


def _owned(tx: Connection, which: ColumnElement[bool]) -> dict[str, OwnedTunnel]:
    query = (
        select(_c.id, _c.project_id, t.routers.c.admin_state_up)
        .join(t.vpnservices, t.vpnservices.c.id == _c.vpnservice_id)
        .join(t.routers, t.routers.c.id == t.vpnservices.c.router_id)
        .where(which)
    )
    known = {row.id: row for row in tx.execute(query)}
    return {
        tunnel.id: OwnedTunnel(
            known[tunnel.id].project_id, _on_router(tunnel, known[tunnel.id].admin_state_up)
        )
        for tunnel in desired.tunnels_where(tx, which)
    }


def _on_router(tunnel: Tunnel, router_up: bool) -> Tunnel:
    """With its router it is switched off."""
    up = tunnel.admin_state_up and router_up
    return msgspec.structs.replace(tunnel, admin_state_up=up)
