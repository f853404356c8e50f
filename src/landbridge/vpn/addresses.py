"""Addresses and networks: parsing, canonical forms, and what is free. Pure.

Rules this module keeps:
- What a user gave keeps its spelling where it is shown, and is made canonical where it is used.
- Names are not resolved here; it is only decided whether a text can be a name.
"""

from __future__ import annotations

import re
import socket
from bisect import bisect_right
from collections.abc import Container, Iterable, Iterator
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Interface,
    IPv6Network,
    ip_address,
    ip_interface,
    ip_network,
)

from landbridge.store.resource_rows import Pool

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

_NUMERIC_V4 = re.compile(r"(0[xX][0-9A-Fa-f]+|\d+)(\.(0[xX][0-9A-Fa-f]+|\d+)){0,3}", re.ASCII)
_LABEL = re.compile(r"(?!-)[A-Za-z0-9_-]{1,63}(?<!-)", re.ASCII)
_NAME_LENGTH = 253
ALL_ADDRESSES = 2**128
_NEVER_RESOLVES = "invalid"  # RFC 6761, section 6.4


def parse_address(text: str) -> Address | None:
    """An IP address without a zone, or None."""
    if "%" in text:
        return None
    try:
        return ip_address(text)
    except ValueError:
        return None


def parse_network(text: object) -> Network | None:
    """A CIDR, host bits allowed, prefix needed; or None."""
    if not isinstance(text, str) or "/" not in text or "%" in text:
        return None
    try:
        return ip_network(text, strict=False)
    except ValueError:
        return None


def is_cidr(text: str) -> bool:
    """``ADDRESS/LENGTH``; host bits may be set; IPv4 must be spelled canonically."""
    if "/" not in text or "%" in text:
        return False
    try:
        interface = ip_interface(text)
    except ValueError:
        return False
    return isinstance(interface, IPv6Interface) or str(interface) == text


def kept_peer(text: str) -> str | None:
    """A peer's address as it is stored: an IP address or a name, both as given.

    ``10.1`` and ``0x0a000001`` are addresses by the rules of inet_aton(3) and stored in full. None:
    neither an address nor a name that can resolve.
    """
    if parse_address(text) is not None:
        return text
    if _NUMERIC_V4.fullmatch(text):
        try:
            return socket.inet_ntoa(socket.inet_aton(text))
        except OSError:
            return None
    return text if _is_name(text) else None


def canonical_peer(kept: str) -> str:
    """A peer's address for the gateway: one spelling for each IP address."""
    address = parse_address(kept)
    return kept if address is None else str(address)


def _is_name(text: str) -> bool:
    labels = text.removesuffix(".").split(".")
    return (
        len(text) <= _NAME_LENGTH
        and all(_LABEL.fullmatch(label) for label in labels)
        and not labels[-1].isdigit()
        and labels[-1].lower() != _NEVER_RESOLVES
    )


def families(cidrs: Iterable[str]) -> set[int]:
    """The IP versions of the CIDRs; other texts are ignored."""
    networks = (parse_network(cidr) for cidr in cidrs)
    return {network.version for network in networks if network is not None}


def canonical_cidrs(cidrs: Iterable[str]) -> tuple[str, ...]:
    """Without host bits and duplicates, in the given order."""
    networks = (parse_network(cidr) for cidr in cidrs)
    return tuple(dict.fromkeys(str(network) for network in networks if network is not None))


def default_gateway(network: Network) -> str | None:
    """The first address that a host can have; none where there is only one address."""
    if network.prefixlen == network.max_prefixlen:
        return None
    return str(network[0] if network.num_addresses == 2 and network.version == 4 else network[1])  # noqa: PLR2004


def default_pools(network: Network, gateway: str | None) -> list[Pool]:
    """All addresses for hosts, without the gateway."""
    first, last = _host_range(network)
    ranges = [(first, last)]
    taken = None if gateway is None else parse_address(gateway)
    if taken is not None and first <= int(taken) <= last:
        ranges = [(first, int(taken) - 1), (int(taken) + 1, last)]
    make = IPv4Address if network.version == 4 else IPv6Address  # noqa: PLR2004
    return [
        {"start": str(make(start)), "end": str(make(end))} for start, end in ranges if start <= end
    ]


def free(pools: Iterable[Pool], taken: Container[str]) -> Iterator[str]:
    """The addresses of the pools that are not taken, the lowest first; `taken` may grow."""
    for pool in pools:
        start, end = ip_address(pool["start"]), ip_address(pool["end"])
        for number in range(int(start), int(end) + 1):
            address = str(type(start)(number))
            if address not in taken:
                yield address


class Ranges:
    """Allocation pools that do not overlap; tells whether an address is in one of them."""

    def __init__(self, pools: Iterable[Pool]) -> None:
        bounds = ((int(ip_address(p["start"])), int(ip_address(p["end"]))) for p in pools)
        self._bounds = sorted(bounds)

    def __contains__(self, address: str) -> bool:
        number = int(ip_address(address))
        beside = bisect_right(self._bounds, (number, ALL_ADDRESSES)) - 1
        return beside >= 0 and number <= self._bounds[beside][1]


def is_host_of(address: Address, network: Network) -> bool:
    """Whether an interface on this network may have this address."""
    first, last = _host_range(network)
    return address.version == network.version and first <= int(address) <= last


def _host_range(network: Network) -> tuple[int, int]:
    """First and last address for hosts: without network and broadcast, if there are such."""
    first, last = int(network[0]), int(network[-1])
    if network.num_addresses <= 2:  # noqa: PLR2004 - RFC 3021, RFC 6164: point to point
        return first, last
    return first + 1, last - 1 if network.version == 4 else last  # noqa: PLR2004
