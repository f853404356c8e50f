"""The rules of endpoint groups.

Rules this module keeps:
- All endpoints of a group are valid for its type and different; a group is never empty.
- Endpoints of a group in use can be changed if every connection that uses it stays valid; the
  revisions of all of these are raised.
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

from msgspec.structs import asdict
from sqlalchemy import Connection, insert, select
from sqlalchemy import delete as sql_delete

from landbridge import errors
from landbridge.store import tables as t
from landbridge.store.resource_rows import (
    CONNECTIONS,
    ENDPOINT_GROUPS,
    NETWORKS,
    SUBNETS,
    EndpointGroupRow,
)
from landbridge.vpn import errors as vpn_errors
from landbridge.vpn import rows, sets, users
from landbridge.vpn.addresses import is_cidr
from landbridge.vpn.resources import selectors
from landbridge.vpn.revisions.revisions import raise_connections, uses_group
from landbridge.vpn.rows import Attributes, Scope

_SHOWN_WHEN_EMPTY = ("type", "endpoints", "project_id", "name", "description")
_LONGEST = 255


def create(tx: Connection, values: Attributes, scope: Scope = None) -> EndpointGroupRow:
    """Raises: MissingEndpointForEndpointGroup, InvalidEndpointInEndpointGroup,
    NonExistingSubnetInEndpointGroup.
    """
    endpoints = _checked(tx, values, values.get("endpoints") or [], scope)
    row = rows.insert(tx, ENDPOINT_GROUPS, values | {"endpoints": endpoints})
    _refer_to_subnets(tx, row)
    return row


def update(
    tx: Connection, row: EndpointGroupRow, changes: Attributes, scope: Scope = None
) -> EndpointGroupRow:
    """Raises: as `create`, and the errors of connections that use the group."""
    given = {name: value for name, value in changes.items() if name != "endpoints"}
    if "endpoints" in changes:
        group = {name: given.get(name, getattr(row, name)) for name in _SHOWN_WHEN_EMPTY}
        given["endpoints"] = _checked(tx, group, changes["endpoints"] or [], scope)
        if sets.same(given["endpoints"], row.endpoints):
            del given["endpoints"]
    updated = rows.update(tx, ENDPOINT_GROUPS, row, given)
    if updated.endpoints != row.endpoints:
        _refer_to_subnets(tx, updated)
        _check_users(tx, row.id)
        raise_connections(tx, uses_group(row.id))
    return updated


def delete(tx: Connection, row: EndpointGroupRow) -> None:
    """Raises: EndpointGroupInUse."""
    user = select(t.ipsec_site_connections.c.id).where(uses_group(row.id))
    if rows.first(tx, user) is not None:
        by = users.told(tx, t.ipsec_site_connections, uses_group(row.id), row.project_id)
        raise vpn_errors.EndpointGroupInUse(row.id, by)
    rows.delete(tx, ENDPOINT_GROUPS, row)


def present(
    tx: Connection, found: list[EndpointGroupRow], secrets: bool = True
) -> list[Attributes]:
    return [asdict(row) for row in found]


def _checked(tx: Connection, group: Attributes, endpoints: list[Any], scope: Scope) -> list[str]:
    """The endpoints as they are stored."""
    if not endpoints:
        raise vpn_errors.MissingEndpointForEndpointGroup(_shown_when_empty(group))
    texts = [str(endpoint) for endpoint in endpoints]
    _check_unique(texts, group["type"])
    if group["type"] == selectors.SUBNET:
        return _checked_subnets(tx, texts, scope)
    if group["type"] == selectors.CIDR:
        _check_cidrs(texts)
    _check_storable(texts)
    return texts


def _shown_when_empty(group: Attributes) -> Attributes:
    """The attributes of the request, in its order, with `tenant_id`; for the error's message."""
    shown: Attributes = {}
    for name, value in group.items():
        if name in _SHOWN_WHEN_EMPTY:
            shown[name] = [] if name == "endpoints" else value
        if name == "project_id":
            shown["tenant_id"] = value
    return shown


def _check_unique(endpoints: list[str], type: str) -> None:
    seen: set[str] = set()
    for endpoint in endpoints:
        if endpoint in seen:
            why = "Endpoints have to be unique"
            raise vpn_errors.InvalidEndpointInEndpointGroup(endpoint, type, why)
        seen.add(endpoint)


def _check_cidrs(endpoints: list[str]) -> None:
    for endpoint in endpoints:
        if not is_cidr(endpoint):
            raise vpn_errors.InvalidEndpointInEndpointGroup(
                endpoint, selectors.CIDR, "Invalid CIDR"
            )


def _check_storable(endpoints: list[str]) -> None:
    """Checked after the rule of the type. Raises: BadRequest."""
    for endpoint in endpoints:
        if len(endpoint) > _LONGEST:
            raise errors.BadRequest(
                f"Invalid input for endpoints. Reason: '{endpoint}' exceeds maximum length "
                f"of {_LONGEST}."
            )
        if "\0" in endpoint:
            raise errors.BadRequest(
                f"Invalid input for endpoints. Reason: '{endpoint}' is not a valid string."
            )


def _checked_subnets(tx: Connection, endpoints: list[str], scope: Scope) -> list[str]:
    """Checked one after the other, so that the error names the first wrong one."""
    ids = [endpoint.lower() for endpoint in endpoints]
    known = rows.by_id(tx, SUBNETS, filter(_is_uuid, ids))
    networks = rows.by_id(tx, NETWORKS, {row.network_id for row in known.values()})
    for subnet_id, given in zip(ids, endpoints, strict=True):
        if not _is_uuid(given):
            raise vpn_errors.InvalidEndpointInEndpointGroup(given, selectors.SUBNET, "Invalid UUID")
        subnet = known.get(subnet_id)
        if subnet is None or not (
            rows.visible(subnet, scope) or rows.visible(networks[subnet.network_id], scope)
        ):
            raise vpn_errors.NonExistingSubnetInEndpointGroup(given)
    return ids


def _is_uuid(text: str) -> bool:
    try:
        return bool(UUID(text))
    except ValueError:
        return False


def _refer_to_subnets(tx: Connection, row: EndpointGroupRow) -> None:
    """Write the references that keep the subnets from being deleted."""
    links = t.endpoint_group_subnets
    if row.type != selectors.SUBNET:
        return
    tx.execute(sql_delete(links).where(links.c.endpoint_group_id == row.id))
    tx.execute(
        insert(links),
        [{"endpoint_group_id": row.id, "subnet_id": subnet_id} for subnet_id in row.endpoints],
    )


def _check_users(tx: Connection, group_id: str) -> None:
    """Every connection that uses the group must be valid with its new endpoints."""
    connections = t.ipsec_site_connections
    query = (
        select(*CONNECTIONS.columns, t.vpnservices.c.router_id, t.vpnservices.c.subnet_id)
        .join(t.vpnservices, t.vpnservices.c.id == connections.c.vpnservice_id)
        .where(uses_group(group_id))
    )
    sides = selectors.Sides(tx, None)
    for found in tx.execute(query).all():
        user, (router_id, subnet_id) = CONNECTIONS.split(found)
        version = sides.version(
            selectors.selection(user), selectors.Attachment(router_id, subnet_id)
        )
        selectors.check_mtu(user.mtu, version)
