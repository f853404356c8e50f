"""A router's external gateway: its port on an external network, and the addresses of that port.

Rules this module keeps:
- A router has at most one gateway port. Its addresses are the router's outside addresses, which
  every VPN service of the router shows.
- The gateway of a router with VPN services is neither cleared nor moved to another network. Its
  addresses may change: the revisions of all connections of the router are raised.
- The address of the external network's own gateway is never a router's.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import NamedTuple

from msgspec.structs import asdict
from sqlalchemy import Connection, select, update

from landbridge.store import tables as t
from landbridge.store.columns import Columns
from landbridge.store.resource_rows import NETWORKS, ROUTERS, NetworkRow, PortRow, RouterRow
from landbridge.store.transaction import utcnow
from landbridge.vpn import errors, rows, users
from landbridge.vpn.addresses import parse_address
from landbridge.vpn.inventory import errors as inventory_errors
from landbridge.vpn.inventory import port_roles, ports
from landbridge.vpn.inventory.allocation import AddressRequest, FixedIp
from landbridge.vpn.revisions.revisions import raise_connections, router_changed
from landbridge.vpn.rows import Attributes, Scope


def set_gateway(
    tx: Connection, router: RouterRow, info: Attributes | None, scope: Scope
) -> Columns:
    """Give `router` the gateway that `info` asks for; returns its columns that change.

    Raises: NetworkNotFound, BadRouterRequest, RouterInUse, and what allocation refuses.
    """
    if not info:
        clear_gateway(tx, router)
        return {"external_network_id": None, "enable_snat": True}
    network = _external_network(tx, info, router, scope)
    wanted = info.get("external_fixed_ips") or None
    if network.id == router.external_network_id:
        _readdress_uplinks(tx, router, wanted)
    else:
        clear_gateway(tx, router)
        _connect(tx, router, network, wanted)
    return {
        "external_network_id": network.id,
        "enable_snat": info.get("enable_snat", router.enable_snat),
    }


def clear_gateway(tx: Connection, router: RouterRow) -> None:
    """Raises: RouterInUse."""
    if router.external_network_id is None:
        return
    _check_no_services(tx, router.id)
    for port in port_roles.uplinks(tx, router.id):
        port_roles.remove(tx, port)


def readdress(tx: Connection, router_id: str, port: PortRow, wanted: list[AddressRequest]) -> bool:
    """Change the addresses of the gateway port, asked for by the port; False: nothing changes.

    Raises: BadRouterRequest, RouterInUse, and what allocation refuses.
    """
    if not wanted:
        _check_no_services(tx, router_id)
    if not _readdress(tx, router_id, port, wanted):
        return False
    if router := rows.get(tx, ROUTERS, router_id, to_change=True):
        rows.touch(tx, ROUTERS, router)  # its `external_gateway_info` shows them
    router_changed(tx, router_id)
    return True


class ExternalIps(NamedTuple):
    """A router's outside addresses, as the columns of a VPN service: the first of each version."""

    external_v4_ip: str | None
    external_v6_ip: str | None


def external_ips(tx: Connection, router_id: str) -> ExternalIps:
    first: dict[int, str] = {}
    for fixed in _fixed_ips(tx, [router_id])[router_id]:
        if address := parse_address(fixed["ip_address"]):
            first.setdefault(address.version, fixed["ip_address"])
    return ExternalIps(first.get(4), first.get(6))


def present(tx: Connection, routers: list[RouterRow]) -> list[Attributes]:
    """Routers with `external_gateway_info`, in one query."""
    fixed = _fixed_ips(tx, [row.id for row in routers])
    return [asdict(row) | {"external_gateway_info": _info(row, fixed[row.id])} for row in routers]


def _info(router: RouterRow, fixed_ips: list[FixedIp]) -> Attributes | None:
    if router.external_network_id is None:
        return None
    return {
        "network_id": router.external_network_id,
        "external_fixed_ips": fixed_ips,
        "enable_snat": router.enable_snat,
    }


