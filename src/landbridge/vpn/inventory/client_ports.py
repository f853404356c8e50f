"""The rules of ports, as clients create, change and delete them.

Rules this module keeps:
- No request for a port makes it a router's port, whatever its `device_id` and `device_owner` say,
  and none gives it the `device_id` and `device_owner` of an existing router's port.
- A caller who may not see a router gets the same error for it as for one that does not exist.
- A router's port keeps its device and its MAC address, and is removed through its router only. Its
  addresses change by the rules of its router.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import Connection

from landbridge.store import tables as t
from landbridge.store.resource_rows import NETWORKS, PORTS, ROUTERS, PortRow
from landbridge.vpn import errors, rows, users
from landbridge.vpn.inventory import errors as inventory_errors
from landbridge.vpn.inventory import port_roles, ports, routers, uplinks
from landbridge.vpn.inventory.allocation import AddressRequest
from landbridge.vpn.revisions.revisions import router_changed
from landbridge.vpn.rows import Attributes, Scope
from landbridge.vpn.status_rules import switched

present = ports.present

_DEVICE: Final = ("device_id", "device_owner")
_NETWORK_DEVICE: Final = "network:"


def create(tx: Connection, values: Attributes, scope: Scope = None) -> PortRow:
    """Raises: NetworkNotFound, MacAddressInUse, RouterPortByPort, DeviceIDNotOwnedByTenant, and
    what allocation refuses.
    """
    network = rows.refer(tx, NETWORKS, values["network_id"], scope, errors.NetworkNotFound)
    given = {name: value for name, value in values.items() if value is not None}
    _check_device(tx, given, scope)
    return ports.plug(tx, network, values.get("fixed_ips"), given)


def update(tx: Connection, row: PortRow, changes: Attributes, scope: Scope = None) -> PortRow:
    """Raises: as `create`, UnsupportedPortDeviceOwner, and what the port's router refuses."""
    role = port_roles.role_of(tx, row.id)
    if role is not None:
        _check_left_alone(row, changes)
    elif any(name in changes and changes[name] != getattr(row, name) for name in _DEVICE):
        _check_device(
            tx, {"device_id": row.device_id, "device_owner": row.device_owner} | changes, scope
        )
    _check_mac_address(tx, row, changes)
    readdressed = "fixed_ips" in changes and _readdress(tx, row, changes["fixed_ips"], role)
    admin = bool(changes.get("admin_state_up", row.admin_state_up))
    given = {name: value for name, value in changes.items() if value is not None}
    updated = rows.update(tx, PORTS, row, given | {"status": switched(admin=admin)})
    if role is not None and updated.admin_state_up != row.admin_state_up:
        router_changed(tx, role.router_id)
    return rows.touch(tx, PORTS, updated) if readdressed else updated


def delete(tx: Connection, row: PortRow) -> None:
    """Raises: ServicePortInUse."""
    role = port_roles.role_of(tx, row.id)
    if role is not None:
        by = users.one(tx, t.routers, role.router_id, row.project_id)
        raise inventory_errors.ServicePortInUse(row.id, row.device_owner, by)
    rows.delete(tx, PORTS, row)


def _readdress(
    tx: Connection, row: PortRow, wanted: list[AddressRequest], role: port_roles.PortRole | None
) -> bool:
    if role is None:
        return ports.readdress(tx, row, wanted)
    readdress = uplinks.readdress if role.uplink else routers.readdress
    return readdress(tx, role.router_id, row, wanted)


def _check_device(tx: Connection, port: Attributes, scope: Scope) -> None:
    """Raises: RouterPortByPort, DeviceIDNotOwnedByTenant."""
    device_id, owner = port.get("device_id"), port.get("device_owner")
    if not device_id or owner not in port_roles.OWNERS:
        return
    router = rows.get(tx, ROUTERS, device_id)
    if router is not None and rows.visible(router, scope):
        raise inventory_errors.RouterPortByPort(device_id, owner)
    if scope is not None:
        raise inventory_errors.DeviceIDNotOwnedByTenant(device_id)


def _check_left_alone(row: PortRow, changes: Attributes) -> None:
    for name in _DEVICE:
        if name in changes and changes[name] != getattr(row, name):
            raise inventory_errors.UnsupportedPortDeviceOwner(
                f"{name} update", row.id, row.device_owner
            )


def _check_mac_address(tx: Connection, row: PortRow, changes: Attributes) -> None:
    wanted = changes.get("mac_address")
    if wanted is None or wanted == row.mac_address:
        return
    owner = changes.get("device_owner") or row.device_owner
    if owner.startswith(_NETWORK_DEVICE):
        raise inventory_errors.UnsupportedPortDeviceOwner("mac address update", row.id, owner)
    ports.check_mac_address(tx, row.network_id, wanted, row.project_id)
