"""What a subnet may be: its range, its gateway, its lists, its IPv6 modes. Pure.

Rules this module keeps:
- The reference's checks, in its order and words (neutron ``db_base_plugin_v2._validate_subnet``).
- A gateway within the range is a host of it; one outside is on the link all the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import ip_network
from typing import Final

import msgspec

from landbridge.store.resource_rows import HostRoute
from landbridge.vpn.addresses import Network, parse_address
from landbridge.vpn.inventory import errors

MOST_NAMESERVERS: Final = 5
MOST_ROUTES: Final = 20
LONGEST_WITH_DHCP: Final = {4: 30, 6: 126}  # prefixes
_AUTOMATIC: Final = frozenset({"slaac", "dhcpv6-stateless"})
_EUI64: Final = 64  # bits


class Subnet(msgspec.Struct, frozen=True, kw_only=True):
    """What is checked of one. `id`: as messages name it; `turned_on`: DHCP was off before."""

    id: str
    network: Network
    enable_dhcp: bool
    turned_on: bool
    dns_nameservers: Sequence[str]
    host_routes: Sequence[HostRoute]


def check(subnet: Subnet) -> None:
    """Raises: InvalidInput, DNSNameServersExhausted, HostRoutesExhausted."""
    _check_range(subnet)
    version = subnet.network.version
    if len(subnet.dns_nameservers) > MOST_NAMESERVERS:
        raise errors.DNSNameServersExhausted(subnet.id, MOST_NAMESERVERS)
    for address in subnet.dns_nameservers:
        _check_version(version, address, "dns_nameserver")
    if len(subnet.host_routes) > MOST_ROUTES:
        raise errors.HostRoutesExhausted(subnet.id, MOST_ROUTES)
    for route in subnet.host_routes:
        _check_version(version, route["nexthop"], "nexthop")
        _check_version(version, route["destination"], "destination")


def checked_gateway(network: Network, gateway: str | None) -> str | None:
    """Raises: InvalidInput."""
    if gateway is None:
        return None
    _check_version(network.version, gateway, "gateway_ip")
    address = parse_address(gateway)
    ends = (network[0], network[-1]) if network.version == 4 else ()  # noqa: PLR2004
    if address is None or address in ends:
        raise errors.InvalidInput("Gateway is not valid on subnet")
    return str(address)


def check_modes(network: Network, ra: str | None, address: str | None, *, dhcp: bool) -> None:
    """``ipv6_ra_mode`` and ``ipv6_address_mode`` of a new subnet. Raises: InvalidInput."""
    modes = {"ipv6_ra_mode": ra, "ipv6_address_mode": address}
    given = [name for name, mode in modes.items() if mode]
    if not given:
        return
    if network.version == 4:  # noqa: PLR2004
        raise errors.InvalidInput(f"{given[0]} is not valid when ip_version is 4")
    if not dhcp:
        raise errors.InvalidInput(
            "ipv6_ra_mode or ipv6_address_mode cannot be set when enable_dhcp is set to False"
        )
    if ra and address and ra != address:
        raise errors.InvalidInput(
            f"ipv6_ra_mode set to '{ra}' with ipv6_address_mode set to '{address}' is not valid. "
            "If both attributes are set, they must be the same value"
        )
    if address in _AUTOMATIC and network.prefixlen != _EUI64:
        raise errors.InvalidInput(
            f"Invalid CIDR {network} for IPv6 address mode. OpenStack uses the EUI-64 address "
            "format, which requires the prefix to be /64"
        )


def _check_range(subnet: Subnet) -> None:
    network = subnet.network
    if network.version == 6 and int(network[0]) == 0:  # noqa: PLR2004
        raise errors.InvalidInput("IPv6 subnet '::' is not supported")
    if not subnet.enable_dhcp or not subnet.turned_on:
        return
    if network.prefixlen > LONGEST_WITH_DHCP[network.version]:
        raise errors.InvalidInput(
            "Subnet has a prefix length that is incompatible with DHCP service enabled"
        )
    if network.is_multicast:
        raise errors.InvalidInput("Multicast IP subnet is not supported if enable_dhcp is True")
    if network.is_loopback:
        raise errors.InvalidInput("Loopback IP subnet is not supported if enable_dhcp is True")
    if int(network[0]) == 0:
        raise errors.InvalidInput(
            "First IP '0.0.0.0' of network is not supported if enable_dhcp is True."
        )


def _check_version(version: int, text: str, name: str) -> None:
    """Raises: InvalidInput."""
    if ip_network(text, strict=False).version != version:
        raise errors.InvalidInput(f"{name} '{text}' does not match the ip_version '{version}'")
