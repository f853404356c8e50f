"""The rules of networks.

Rules this module keeps:
- A network goes together with its subnets, when no port is left on it.
- An external network stays external while a router's gateway is on it.
"""

from __future__ import annotations

from collections import defaultdict

from sqlalchemy import Connection, select

from landbridge.store import tables as t
from landbridge.store.transaction import Row
from landbridge.vpn import inventory_faults as refused
from landbridge.vpn import rows, subnets
from landbridge.vpn.revisions import router_changed
from landbridge.vpn.rows import Scope

TABLE = t.networks


def create(tx: Connection, values: Row, scope: Scope = None) -> Row:
    return rows.insert(tx, TABLE, _flat(values))


def update(tx: Connection, row: Row, changes: Row, scope: Scope = None) -> Row:
    """Raises: ExternalNetworkInUse."""
    given = _flat(changes)
    if row["router_external"] and not given.get("router_external", True):
        gateway = select(t.routers.c.id).where(t.routers.c.external_network_id == row["id"])
        if rows.first(tx, gateway) is not None:
            raise refused.ExternalNetworkInUse(row["id"])
    updated = rows.update(tx, TABLE, row, given)
    if updated["name"] != row["name"]:
        _tell_routers(tx, row["id"])
    return updated


def delete(tx: Connection, row: Row) -> None:
    """Raises: NetworkInUse, SubnetInUse."""
    ports = tx.execute(
        select(t.ports.c.id).where(t.ports.c.network_id == row["id"]).order_by(t.ports.c.id)
    )
    if ids := list(ports.scalars()):
        raise refused.NetworkInUse(
            row["id"],
            "There are one or more ports still in use on the network, "
            f"id for these ports is: {','.join(ids)}",
        )
    for subnet in subnets.of_network(tx, row["id"]):
        subnets.delete(tx, subnet)
    rows.delete(tx, TABLE, row)


def present(tx: Connection, found: list[Row], secrets: bool = True) -> list[Row]:
    """Networks with ``router:external`` and the ids of their `subnets`, in one query."""
    ids: defaultdict[str, list[str]] = defaultdict(list)
    query = (
        select(t.subnets.c.network_id, t.subnets.c.id)
        .where(t.subnets.c.network_id.in_([row["id"] for row in found]))
        .order_by(t.subnets.c.created_at, t.subnets.c.id)
    )
    for network_id, subnet_id in tx.execute(query):
        ids[network_id].append(subnet_id)
    return [
        row | {"router:external": row["router_external"], "subnets": ids[row["id"]]}
        for row in found
    ]


def _flat(values: Row) -> Row:
    external = "router:external"
    flat = {name: value for name, value in values.items() if name != external}
    return flat | {"router_external": values[external]} if external in values else flat


def _tell_routers(tx: Connection, network_id: str) -> None:
    """A gateway finds the host's bridge of a network by the network's name, too."""
    routers = select(t.routers.c.id).where(
        t.routers.c.id.in_(select(t.ports.c.device_id).where(t.ports.c.network_id == network_id))
    )
    for router_id in tx.execute(routers.order_by(t.routers.c.id)).scalars().all():
        router_changed(tx, router_id)
