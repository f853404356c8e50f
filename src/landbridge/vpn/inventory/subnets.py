"""The rules of subnets.

Rules this module keeps:
- Subnets of one network do not overlap. Allocation pools are inside the subnet, do not overlap, and
  do not contain the gateway.
- Without `gateway_ip` the gateway is the first address; None: there is no gateway.
- A subnet that a port or an endpoint group uses is not deleted. A group of another project counts
  only while a connection uses it, so that naming a shared subnet does not block its deletion.
"""

from __future__ import annotations

from ipaddress import ip_network
from typing import Final

from msgspec.structs import asdict
from sqlalchemy import Connection, exists, or_, select
from sqlalchemy import delete as sql_delete

from landbridge import errors
from landbridge.store import tables as t
from landbridge.store.columns import Columns
from landbridge.store.resource_rows import NETWORKS, SUBNETS, Pool, SubnetRow
from landbridge.vpn import errors as vpn_errors
from landbridge.vpn import rows, sets, users
from landbridge.vpn.addresses import (
    Network,
    default_gateway,
    default_pools,
    is_host_of,
    parse_address,
    parse_network,
)
from landbridge.vpn.inventory import errors as inventory_errors
from landbridge.vpn.inventory import port_roles, subnet_rules
from landbridge.vpn.revisions.revisions import router_changed, uses_group
from landbridge.vpn.rows import Attributes, Scope

LEAST_MTU: Final = {4: 68, 6: 1280}


def create(tx: Connection, values: Attributes, scope: Scope = None) -> SubnetRow:
    """Raises: NetworkNotFound, InvalidInput, NetworkMTUSubnetConflict, what the lists are refused
    for, and what the pools are refused for.
    """
    missing = vpn_errors.NetworkNotFound
    parent = rows.refer(tx, NETWORKS, values["network_id"], scope, missing, to_change=True)
    network = _network(values)
    _check(network, values)
    gateway = values.get("gateway_ip") if "gateway_ip" in values else default_gateway(network)
    gateway_ip = subnet_rules.checked_gateway(network, gateway)
    subnet_rules.check_modes(
        network,
        values.get("ipv6_ra_mode"),
        values.get("ipv6_address_mode"),
        dhcp=values.get("enable_dhcp", True),
    )
    check_mtu(parent.id, parent.mtu, network.version)
    _check_apart(tx, parent.id, network)
    pools = values.get("allocation_pools") or default_pools(network, gateway_ip)
    made: Columns = {
        "network_id": parent.id,
        "cidr": str(network),
        "ip_version": network.version,
        "gateway_ip": gateway_ip,
        "allocation_pools": _checked_pools(network, gateway_ip, pools),
    }
    return rows.insert(tx, SUBNETS, {k: v for k, v in values.items() if v is not None} | made)


def update(tx: Connection, row: SubnetRow, changes: Attributes, scope: Scope = None) -> SubnetRow:
    """Raises: InvalidInput, GatewayIpInUse, and what the lists and the pools are refused for."""
    given = dict(changes)
    network = ip_network(row.cidr)
    _check(network, given, row)
    if "gateway_ip" in given:
        given["gateway_ip"] = subnet_rules.checked_gateway(network, given["gateway_ip"])
        if given["gateway_ip"] != row.gateway_ip:
            _check_gateway_unused(tx, row)
    if not given.get("enable_dhcp", True) and (row.ipv6_ra_mode or row.ipv6_address_mode):
        raise inventory_errors.InvalidInput("Cannot disable enable_dhcp with ipv6 attributes set")
    if {"gateway_ip", "allocation_pools"} & given.keys():
        gateway = given.get("gateway_ip", row.gateway_ip)
        pools = given.get("allocation_pools", row.allocation_pools)
        given["allocation_pools"] = _checked_pools(network, gateway, pools)
    _leave_out_reordered(row, given)
    updated = rows.update(tx, SUBNETS, row, given)
    if updated.gateway_ip != row.gateway_ip:
        _tell_routers(tx, row.id)
    return updated


def delete(tx: Connection, row: SubnetRow) -> None:
    """Raises: SubnetInUse."""
    if group := _group_that_uses(tx, row):
        reason = f"Subnet {row.id} is used by endpoint group {group}"
        by = users.one(tx, t.endpoint_groups, group, row.project_id)
        raise inventory_errors.SubnetInUse(row.id, reason, by)
    address = select(t.port_addresses.c.port_id).where(t.port_addresses.c.subnet_id == row.id)
    if rows.first(tx, address) is not None:
        reason = "One or more ports have an IP allocation from this subnet"
        by = users.told(tx, t.ports, t.ports.c.id.in_(address), row.project_id)
        raise inventory_errors.SubnetInUse(row.id, reason, by)
    links = t.endpoint_group_subnets
    tx.execute(sql_delete(links).where(links.c.subnet_id == row.id))
    rows.delete(tx, SUBNETS, row)


def present(tx: Connection, found: list[SubnetRow], secrets: bool = True) -> list[Attributes]:
    """Subnets with whether their network is external, in one query."""
    networks = rows.by_id(tx, NETWORKS, (row.network_id for row in found))
    return [
        asdict(row) | {"router:external": networks[row.network_id].router_external} for row in found
    ]


def of_network(tx: Connection, network_id: str) -> list[SubnetRow]:
    query = (
        select(*SUBNETS.columns)
        .where(t.subnets.c.network_id == network_id)
        .order_by(t.subnets.c.id)
    )
    return SUBNETS.read_all(tx.execute(query))


