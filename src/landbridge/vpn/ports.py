"""Ports, and the addresses that they take from their network's subnets.

Rules this module keeps:
- An address, and on one network a MAC address, is given to one port only; the subnet's row is
  locked while one is looked for.
- Who asks for no address gets one of each IP version that the network has.
- It gives what is asked for. What clients may ask of a port is for `clientports`, what a
  router's port may become for `routers` and `uplinks`.
"""

from __future__ import annotations

import secrets
from collections import defaultdict
from collections.abc import Iterable
from ipaddress import ip_network
from typing import Any

from sqlalchemy import Connection, insert, select
from sqlalchemy import delete as sql_delete

from landbridge.store import tables as t
from landbridge.store.transaction import Row
from landbridge.vpn import inventory_faults as refused
from landbridge.vpn import rows
from landbridge.vpn.addresses import first_free, is_host_of, parse_address

TABLE = t.ports

Wanted = dict[str, Any]  # subnet_id or ip_address or both


def present(tx: Connection, found: list[Row], secrets: bool = True) -> list[Row]:
    """Ports with `fixed_ips`, in one query."""
    addresses: defaultdict[str, list[Row]] = defaultdict(list)
    table = t.port_addresses
    query = (
        select(table)
        .where(table.c.port_id.in_([row["id"] for row in found]))
        .order_by(table.c.port_id, table.c.subnet_id, table.c.ip_address)
    )
    for port_id, subnet_id, ip_address in tx.execute(query):
        addresses[port_id].append({"subnet_id": subnet_id, "ip_address": ip_address})
    return [row | {"fixed_ips": addresses[row["id"]]} for row in found]


def plug(tx: Connection, network: Row, wanted: list[Wanted] | None, values: Row) -> Row:
    """A new port on `network` with the addresses wanted, or one of each IP version."""
    if mac_address := (values.get("mac_address") or "").lower():
        check_mac_address(tx, network["id"], mac_address)
    else:
        mac_address = _free_mac_address(tx, network["id"])
    made = {"network_id": network["id"], "mac_address": mac_address, "status": "ACTIVE"}
    port = rows.insert(tx, TABLE, values | made)
    _take(tx, port, _allocate(tx, network["id"], wanted))
    return port


def readdress(tx: Connection, port: Row, wanted: list[Wanted]) -> bool:
    """Give a port other addresses; False when it has them already."""
    table = t.port_addresses
    query = select(table.c.subnet_id, table.c.ip_address).where(table.c.port_id == port["id"])
    before = {tuple(row) for row in tx.execute(query)}
    tx.execute(sql_delete(table).where(table.c.port_id == port["id"]))
    kept = [_as_before(one, before) for one in wanted]
    after = _allocate(tx, port["network_id"], kept) if kept else []
    _take(tx, port, after)
    return set(after) != before


def check_mac_address(tx: Connection, network_id: str, mac_address: str) -> None:
    """Raises: MacAddressInUse."""
    if _has_mac_address(tx, network_id, mac_address):
        raise refused.MacAddressInUse(network_id, mac_address)


def subnets_of(tx: Connection, port_ids: Iterable[str]) -> list[Row]:
    query = (
        select(t.subnets)
        .join(t.port_addresses, t.port_addresses.c.subnet_id == t.subnets.c.id)
        .where(t.port_addresses.c.port_id.in_(list(port_ids)))
    )
    return [dict(row) for row in tx.execute(query).mappings()]


def _as_before(one: Wanted, before: set[tuple[Any, ...]]) -> Wanted:
    """A subnet wanted without an address keeps the one that the port had there."""
    if one.get("ip_address"):
        return one
    had = sorted(address for subnet, address in before if subnet == one.get("subnet_id"))
    return one | {"ip_address": had[0]} if had else one


