"""The rules of networks.

Rules this module keeps:
- A network is deleted with its subnets, if no port is on it.
- An external network stays external while a router's gateway is on it; a shared network stays
  shared while another project has a port on it.
- The provider attributes are in `providers`; a network's name has no meaning for gateways.
"""

from __future__ import annotations

from collections import defaultdict
from typing import Final

from msgspec.structs import asdict
from sqlalchemy import Connection, select

from landbridge.store import tables as t
from landbridge.store.columns import Columns
from landbridge.store.resource_rows import NETWORKS, NetworkRow
from landbridge.vpn import rows, users
from landbridge.vpn.inventory import errors, port_roles, providers, subnets
from landbridge.vpn.revisions.revisions import router_changed
from landbridge.vpn.rows import Attributes, Scope

DEFAULT_MTU: Final = 1500

_COLUMNS = {
    "router:external": "router_external",
    "provider:network_type": providers.TYPE,
    "provider:physical_network": providers.PHYSICAL,
    "provider:segmentation_id": providers.SEGMENT,
}


def create(tx: Connection, values: Attributes, scope: Scope = None) -> NetworkRow:
    """Raises: InvalidInput, FlatNetworkInUse."""
    given = _flat(values) | {"mtu": values.get("mtu") or DEFAULT_MTU}
    return rows.insert(tx, NETWORKS, given | providers.of_new(tx, given))


def update(tx: Connection, row: NetworkRow, changes: Attributes, scope: Scope = None) -> NetworkRow:
    """Raises: ExternalNetworkInUse, InvalidSharedSetting, InvalidInput, FlatNetworkInUse."""
    given = _flat(changes)
    if "mtu" in given:
        given["mtu"] = given["mtu"] or DEFAULT_MTU
        _check_mtu(tx, row, given["mtu"])
    if row.shared and not given.get("shared", True):
        _check_not_used_by_others(tx, row)
    if row.router_external and not given.get("router_external", True):
        uses = t.routers.c.external_network_id == row.id
        if rows.first(tx, select(t.routers.c.id).where(uses)) is not None:
            raise errors.ExternalNetworkInUse(
                row.id, users.told(tx, t.routers, uses, row.project_id)
            )
    updated = rows.update(tx, NETWORKS, row, given | providers.of_changed(tx, row, given))
    if _acted_on(updated) != _acted_on(row):
        _tell_routers(tx, row.id)
    return updated


def delete(tx: Connection, row: NetworkRow) -> None:
    """Raises: NetworkInUse, SubnetInUse."""
    ports = tx.execute(
        select(t.ports.c.id).where(t.ports.c.network_id == row.id).order_by(t.ports.c.id)
    )
    if ids := list(ports.scalars()):
        raise errors.NetworkInUse(
            row.id,
            "There are one or more ports still in use on the network, "
            f"id for these ports is: {','.join(ids)}",
        )
    for subnet in subnets.of_network(tx, row.id):
        subnets.delete(tx, subnet)
    rows.delete(tx, NETWORKS, row)


def present(tx: Connection, found: list[NetworkRow], secrets: bool = True) -> list[Attributes]:
    """Networks with their ``router:`` and ``provider:`` attributes and the ids of their `subnets`,
    in one query."""
    ids: defaultdict[str, list[str]] = defaultdict(list)
    query = (
        select(t.subnets.c.network_id, t.subnets.c.id)
        .where(t.subnets.c.network_id.in_([row.id for row in found]))
        .order_by(t.subnets.c.created_at, t.subnets.c.id)
    )
    for network_id, subnet_id in tx.execute(query):
        ids[network_id].append(subnet_id)
    return [_shown(row) | {"subnets": ids[row.id]} for row in found]


def _acted_on(row: NetworkRow) -> tuple[object, ...]:
    """What gateways must act on."""
    return row.provider_physical_network, row.admin_state_up


def _check_not_used_by_others(tx: Connection, row: NetworkRow) -> None:
    own = (row.project_id, "")  # gateway ports are of no project
    ports = t.ports.c
    others = select(ports.id).where(ports.network_id == row.id, ports.project_id.not_in(own))
    if rows.first(tx, others) is not None:
        raise errors.InvalidSharedSetting(row.name)


def _check_mtu(tx: Connection, row: NetworkRow, mtu: int) -> None:
    """Raises: NetworkMTUSubnetConflict."""
    versions = {subnet.ip_version for subnet in subnets.of_network(tx, row.id)}
    for version in sorted(versions, reverse=True):
        subnets.check_mtu(row.id, mtu, version)


def _shown(row: NetworkRow) -> Attributes:
    columns = asdict(row)
    return columns | {name: columns.get(column) for name, column in _COLUMNS.items()}


def _flat(values: Attributes) -> Columns:
    return {_COLUMNS.get(name, name): value for name, value in values.items()}


def _tell_routers(tx: Connection, network_id: str) -> None:
    """Gateways find the host's bridge by the physical network, and switch the network off."""
    for router_id in port_roles.routers_on_network(tx, network_id):
        router_changed(tx, router_id)
