"""Which CHILD_SAs a tunnel is to have, by the selectors that each carries; pure.

Rules this module keeps:
- One for all pairs of networks, or one for each pair: IKEv1 always splits (RFC 2409 has one
  selector a side). A single pair is the same child in either mode.
- A pair is of one IP version; the order in which networks were given means nothing.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from typing import Final

from landbridge.model import SelectorMode, Tunnel

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Pair = tuple[Network, Network]  # local, remote
Children = dict[str, tuple[Pair, ...]]

EVERYTHING: Final = "all"


def mode_of(tunnel: Tunnel) -> SelectorMode:
    """The mode that a tunnel is to have."""
    split = tunnel.split_selector or tunnel.ike.version == "v1"
    return SelectorMode.SPLIT if split else SelectorMode.SINGLE


def pairs_of(tunnel: Tunnel) -> tuple[Pair, ...]:
    """Every local network with every one of the peer's of its IP version."""
    return tuple(
        (local, remote)
        for local in _networks(tunnel.local_cidrs)
        for remote in _networks(tunnel.peer_cidrs)
        if local.version == remote.version
    )


def children_of(tunnel: Tunnel) -> Children:
    """By a key that says which selectors, not how they are protected."""
    pairs = pairs_of(tunnel)
    if mode_of(tunnel) is SelectorMode.SPLIT or len(pairs) == 1:
        return {f"{local} - {remote}": ((local, remote),) for local, remote in pairs}
    return {EVERYTHING: pairs}


def stand_for_the_same(
    one: tuple[str, tuple[Pair, ...]], other: tuple[str, tuple[Pair, ...]]
) -> bool:
    """Whether two children have the same key, or selectors that overlap."""
    (key, pairs), (other_key, other_pairs) = one, other
    return key == other_key or any(meet(a, b) for a in pairs for b in other_pairs)


def is_within(inner: Pair, outer: Pair) -> bool:
    """Whether a pair is a part of a wider one."""
    sides = zip(inner, outer, strict=True)
    return inner != outer and all(
        one.overlaps(other) and one.prefixlen >= other.prefixlen for one, other in sides
    )


def meet(one: Pair, other: Pair) -> bool:
    """Whether a packet can belong to both."""
    return one[0].overlaps(other[0]) and one[1].overlaps(other[1])


def _networks(cidrs: Iterable[str]) -> list[Network]:
    networks = {ipaddress.ip_network(cidr, strict=False) for cidr in cidrs}
    return sorted(networks, key=lambda each: (each.version, each))
