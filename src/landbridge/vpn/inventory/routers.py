"""The rules of routers and their interfaces.

Rules this module keeps:
- A router is placed on a gateway when it is created, if one is alive.
- An interface takes the subnet's gateway address; subnets of one router do not overlap.
- On a subnet of another project, also of a shared network, a router does not get the gateway
  address: its interface there is a port with an address from the subnet's pools.
- An interface that a VPN service or a connection uses is not removed.
- Every change that the gateway must make in the router's namespace raises the router's revision.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from sqlalchemy import Connection, select

from landbridge.store import tables as t
from landbridge.store.changes import Item, record
from landbridge.store.resource_rows import (
    NETWORKS,
    PORTS,
    ROUTERS,
    SUBNETS,
    NetworkRow,
    PortRow,
    RouterRow,
    SubnetRow,
)
from landbridge.vpn import errors, rows, users
from landbridge.vpn.addresses import Ranges
from landbridge.vpn.gateways import leases
from landbridge.vpn.inventory import errors as inventory_errors
from landbridge.vpn.inventory import port_roles, ports, routes, uplinks
from landbridge.vpn.inventory.allocation import AddressRequest
from landbridge.vpn.revisions.revisions import router_changed
from landbridge.vpn.rows import Attributes, Scope


def create(tx: Connection, values: Attributes, scope: Scope = None) -> RouterRow:
    """Raises: NetworkNotFound, BadRouterRequest, and what allocation refuses."""
    given = {name: value for name, value in values.items() if name != "external_gateway_info"}
    row = rows.insert(tx, ROUTERS, given | {"gateway_id": leases.choose(tx)})
    if info := values.get("external_gateway_info"):
        row = rows.update(tx, ROUTERS, row, uplinks.set_gateway(tx, row, info, scope))
    router_changed(tx, row.id)
    return row


def update(tx: Connection, row: RouterRow, changes: Attributes, scope: Scope = None) -> RouterRow:
    """Raises: as `create`, RouterInUse, InvalidRoutes and OverQuota."""
    given = {name: value for name, value in changes.items() if name != "external_gateway_info"}
    if "external_gateway_info" in changes:
        given |= uplinks.set_gateway(tx, row, changes["external_gateway_info"], scope)
    if "routes" in given:
        routes.check(tx, row.id, given["routes"])
    updated = rows.update(tx, ROUTERS, row, given)
    readdressed = "external_gateway_info" in changes
    if readdressed or _acted_on(updated) != _acted_on(row):
        router_changed(tx, row.id)
    return updated


def delete(tx: Connection, row: RouterRow) -> None:
    """Raises: RouterInUse."""
    if interfaces := port_roles.interfaces(tx, row.id):
        raise inventory_errors.RouterInUse.by_ports(row.id, [port.id for port in interfaces])
    uplinks.clear_gateway(tx, row)
    rows.delete(tx, ROUTERS, row)
    gone = Item(row.id, row.id, row.revision + 1, deleted=True)
    record(tx, row.gateway_id, "router", [gone])


def present(tx: Connection, found: list[RouterRow], secrets: bool = True) -> list[Attributes]:
    return uplinks.present(tx, found)


def add_interface(
    tx: Connection, router: RouterRow, body: Mapping[str, str], scope: Scope = None
) -> Attributes:
    """Connect a subnet (`subnet_id`) or a port (`port_id`); returns the answer's body.

    Raises: BadRouterRequest, SubnetNotFound, PortNotFound, PortInUse, and what allocation
    refuses.
    """
    subnet_id, port_id = body.get("subnet_id"), body.get("port_id")
    if bool(subnet_id) == bool(port_id):
        raise inventory_errors.BadRouterRequest(
            "Cannot specify both subnet-id and port-id"
            if subnet_id
            else "Either subnet_id or port_id must be specified"
        )
    if subnet_id:
        port, subnet = _add_by_subnet(tx, router, subnet_id, scope)
    else:
        port, subnet = _add_by_port(tx, router, str(port_id), scope)
    return _answer(tx, router, port, subnet)


def remove_interface(
    tx: Connection, router: RouterRow, body: Mapping[str, str], scope: Scope = None
) -> Attributes:
    """Disconnect by `subnet_id` or `port_id`; returns the answer's body.

    Raises: BadRouterRequest, RouterInterfaceNotFound, RouterInterfaceNotFoundForSubnet,
    SubnetInUseByVPNService, SubnetInUseByIPsecSiteConnection, RouterInterfaceInUseByRoute.
    """
    subnet_id, port_id = body.get("subnet_id"), body.get("port_id")
    if not subnet_id and not port_id:
        raise inventory_errors.BadRouterRequest("Either subnet_id or port_id must be specified")
    for port in port_roles.interfaces(tx, router.id):
        subnets = ports.subnets_of(tx, [port.id])
        named = subnet_id and port_id and port_id.lower() == port.id
        if named and str(subnet_id).lower() not in {subnet.id for subnet in subnets}:
            raise inventory_errors.SubnetMismatchForPort(str(port_id), str(subnet_id))
        for subnet in subnets:
            if (port_id or port.id).lower() == port.id and (
                subnet_id or subnet.id
            ).lower() == subnet.id:
                _check_unused(tx, router.id, [each.id for each in subnets])
                routes.check_unused(router, [(each.id, each.cidr) for each in subnets])
                port_roles.remove(tx, port)
                return _answer(tx, router, port, subnet)
    if port_id:
        raise inventory_errors.RouterInterfaceNotFound(router.id, port_id)
    _in_sight(tx, str(subnet_id), scope)
    raise inventory_errors.RouterInterfaceNotFoundForSubnet(router.id, str(subnet_id))


def readdress(tx: Connection, router_id: str, port: PortRow, wanted: list[AddressRequest]) -> bool:
    """Give an interface other addresses; False when it has them already.

    Raises: BadRouterRequest, SubnetInUseByVPNService, SubnetInUseByIPsecSiteConnection, and what
    allocation refuses.
    """
    if not wanted:
        raise inventory_errors.BadRouterRequest("Router port must have at least one fixed IP")
    before = {subnet.id: subnet.cidr for subnet in ports.subnets_of(tx, [port.id])}
    if not ports.readdress(tx, port, wanted):
        return False
    after = ports.subnets_of(tx, [port.id])
    gone = before.keys() - {subnet.id for subnet in after}
    _check_unused(tx, router_id, gone)
    if router := rows.get(tx, ROUTERS, router_id):
        routes.check_unused(router, [(each, before[each]) for each in sorted(gone)])
    port_roles.check_no_overlap(tx, router_id, after, but_not=port.id)
    router_changed(tx, router_id)
    return True


def _acted_on(row: RouterRow) -> tuple[object, ...]:
    """What the gateway must act on."""
    return row.admin_state_up, row.external_network_id, row.enable_snat, row.routes


def _in_sight(tx: Connection, subnet_id: str, scope: Scope) -> tuple[SubnetRow, NetworkRow]:
    """A subnet that the caller may see, by itself or by its network. Raises: SubnetNotFound."""
    subnet = rows.get(tx, SUBNETS, subnet_id)
    network = rows.get(tx, NETWORKS, subnet.network_id) if subnet else None
    if subnet is None or network is None:
        raise errors.SubnetNotFound(subnet_id)
    if not (rows.visible(subnet, scope) or rows.visible(network, scope)):
        raise errors.SubnetNotFound(subnet_id)
    return subnet, network


def _add_by_subnet(
    tx: Connection, router: RouterRow, subnet_id: str, scope: Scope
) -> tuple[PortRow, SubnetRow]:
    subnet, network = _in_sight(tx, subnet_id, scope)
    if subnet.gateway_ip is None:
        raise inventory_errors.BadRouterRequest(
            "Subnet for router interface must have a gateway IP"
        )
    if not rows.owned(subnet.project_id, scope):
        raise inventory_errors.BadRouterRequest(
            f"Cannot add interface to router because subnet {subnet.id} is not owned by "
            "project making the request"
        )
    port_roles.check_no_overlap(tx, router.id, [subnet])
    wanted: list[AddressRequest] = [{"subnet_id": subnet.id, "ip_address": subnet.gateway_ip}]
    device = {"device_id": router.id, "device_owner": port_roles.INTERFACE}
    port = ports.plug(tx, network, wanted, device | {"project_id": router.project_id})
    return port_roles.attach(tx, router.id, port), subnet


def _add_by_port(
    tx: Connection, router: RouterRow, port_id: str, scope: Scope
) -> tuple[PortRow, SubnetRow]:
    port = rows.refer(tx, PORTS, port_id, scope, errors.PortNotFound, to_change=True)
    if port.device_id:
        raise inventory_errors.PortInUse(port.id, port.network_id, port.device_id)
    subnets = ports.subnets_of(tx, [port.id])
    if not subnets:
        raise inventory_errors.BadRouterRequest("Router port must have at least one fixed IP")
    _check_in_pools(tx, port, subnets, scope)
    port_roles.check_no_overlap(tx, router.id, subnets)
    return port_roles.attach(tx, router.id, port), subnets[0]


def _check_in_pools(tx: Connection, port: PortRow, subnets: list[SubnetRow], scope: Scope) -> None:
    """Raises: BadRouterRequest."""
    theirs = (each for each in subnets if not rows.owned(each.project_id, scope))
    pools = {each.id: Ranges(each.allocation_pools) for each in theirs}
    for fixed in ports.fixed_ips(tx, [port.id])[port.id]:
        subnet_id = fixed["subnet_id"]
        if subnet_id in pools and fixed["ip_address"] not in pools[subnet_id]:
            raise inventory_errors.BadRouterRequest(
                f"Cannot add interface to router because specified port {port.id} has an IP "
                f"address out of the allocation pool of subnet {subnet_id}, which is not owned "
                "by the project making the request"
            )


def _answer(tx: Connection, router: RouterRow, port: PortRow, subnet: SubnetRow) -> Attributes:
    rows.touch(tx, ROUTERS, router)
    router_changed(tx, router.id)
    return {
        "id": router.id,
        "project_id": router.project_id,
        "tenant_id": router.project_id,
        "port_id": port.id,
        "network_id": port.network_id,
        "subnet_id": subnet.id,
        "subnet_ids": [subnet.id],
    }


def _check_unused(tx: Connection, router_id: str, subnet_ids: Iterable[str]) -> None:
    """Raises: SubnetInUseByVPNService, SubnetInUseByIPsecSiteConnection."""
    for subnet_id in sorted(subnet_ids):
        _check_one_unused(tx, router_id, subnet_id)


def _owner(tx: Connection, router_id: str) -> str:
    """The project of a router."""
    router = rows.get(tx, ROUTERS, router_id)
    return router.project_id if router else ""


def _check_one_unused(tx: Connection, router_id: str, subnet_id: str) -> None:
    services, connections = t.vpnservices, t.ipsec_site_connections
    of_router = services.c.router_id == router_id
    own = _owner(tx, router_id)
    service_id = rows.first(
        tx,
        select(services.c.id)
        .where(of_router, services.c.subnet_id == subnet_id)
        .order_by(services.c.project_id != own, services.c.id),
    )
    if service_id is not None:
        by = users.one(tx, services, service_id, own)
        raise errors.SubnetInUseByVPNService(subnet_id, service_id, by)
    links = t.endpoint_group_subnets
    connection_id = rows.first(
        tx,
        select(connections.c.id)
        .join(services, services.c.id == connections.c.vpnservice_id)
        .join(links, links.c.endpoint_group_id == connections.c.local_ep_group_id)
        .where(of_router, links.c.subnet_id == subnet_id)
        .order_by(connections.c.project_id != own, connections.c.id),
    )
    if connection_id is not None:
        by = users.one(tx, connections, connection_id, own)
        raise errors.SubnetInUseByIPsecSiteConnection(subnet_id, connection_id, by)
