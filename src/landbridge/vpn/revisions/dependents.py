"""Which connections an update concerns, as tunnels with their owners.

Rules this module keeps:
- One way per resource to ask for the connections that rest on one object of it.
- It reads only; the work is a fixed number of statements for any number of connections.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Final, NamedTuple

from sqlalchemy import ColumnElement, Connection, select

from landbridge.model.objects import Tunnel
from landbridge.store import tables as t
from landbridge.vpn.revisions import desired
from landbridge.vpn.revisions.revisions import uses_group

_c = t.ipsec_site_connections.c

#: By the resource's name: the connections that an object of it, by its id, is part of.
RESTING_ON: Final[Mapping[str, Callable[[str], ColumnElement[bool]]]] = {
    "ipsec_site_connection": lambda key: _c.id == key,
    "ikepolicy": lambda key: _c.ikepolicy_id == key,
    "ipsecpolicy": lambda key: _c.ipsecpolicy_id == key,
    "endpoint_group": uses_group,
    "vpnservice": lambda key: _c.vpnservice_id == key,
}


class OwnedTunnel(NamedTuple):
    project_id: str
    tunnel: Tunnel


def connections(tx: Connection, resource: str, id: str) -> dict[str, OwnedTunnel]:
    """By id, as they are in this transaction now."""
    return _owned(tx, RESTING_ON[resource](id))


def beside(tx: Connection, tunnels: Iterable[Tunnel]) -> dict[str, OwnedTunnel]:
    """All of the routers that run these, themselves included."""
    routers = {tunnel.router_id for tunnel in tunnels}
    services = select(t.vpnservices.c.id).where(t.vpnservices.c.router_id.in_(routers))
    return _owned(tx, _c.vpnservice_id.in_(services)) if routers else {}


def _owned(tx: Connection, which: ColumnElement[bool]) -> dict[str, OwnedTunnel]:
    owners = {
        row.id: row.project_id for row in tx.execute(select(_c.id, _c.project_id).where(which))
    }
    return {
        tunnel.id: OwnedTunnel(owners[tunnel.id], tunnel)
        for tunnel in desired.tunnels_where(tx, which)
    }