def _external_network(
    tx: Connection, info: Attributes, router: RouterRow, scope: Scope
) -> NetworkRow:
    network_id = info.get("network_id") or router.external_network_id
    if network_id is None:
        raise inventory_errors.BadRouterRequest("external_gateway_info needs a network_id")
    network = rows.refer(tx, NETWORKS, network_id, scope, errors.NetworkNotFound)
    if not network.router_external:
        raise inventory_errors.BadRouterRequest(f"Network {network_id} is not an external network")
    return network


def _connect(
    tx: Connection, router: RouterRow, network: NetworkRow, wanted: list[AddressRequest] | None
) -> None:
    _check_not_the_gateways(tx, network.id, wanted or [])
    device = {"device_id": router.id, "device_owner": port_roles.UPLINK, "project_id": ""}
    port = ports.plug(tx, network, wanted, device)
    port_roles.attach(tx, router.id, port, uplink=True)
    _check_overlap(tx, router.id, port)
    _tell_services(tx, router.id)


def _readdress_uplinks(
    tx: Connection, router: RouterRow, wanted: list[AddressRequest] | None
) -> None:
    """The same network: the port stays; its addresses change if others are asked for."""
    if wanted is None:
        return
    for port in port_roles.uplinks(tx, router.id):
        _readdress(tx, router.id, port, wanted)


def _readdress(tx: Connection, router_id: str, port: PortRow, wanted: list[AddressRequest]) -> bool:
    _check_not_the_gateways(tx, port.network_id, wanted)
    if not ports.readdress(tx, port, wanted):
        return False
    _check_overlap(tx, router_id, port)
    _tell_services(tx, router_id)
    return True


def _check_not_the_gateways(tx: Connection, network_id: str, wanted: list[AddressRequest]) -> None:
    """Raises: BadRouterRequest."""
    subnets = t.subnets
    query = select(subnets.c.gateway_ip).where(subnets.c.network_id == network_id)
    gateways = set(tx.execute(query).scalars())
    for fixed in wanted:
        if fixed.get("ip_address") in gateways - {None}:
            raise inventory_errors.BadRouterRequest(
                f"External IP {fixed['ip_address']} is the same as the gateway IP"
            )


def _check_overlap(tx: Connection, router_id: str, port: PortRow) -> None:
    subnets = ports.subnets_of(tx, [port.id])
    port_roles.check_no_overlap(tx, router_id, subnets, but_not=port.id)


def _check_no_services(tx: Connection, router_id: str) -> None:
    """Raises: RouterInUse."""
    services = tx.execute(
        select(t.vpnservices.c.id)
        .where(t.vpnservices.c.router_id == router_id)
        .order_by(t.vpnservices.c.id)
    )
    if used_by := list(services.scalars()):
        router = rows.get(tx, ROUTERS, router_id)
        owner = router.project_id if router else ""
        by = users.told(tx, t.vpnservices, t.vpnservices.c.router_id == router_id, owner)
        raise inventory_errors.RouterInUse.by_services(router_id, used_by, by)


def _tell_services(tx: Connection, router_id: str) -> None:
    """The outside addresses have changed: write them to the services, raise their connections."""
    addresses = external_ips(tx, router_id)
    services = t.vpnservices
    told = tx.execute(
        update(services)
        .where(services.c.router_id == router_id)
        .values(
            revision_number=services.c.revision_number + 1,
            updated_at=utcnow(),
            **addresses._asdict(),
        )
    )
    if told.rowcount:
        raise_connections(tx, services.c.router_id == router_id)


def _fixed_ips(tx: Connection, router_ids: Iterable[str]) -> defaultdict[str, list[FixedIp]]:
    found: defaultdict[str, list[FixedIp]] = defaultdict(list)
    legs, addresses = t.router_ports, t.port_addresses
    query = (
        select(legs.c.router_id, addresses.c.subnet_id, addresses.c.ip_address)
        .join(addresses, addresses.c.port_id == legs.c.port_id)
        .join(t.subnets, t.subnets.c.id == addresses.c.subnet_id)
        .where(legs.c.uplink, legs.c.router_id.in_(list(router_ids)))
        .order_by(t.subnets.c.ip_version, t.subnets.c.created_at, t.port_addresses.c.ip_address)
    )
    for router_id, subnet_id, ip_address in tx.execute(query):
        found[router_id].append({"subnet_id": subnet_id, "ip_address": ip_address})
    return found
