"""Ports, and the allocation of their addresses from their network's subnets.

Rules this module keeps:
- An address, and on one network a MAC address, is given to one port only; the subnet's row is
  locked while one is looked for (`landbridge.vpn.inventory.allocation`).
- It does what is asked. What clients may ask of a port is checked in `client_ports`, what may
  change of a router's port in `routers` and `uplinks`.
"""

from __future__ import annotations

import secrets
from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

from msgspec.structs import asdict
from sqlalchemy import ColumnElement, Connection, and_, insert, select
from sqlalchemy import delete as sql_delete

from landbridge.store import tables as t
from landbridge.store.resource_rows import PORTS, SUBNETS, NetworkRow, PortRow, SubnetRow
from landbridge.vpn import rows, users
from landbridge.vpn.inventory import errors
from landbridge.vpn.inventory.allocation import ORDER, AddressRequest, FixedIp, allocate
from landbridge.vpn.rows import Attributes
from landbridge.vpn.status_rules import switched


def present(tx: Connection, found: list[PortRow], secrets: bool = True) -> list[Attributes]:
    """Ports with `fixed_ips`, in one query."""
    addresses = fixed_ips(tx, [row.id for row in found])
    return [asdict(row) | {"fixed_ips": addresses[row.id]} for row in found]


def fixed_ips(tx: Connection, port_ids: list[str]) -> Mapping[str, list[FixedIp]]:
    """The addresses of ports, by the ports' ids; in one query."""
    addresses: defaultdict[str, list[FixedIp]] = defaultdict(list)
    table = t.port_addresses
    query = (
        select(table)
        .where(table.c.port_id.in_(port_ids))
        .order_by(table.c.port_id, table.c.subnet_id, table.c.ip_address)
    )
    for port_id, subnet_id, ip_address in tx.execute(query):
        addresses[port_id].append({"subnet_id": subnet_id, "ip_address": ip_address})
    return addresses


def plug(
    tx: Connection, network: NetworkRow, wanted: list[AddressRequest] | None, values: Attributes
) -> PortRow:
    """A new port on `network` with the addresses wanted, or one of each IP version."""
    if mac_address := (values.get("mac_address") or "").lower():
        check_mac_address(tx, network.id, mac_address, values["project_id"])
    else:
        mac_address = _free_mac_address(tx, network.id)
    status = switched(admin=bool(values.get("admin_state_up", True)))
    made = {"network_id": network.id, "mac_address": mac_address, "status": status}
    port = rows.insert(tx, PORTS, values | made)
    _take(tx, port, allocate(tx, network.id, wanted))
    return port


def readdress(tx: Connection, port: PortRow, wanted: list[AddressRequest]) -> bool:
    """Give a port other addresses; False when it has them already."""
    table = t.port_addresses
    query = select(table.c.subnet_id, table.c.ip_address).where(table.c.port_id == port.id)
    before = {tuple(row) for row in tx.execute(query)}
    tx.execute(sql_delete(table).where(table.c.port_id == port.id))
    kept = _as_before(wanted, before)
    after = allocate(tx, port.network_id, kept) if kept else []
    _take(tx, port, after)
    return set(after) != before


def check_mac_address(tx: Connection, network_id: str, mac_address: str, project_id: str) -> None:
    """Raises: MacAddressInUse."""
    if _has_mac_address(tx, network_id, mac_address):
        has_it = _of_mac_address(network_id, mac_address)
        raise errors.MacAddressInUse(
            network_id, mac_address, users.told(tx, t.ports, has_it, project_id)
        )


def subnets_of(tx: Connection, port_ids: Iterable[str]) -> list[SubnetRow]:
    """The subnets of ports, each once, in the order in which addresses are allocated."""
    table = t.port_addresses
    theirs = select(table.c.subnet_id).where(table.c.port_id.in_(list(port_ids)))
    query = select(*SUBNETS.columns).where(t.subnets.c.id.in_(theirs)).order_by(*ORDER)
    return SUBNETS.read_all(tx.execute(query))


def _as_before(wanted: list[AddressRequest], before: set[tuple[Any, ...]]) -> list[AddressRequest]:
    """A subnet wanted without an address keeps one that the port had there, each time another."""
    named = {one["ip_address"] for one in wanted if one.get("ip_address")}
    had: defaultdict[str, list[str]] = defaultdict(list)
    for subnet, address in sorted(before, reverse=True):
        if address not in named:
            had[subnet].append(address)
    kept = []
    for one in wanted:
        left = had.get(one.get("subnet_id") or "")
        if left and not one.get("ip_address"):
            kept.append(one | {"ip_address": left.pop()})
        else:
            kept.append(one)
    return kept


def _take(tx: Connection, port: PortRow, addresses: list[tuple[str, str]]) -> None:
    if addresses:
        tx.execute(
            insert(t.port_addresses),
            [
                {"port_id": port.id, "subnet_id": subnet_id, "ip_address": address}
                for subnet_id, address in addresses
            ],
        )


def _free_mac_address(tx: Connection, network_id: str) -> str:
    while True:
        made = "fa:16:3e:" + ":".join(f"{byte:02x}" for byte in secrets.token_bytes(3))
        if not _has_mac_address(tx, network_id, made):
            return made


def _has_mac_address(tx: Connection, network_id: str, mac_address: str) -> bool:
    query = select(t.ports.c.id).where(_of_mac_address(network_id, mac_address))
    return rows.first(tx, query) is not None


def _of_mac_address(network_id: str, mac_address: str) -> ColumnElement[bool]:
    return and_(t.ports.c.network_id == network_id, t.ports.c.mac_address == mac_address)