def _cidrs_of(tx: Connection, network_id: str) -> list[str]:
    query = (
        select(t.subnets.c.cidr)
        .where(t.subnets.c.network_id == network_id)
        .order_by(t.subnets.c.id)
    )
    return list(tx.execute(query).scalars())


def _network(values: Attributes) -> Network:
    if "cidr" not in values:
        raise errors.BadPart("subnets", "cidr must be specified, as there are no subnet pools")
    network = parse_network(values["cidr"])
    if network is None:
        raise inventory_errors.InvalidInput(f"'{values['cidr']}' is not a valid IP subnet")
    if values.get("ip_version", network.version) != network.version:
        raise inventory_errors.InvalidInput(
            f"cidr '{values['cidr']}' does not match the ip_version '{values['ip_version']}'"
        )
    return network


def check_mtu(network_id: str, mtu: int, version: int) -> None:
    """Raises: NetworkMTUSubnetConflict."""
    if mtu < LEAST_MTU[version]:
        raise inventory_errors.NetworkMTUSubnetConflict(network_id, LEAST_MTU[version])


def _check(network: Network, given: Attributes, row: SubnetRow | None = None) -> None:
    """Raises: InvalidInput, DNSNameServersExhausted, HostRoutesExhausted."""
    subnet_rules.check(
        subnet_rules.Subnet(
            id="new subnet" if row is None else row.id,
            network=network,
            enable_dhcp=bool(given.get("enable_dhcp", row is None)),
            turned_on=row is None or not row.enable_dhcp,
            dns_nameservers=given.get("dns_nameservers") or (),
            host_routes=given.get("host_routes") or (),
        )
    )


def _check_apart(tx: Connection, network_id: str, network: Network) -> None:
    """Raises: InvalidInput."""
    if not network.prefixlen:
        raise inventory_errors.InvalidInput("0 is not allowed as CIDR prefix length")
    for other in _cidrs_of(tx, network_id):
        if network.overlaps(ip_network(other)):
            raise inventory_errors.InvalidInput(
                f"Requested subnet with cidr: {network} for network: {network_id} "
                "overlaps with another subnet"
            )


def _leave_out_reordered(row: SubnetRow, given: Attributes) -> None:
    """The order of host routes and pools means nothing; that of name servers does."""
    for name in ("host_routes", "allocation_pools"):
        if name in given and sets.same(given[name], getattr(row, name)):
            del given[name]


def _checked_pools(network: Network, gateway: str | None, pools: list[Pool]) -> list[Pool]:
    bounds = [(pool, *_bounds(network, pool)) for pool in pools]
    if found := _overlapping([(start, end) for _, start, end in bounds]):
        one, other = (_shown(pools[number]) for number in found)
        raise inventory_errors.OverlappingAllocationPools(one, other, str(network))
    if gateway is not None and (address := parse_address(gateway)) is not None:
        for pool, start, end in bounds:
            if start <= int(address) <= end:
                raise inventory_errors.GatewayConflictWithAllocationPools(gateway, _shown(pool))
    return [{"start": pool["start"], "end": pool["end"]} for pool in pools]


def _overlapping(ranges: list[tuple[int, int]]) -> tuple[int, int] | None:
    """The numbers of two ranges that overlap; None: there are none."""
    furthest = -1  # the number of the range with the highest end so far
    for number in sorted(range(len(ranges)), key=ranges.__getitem__):
        start, end = ranges[number]
        if furthest >= 0 and start <= ranges[furthest][1]:
            return min(furthest, number), max(furthest, number)
        if furthest < 0 or end > ranges[furthest][1]:
            furthest = number
    return None


def _bounds(network: Network, pool: Pool) -> tuple[int, int]:
    start, end = (parse_address(str(pool.get(key))) for key in ("start", "end"))
    if start is None or end is None or start.version != end.version or int(start) > int(end):
        raise inventory_errors.InvalidAllocationPool(_shown(pool))
    if not (is_host_of(start, network) and is_host_of(end, network)):
        raise inventory_errors.OutOfBoundsAllocationPool(_shown(pool), str(network))
    return int(start), int(end)


def _shown(pool: Pool) -> str:
    return f"{pool.get('start')}-{pool.get('end')}"


def _group_that_uses(tx: Connection, row: SubnetRow) -> str | None:
    groups, links = t.endpoint_groups, t.endpoint_group_subnets
    used = exists().where(uses_group(groups.c.id))
    query = (
        select(groups.c.id)
        .join(links, links.c.endpoint_group_id == groups.c.id)
        .where(links.c.subnet_id == row.id)
        .where(or_(groups.c.project_id == row.project_id, used))
        .order_by(groups.c.id)
    )
    found: str | None = rows.first(tx, query)
    return found


def _check_gateway_unused(tx: Connection, row: SubnetRow) -> None:
    """A router's port that has the subnet's gateway address keeps it. Raises: GatewayIpInUse."""
    if row.gateway_ip is None:
        return
    addresses, legs = t.port_addresses, t.router_ports
    query = (
        select(addresses.c.port_id)
        .join(legs, legs.c.port_id == addresses.c.port_id)
        .where(addresses.c.subnet_id == row.id, addresses.c.ip_address == row.gateway_ip)
    )
    port_id = rows.first(tx, query)
    if port_id is not None:
        raise inventory_errors.GatewayIpInUse(row.gateway_ip, port_id)


def _tell_routers(tx: Connection, subnet_id: str) -> None:
    """Routers with a port on the subnet have a route through its gateway."""
    for router_id in port_roles.routers_on_subnet(tx, subnet_id):
        router_changed(tx, router_id)
