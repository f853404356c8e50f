"""Which CHILD_SAs a tunnel is to have, by the selectors that each carries; pure.

Rules this module keeps:
- One for all pairs of networks, or one for each pair: IKEv1 always splits (RFC 2409 has one
  selector a side). A single pair is the same child in either mode.
- A pair is of one IP version; the order in which networks were given means nothing.
- The pairs of a tunnel are all of its local networks with all of its peer's: whether two tunnels
  meet is asked of each side by itself, and costs no more than both sides have networks.
"""

from __future__ import annotations

import ipaddress
from bisect import bisect_left
from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Final

from landbridge.model.status import SelectorMode
from landbridge.model.tunnel import Tunnel

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
    remotes = networks_of(tunnel.peer_cidrs)
    return tuple(
        (local, remote)
        for local in networks_of(tunnel.local_cidrs)
        for remote in remotes
        if local.version == remote.version
    )


def children_of(tunnel: Tunnel) -> Children:
    """By a key that says which selectors, not how they are protected."""
    pairs = pairs_of(tunnel)
    if mode_of(tunnel) is SelectorMode.SPLIT or len(pairs) == 1:
        return {f"{local} - {remote}": ((local, remote),) for local, remote in pairs}
    return {EVERYTHING: pairs}


def is_single(tunnel: Tunnel) -> bool:
    """Whether one child carries everything, and may carry more than one pair."""
    return mode_of(tunnel) is SelectorMode.SINGLE and len(pairs_of(tunnel)) != 1


class Overlaps:
    """Networks, to be asked which of them overlap another one.

    Networks overlap only where one is a part of the other, so a look costs as many steps as there
    are lengths of prefixes, and one for each that is found.
    """

    def __init__(self, networks: Iterable[Network]) -> None:
        self._known = {_key(each, each.prefixlen): each for each in networks}
        self._lengths = {
            version: sorted({n.prefixlen for n in self._known.values() if n.version == version})
            for version in (4, 6)
        }
        self._ordered: list[tuple[int, int, int, Network]] = sorted(
            (each.version, int(each.network_address), each.prefixlen, each)
            for each in self._known.values()
        )

    def around(self, network: Network) -> Iterator[Network]:
        """Those that it is a part of, itself among them; the widest first."""
        for length in self._lengths[network.version]:
            if length > network.prefixlen:
                return
            if (outer := self._known.get(_key(network, length))) is not None:
                yield outer

    def inside(self, network: Network) -> Iterator[Network]:
        """Those that are a part of it, without itself; in order."""
        first, last = int(network.network_address), int(network.broadcast_address)
        begin = bisect_left(self._ordered, (network.version, first, network.prefixlen + 1))
        for at in range(begin, len(self._ordered)):
            version, address, _, each = self._ordered[at]
            if version != network.version or address > last:
                return
            yield each

    def of(self, network: Network) -> Iterator[Network]:
        """All that overlap it."""
        return chain(self.around(network), self.inside(network))


def meeting(one: Tunnel, other: Tunnel) -> Pair | None:
    """A pair of `other` that a packet of `one` can belong to."""
    local = Overlaps(networks_of(other.local_cidrs))
    peer = Overlaps(networks_of(other.peer_cidrs))
    for version in (4, 6):
        ours = _first(local, networks_of(one.local_cidrs), version)
        theirs = _first(peer, networks_of(one.peer_cidrs), version)
        if ours is not None and theirs is not None:
            return ours, theirs
    return None


def _first(known: Overlaps, asked: Iterable[Network], version: int) -> Network | None:
    found = (known.of(each) for each in asked if each.version == version)
    return next(chain.from_iterable(found), None)


def networks_of(cidrs: Iterable[str]) -> list[Network]:
    """Each once, in order."""
    networks = {ipaddress.ip_network(cidr, strict=False) for cidr in cidrs}
    return sorted(networks, key=lambda each: (each.version, each))


def _key(network: Network, length: int) -> tuple[int, int, int]:
    """The same for all networks that have the first `length` bits in common."""
    beyond = network.max_prefixlen - length
    return network.version, length, int(network.network_address) >> beyond
