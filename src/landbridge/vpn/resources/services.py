"""The rules of VPN services.

Rules this module keeps:
- A service needs a router with an external gateway; its external addresses are the router's.
- In legacy mode its subnet is one of the router's.
- A change of `admin_state_up` raises the revisions of all connections of the service.
"""

from __future__ import annotations

from msgspec.structs import asdict
from sqlalchemy import Connection, select

from landbridge.errors import about
from landbridge.store import tables as t
from landbridge.store.resource_rows import ROUTERS, SERVICES, ServiceRow
from landbridge.vpn import errors, rows, users
from landbridge.vpn.inventory import port_roles, uplinks
from landbridge.vpn.revisions.revisions import raise_connections, router_changed
from landbridge.vpn.rows import Attributes, Scope
from landbridge.vpn.status_rules import service_status


def create(tx: Connection, values: Attributes, scope: Scope = None) -> ServiceRow:
    """Raises: RouterNotFound, RouterIsNotExternal, SubnetIsNotConnectedToRouter."""
    missing = errors.RouterNotFound
    with about(attribute="router_id"):
        router = rows.refer(tx, ROUTERS, values["router_id"], scope, missing, to_change=True)
    if router.external_network_id is None:
        raise errors.RouterIsNotExternal(values["router_id"])
    subnet_id = values.get("subnet_id")
    with about(attribute="subnet_id"):
        if subnet_id and subnet_id.lower() not in port_roles.subnet_ids(tx, router.id):
            raise errors.SubnetIsNotConnectedToRouter(subnet_id, values["router_id"])
    made = {
        "router_id": router.id,
        "subnet_id": subnet_id.lower() if subnet_id else None,
        "status": "PENDING_CREATE",
    }
    row = rows.insert(tx, SERVICES, values | made | uplinks.external_ips(tx, router.id)._asdict())
    router_changed(tx, router.id)  # so that its gateway reports, and the service gets a status
    return row


def update(tx: Connection, row: ServiceRow, changes: Attributes, scope: Scope = None) -> ServiceRow:
    given = dict(changes)
    if given.get("admin_state_up", row.admin_state_up) != row.admin_state_up:
        router = rows.get(tx, ROUTERS, row.router_id)
        given["status"] = service_status(router, admin=bool(given["admin_state_up"]))
    updated = rows.update(tx, SERVICES, row, given)
    if updated.admin_state_up != row.admin_state_up:
        raise_connections(tx, t.ipsec_site_connections.c.vpnservice_id == row.id)
    return updated


def delete(tx: Connection, row: ServiceRow) -> None:
    """Raises: VPNServiceInUse."""
    connections = t.ipsec_site_connections
    uses = connections.c.vpnservice_id == row.id
    if rows.first(tx, select(connections.c.id).where(uses)) is not None:
        raise errors.VPNServiceInUse(row.id, users.told(tx, connections, uses, row.project_id))
    rows.delete(tx, SERVICES, row)


def present(tx: Connection, found: list[ServiceRow], secrets: bool = True) -> list[Attributes]:
    return [asdict(row) for row in found]
