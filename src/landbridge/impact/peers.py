"""Which addresses can never be a peer's; pure.

Rules this module keeps:
- It says why, in words that go on after "<the address> is". The API refuses such addresses, and a
  gateway refuses names that lead to them.
- An IPv4 address that is written as an IPv6 one is the IPv4 address.
- Private and documentation addresses can be: a peer may be anywhere. So can shared and link-local
  IPv4 ones: an uplink may be such a network.
"""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Final

Address = IPv4Address | IPv6Address

_NEVER: Final = tuple(
    (ip_network(network), words)
    for network, words in (
        ("0.0.0.0/8", "the unspecified address or one of its network"),
        ("127.0.0.0/8", "a loopback address"),
        ("224.0.0.0/4", "a multicast address"),
        ("255.255.255.255/32", "the broadcast address"),
        ("240.0.0.0/4", "a reserved address"),
        ("::/128", "the unspecified address"),
        ("::1/128", "the loopback address"),
        ("::/96", "an address of a form that is no longer used"),
        ("ff00::/8", "a multicast address"),
        ("fe80::/10", "a link-local address, which means nothing without an interface"),
    )
)
_ITSELF: Final = frozenset(
    {"localhost", "localhost4", "localhost6", "localhost.localdomain", "localhost6.localdomain6"}
    | {"ip6-localhost", "ip6-loopback", "localhost4.localdomain4", "loopback", "broadcasthost"}
)
OWN: Final = "an address of the router itself"


def why_never(peer: str, own: Iterable[str] = ()) -> str | None:
    """Why a peer cannot be there; None: it can. `peer` is an address, or a name as it is written;
    `own` are the router's addresses."""
    address = plain(peer)
    if address is None:
        return _why_no_name(peer)
    if address in map(plain, own):
        return OWN
    return next((words for network, words in _NEVER if address in network), None)


def _why_no_name(name: str) -> str | None:
    labels = name.lower().removesuffix(".")
    itself = labels in _ITSELF or labels.endswith(".localhost")  # RFC 6761, section 6.3
    return "a name of every host for itself" if itself else None


def plain(text: str) -> Address | None:
    """The address that is meant; None: it is a name."""
    try:
        address = ip_address(text)
    except ValueError:
        return None
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped
    return address
