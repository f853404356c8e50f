"""Allocates addresses of a network's subnets to ports.

Rules this module keeps:
- An address is given to one port only; the subnets' rows are locked while one is looked for.
- A port that asks for no address gets one of each IP version that the network has.
- The taken addresses of a subnet are read once, however many of its addresses are wanted.
"""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import ip_network
from typing import Final, TypedDict

from sqlalchemy import Connection, select

from landbridge.impact.selectors import Overlaps
from landbridge.store import tables as t
from landbridge.store.resource_rows import SUBNETS, SubnetRow
from landbridge.vpn.addresses import free, is_host_of, parse_address
from landbridge.vpn.inventory import errors

ORDER: Final = (t.subnets.c.ip_version, t.subnets.c.created_at, t.subnets.c.id)


class AddressRequest(TypedDict, total=False):
    """An address that is asked for: by its subnet, or itself, or both."""

    subnet_id: str
    ip_address: str


class FixedIp(TypedDict):
    """An address that a port has."""

    subnet_id: str
    ip_address: str


def allocate(
    tx: Connection, network_id: str, wanted: list[AddressRequest] | None
) -> list[tuple[str, str]]:
    """(subnet_id, ip_address) pairs. Raises: IpAddressGenerationFailure and its like."""
    query = (
        select(*SUBNETS.columns)
        .where(t.subnets.c.network_id == network_id)
        .order_by(*ORDER)
        .with_for_update(key_share=True)
    )
    addresses = _FreeAddresses(tx, network_id, SUBNETS.read_all(tx.execute(query)))
    if wanted is None:
        return addresses.of_each_version()
    return [addresses.as_wanted(one) for one in wanted]


class _FreeAddresses:
    """The subnets of one network and their taken addresses, read once for all that is wanted."""

    def __init__(self, tx: Connection, network_id: str, subnets: list[SubnetRow]) -> None:
        self._tx = tx
        self._network_id = network_id
        self._subnets = {subnet.id: subnet for subnet in subnets}
        self._networks = {ip_network(subnet.cidr): subnet for subnet in subnets}
        self._overlaps = Overlaps(self._networks)
        self._taken: dict[str, set[str]] = {}
        self._free: dict[str, Iterator[str]] = {}

    def of_each_version(self) -> list[tuple[str, str]]:
        """Raises: IpAddressGenerationFailure."""
        allocated: dict[int, tuple[str, str]] = {}
        for subnet in self._subnets.values():
            if subnet.ip_version not in allocated:
                address = self._first_free(subnet)
                if address is not None:
                    allocated[subnet.ip_version] = (subnet.id, address)
        if {subnet.ip_version for subnet in self._subnets.values()} - allocated.keys():
            raise errors.IpAddressGenerationFailure(self._network_id)
        return list(allocated.values())

    def as_wanted(self, one: AddressRequest) -> tuple[str, str]:
        """Raises: InvalidInput, InvalidIpForNetwork, InvalidIpForSubnet,
        IpAddressAlreadyAllocated, IpAddressGenerationFailure.
        """
        subnet = self._subnet_for(one)
        if one.get("ip_address"):
            return subnet.id, self._this(subnet, one["ip_address"])
        address = self._first_free(subnet)
        if address is None:
            raise errors.IpAddressGenerationFailure(self._network_id)
        return subnet.id, address

    def _this(self, subnet: SubnetRow, asked: str) -> str:
        parsed = parse_address(asked)
        if parsed is None or not is_host_of(parsed, ip_network(subnet.cidr)):
            raise errors.InvalidIpForSubnet(asked)
        taken = self._taken_of(subnet.id)
        if str(parsed) in taken:
            raise errors.IpAddressAlreadyAllocated(str(parsed), subnet.id)
        taken.add(str(parsed))
        return str(parsed)

    def _first_free(self, subnet: SubnetRow) -> str | None:
        taken = self._taken_of(subnet.id)
        if subnet.id not in self._free:
            self._free[subnet.id] = free(subnet.allocation_pools, taken)
        address = next(self._free[subnet.id], None)
        if address is not None:
            taken.add(address)
        return address

    def _taken_of(self, subnet_id: str) -> set[str]:
        if subnet_id not in self._taken:
            table = t.port_addresses
            query = select(table.c.ip_address).where(table.c.subnet_id == subnet_id)
            self._taken[subnet_id] = set(self._tx.execute(query).scalars())
        return self._taken[subnet_id]

    def _subnet_for(self, one: AddressRequest) -> SubnetRow:
        if subnet_id := one.get("subnet_id"):
            if subnet := self._subnets.get(subnet_id.lower()):
                return subnet
            raise errors.InvalidInput(
                f"Failed to create port on network {self._network_id}, because fixed_ips included "
                f"invalid subnet {subnet_id}"
            )
        if not one.get("ip_address"):
            raise errors.InvalidInput("IP allocation requires subnet_id or ip_address")
        address = parse_address(one.get("ip_address") or "")
        for network in () if address is None else self._overlaps.around(ip_network(address)):
            return self._networks[network]
        raise errors.InvalidIpForNetwork(str(one.get("ip_address")))
