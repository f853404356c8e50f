"""The rules of endpoint groups.

Rules this module keeps:
- All endpoints of a group are of its type, valid and different; a group is never empty.
- Endpoints of a group in use can be changed, if every connection that uses it stays valid;
  all of them follow.
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

from sqlalchemy import Connection, insert, select
from sqlalchemy import delete as sql_delete

from landbridge.store import tables as t
from landbridge.store.transaction import Row
from landbridge.vpn import faults, rows, selectors
from landbridge.vpn.addresses import parse_network
from landbridge.vpn.revisions import raise_connections, uses_group
from landbridge.vpn.rows import Scope

TABLE = t.endpoint_groups

_SHOWN_WHEN_EMPTY = ("type", "endpoints", "project_id", "tenant_id", "name", "description")


def create(tx: Connection, values: Row, scope: Scope = None) -> Row:
    """Raises: MissingEndpointForEndpointGroup, InvalidEndpointInEndpointGroup,
    NonExistingSubnetInEndpointGroup.
    """
    endpoints = _checked(tx, values, values.get("endpoints") or [], scope)
    row = rows.insert(tx, TABLE, values | {"endpoints": endpoints})
    _refer_to_subnets(tx, row)
    return row


def update(tx: Connection, row: Row, changes: Row, scope: Scope = None) -> Row:
    """Raises: as `create`, and what a connection that uses the group would refuse."""
    given = {name: value for name, value in changes.items() if name != "endpoints"}
    if "endpoints" in changes:
        group = row | given
        given["endpoints"] = _checked(tx, group, changes["endpoints"] or [], scope)
    updated = rows.update(tx, TABLE, row, given)
    if updated["endpoints"] != row["endpoints"]:
        _refer_to_subnets(tx, updated)
        _check_users(tx, row["id"])
        raise_connections(tx, uses_group(row["id"]))
    return updated


def delete(tx: Connection, row: Row) -> None:
    """Raises: EndpointGroupInUse."""
    user = select(t.ipsec_site_connections.c.id).where(uses_group(row["id"]))
    if rows.first(tx, user) is not None:
        raise faults.EndpointGroupInUse(row["id"])
    rows.delete(tx, TABLE, row)


def present(tx: Connection, found: list[Row], secrets: bool = True) -> list[Row]:
    return found


def _checked(tx: Connection, group: Row, endpoints: list[Any], scope: Scope) -> list[str]:
    """The endpoints as they are kept."""
    if not endpoints:
        shown = {"tenant_id": group["project_id"], "name": "", "description": ""} | group
        shown["endpoints"] = []
        raise faults.MissingEndpointForEndpointGroup({key: shown[key] for key in _SHOWN_WHEN_EMPTY})
    _check_unique(endpoints, group["type"])
    if group["type"] == selectors.CIDR:
        _check_cidrs(endpoints)
    elif group["type"] == selectors.SUBNET:
        return _checked_subnets(tx, endpoints, scope)
    return [str(endpoint) for endpoint in endpoints]


def _check_unique(endpoints: list[Any], type: str) -> None:
    seen: list[Any] = []
    for endpoint in endpoints:
        if endpoint in seen:
            why = "Endpoints have to be unique"
            raise faults.InvalidEndpointInEndpointGroup(endpoint, type, why)
        seen.append(endpoint)


def _check_cidrs(endpoints: list[Any]) -> None:
    for endpoint in endpoints:
        if parse_network(endpoint) is None:
            raise faults.InvalidEndpointInEndpointGroup(endpoint, selectors.CIDR, "Invalid CIDR")


def _checked_subnets(tx: Connection, endpoints: list[Any], scope: Scope) -> list[str]:
    for endpoint in endpoints:
        if not _is_uuid(endpoint):
            raise faults.InvalidEndpointInEndpointGroup(endpoint, selectors.SUBNET, "Invalid UUID")
    ids = [endpoint.lower() for endpoint in endpoints]
    known = rows.by_id(tx, t.subnets, ids)
    networks = rows.by_id(tx, t.networks, {row["network_id"] for row in known.values()})
    for subnet_id, given in zip(ids, endpoints, strict=True):
        subnet = known.get(subnet_id)
        if subnet is None or not (
            rows.visible(subnet, scope) or rows.visible(networks[subnet["network_id"]], scope)
        ):
            raise faults.NonExistingSubnetInEndpointGroup(given)
    return ids


def _is_uuid(value: object) -> bool:
    try:
        return isinstance(value, str) and bool(UUID(value))
    except ValueError:
        return False


def _refer_to_subnets(tx: Connection, row: Row) -> None:
    """Keep the subnets from being deleted while a group names them."""
    links = t.endpoint_group_subnets
    if row["type"] != selectors.SUBNET:
        return
    tx.execute(sql_delete(links).where(links.c.endpoint_group_id == row["id"]))
    tx.execute(
        insert(links),
        [
            {"endpoint_group_id": row["id"], "subnet_id": subnet_id}
            for subnet_id in row["endpoints"]
        ],
    )


def _check_users(tx: Connection, group_id: str) -> None:
    """Every connection that uses the group must be valid with its new endpoints."""
    connections = t.ipsec_site_connections
    query = (
        select(connections, t.vpnservices.c.router_id, t.vpnservices.c.subnet_id)
        .join(t.vpnservices, t.vpnservices.c.id == connections.c.vpnservice_id)
        .where(uses_group(group_id))
    )
    for user in tx.execute(query).mappings().all():
        version = selectors.check_versions(tx, dict(user), dict(user), None)
        selectors.check_mtu(user["mtu"], version)