def _allocate(
    tx: Connection, network_id: str, wanted: list[Wanted] | None
) -> list[tuple[str, str]]:
    """(subnet_id, ip_address) pairs. Raises: IpAddressGenerationFailure and its like."""
    query = (
        select(t.subnets)
        .where(t.subnets.c.network_id == network_id)
        .order_by(t.subnets.c.ip_version, t.subnets.c.created_at, t.subnets.c.id)
        .with_for_update(key_share=True)
    )
    subnets = [dict(row) for row in tx.execute(query).mappings()]
    if wanted is None:
        return _one_of_each_version(tx, network_id, subnets)
    allocated: list[tuple[str, str]] = []
    for one in wanted:
        allocated.append(_as_wanted(tx, network_id, subnets, one, allocated))
    return allocated


def _one_of_each_version(
    tx: Connection, network_id: str, subnets: list[Row]
) -> list[tuple[str, str]]:
    allocated: dict[int, tuple[str, str]] = {}
    for subnet in subnets:
        if subnet["ip_version"] not in allocated:
            address = first_free(subnet["allocation_pools"], _taken(tx, subnet["id"]))
            if address is not None:
                allocated[subnet["ip_version"]] = (subnet["id"], address)
    if {subnet["ip_version"] for subnet in subnets} - allocated.keys():
        raise refused.IpAddressGenerationFailure(network_id)
    return list(allocated.values())


def _as_wanted(
    tx: Connection,
    network_id: str,
    subnets: list[Row],
    one: Wanted,
    before: list[tuple[str, str]],
) -> tuple[str, str]:
    subnet = _subnet_for(network_id, subnets, one)
    taken = _taken(tx, subnet["id"]) | {address for at, address in before if at == subnet["id"]}
    if not one.get("ip_address"):
        address = first_free(subnet["allocation_pools"], taken)
        if address is None:
            raise refused.IpAddressGenerationFailure(network_id)
        return subnet["id"], address
    parsed = parse_address(one["ip_address"])
    if parsed is None or not is_host_of(parsed, ip_network(subnet["cidr"])):
        raise refused.InvalidIpForSubnet(one["ip_address"])
    if str(parsed) in taken:
        raise refused.IpAddressAlreadyAllocated(str(parsed), subnet["id"])
    return subnet["id"], str(parsed)


def _subnet_for(network_id: str, subnets: list[Row], one: Wanted) -> Row:
    if subnet_id := one.get("subnet_id"):
        for subnet in subnets:
            if subnet["id"] == subnet_id.lower():
                return subnet
        raise refused.InvalidInput(
            f"Failed to create port on network {network_id}, because fixed_ips included "
            f"invalid subnet {subnet_id}"
        )
    address = parse_address(one.get("ip_address") or "")
    for subnet in subnets:
        if address is not None and address in ip_network(subnet["cidr"]):
            return subnet
    raise refused.InvalidIpForNetwork(str(one.get("ip_address")))


def _take(tx: Connection, port: Row, addresses: list[tuple[str, str]]) -> None:
    if addresses:
        tx.execute(
            insert(t.port_addresses),
            [
                {"port_id": port["id"], "subnet_id": subnet_id, "ip_address": address}
                for subnet_id, address in addresses
            ],
        )


def _taken(tx: Connection, subnet_id: str) -> set[str]:
    table = t.port_addresses
    return set(
        tx.execute(select(table.c.ip_address).where(table.c.subnet_id == subnet_id)).scalars()
    )


def _free_mac_address(tx: Connection, network_id: str) -> str:
    while True:
        made = "fa:16:3e:" + ":".join(f"{byte:02x}" for byte in secrets.token_bytes(3))
        if not _has_mac_address(tx, network_id, made):
            return made


def _has_mac_address(tx: Connection, network_id: str, mac_address: str) -> bool:
    query = select(TABLE.c.id).where(
        TABLE.c.network_id == network_id, TABLE.c.mac_address == mac_address
    )
    return rows.first(tx, query) is not None
