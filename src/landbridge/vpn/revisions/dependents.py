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

from landbridge.model.tunnel import Tunnel
from landbridge.store import tables as t
from landbridge.vpn.revisions import desired
from landbridge.vpn.revisions.revisions import uses_group

_c = t.ipsec_site_connections.c

#: By the resource's name: which connections depend on the object with an id.
DEPENDING_ON: Final[Mapping[str, Callable[[str], ColumnElement[bool]]]] = {
    "ipsec_site_connection": lambda key: _c.id == key,
    "ikepolicy": lambda key: _c.ikepolicy_id == key,
    "ipsecpolicy": lambda key: _c.ipsecpolicy_id == key,
    "endpoint_group": uses_group,
    "vpnservice": lambda key: _c.vpnservice_id == key,
    "router": lambda key: _c.vpnservice_id.in_(
        select(t.vpnservices.c.id).where(t.vpnservices.c.router_id == key)
    ),
}


class OwnedTunnel(NamedTuple):
    project_id: str
    tunnel: Tunnel


def connections(tx: Connection, resource: str, id: str) -> dict[str, OwnedTunnel]:
    """The connections that depend on the object, by id, as they are in this transaction."""
    return _owned(tx, DEPENDING_ON[resource](id))


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
