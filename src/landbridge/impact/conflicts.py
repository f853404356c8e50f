"""Which tunnels of a router cannot be run beside each other; pure.

What the gateway will say of it, told beforehand by the same rules (`landbridge.impact.sharing`), on
tunnels as they are wanted. Which of two that collide is refused depends on which runs already.

Rules this module keeps:
- A tunnel that is switched off is in nobody's way.
- The first that differs is told; the PSK comes last.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from itertools import chain, islice
from typing import Final

from landbridge.impact.selectors import Network, Overlaps, meeting, networks_of
from landbridge.impact.sharing import (
    addresses,
    contact,
    difference,
    is_same_psk,
    needs_psk_by_address,
    once_only,
    psk_lookups,
)
from landbridge.model.fields import Model
from landbridge.model.tunnel import Tunnel

MOST_TOLD: Final = 20
COMPARED: Final = 64

Read = Callable[[Tunnel], Hashable]


class Collision(Model, frozen=True, kw_only=True):
    """With the tunnel of that id. `message` is for the person."""

    id: str
    message: str


class Neighbours:
    """The tunnels of any routers, to ask what collides with one of them.

    Those that collide are found by what they have in common with it and what not, never by looking
    at each: only of tunnels that one IKE_SA can serve the networks are compared, `COMPARED` at
    the most.
    """

    def __init__(self, tunnels: Iterable[Tunnel]) -> None:
        self._by_contact = _Groups(_contact, once_only)
        self._by_peer = _Groups(_peer, _secret)
        self._by_addresses = _Groups(_addressed, _secret)
        self._alike: dict[Hashable, _Alike] = {}
        for tunnel in tunnels:
            if tunnel.admin_state_up:
                for groups in (self._by_contact, self._by_peer, self._by_addresses):
                    groups.add(tunnel)

    def collisions(self, tunnel: Tunnel) -> tuple[Collision, ...]:
        """With any of them but itself, each told of once, `MOST_TOLD` at the most."""
        found: dict[str, Collision] = {}
        if tunnel.admin_state_up:
            for other in self._near(tunnel):
                reason = _reason(tunnel, other) if other.id not in found else None
                if reason is not None:
                    found[other.id] = Collision(id=other.id, message=reason)
                if len(found) >= MOST_TOLD:
                    break
        return tuple(found.values())

    def _near(self, tunnel: Tunnel) -> Iterator[Tunnel]:
        """All that collide; and few others."""
        near = chain(
            self._by_contact.others(tunnel),
            self._overlapping(tunnel),
            self._by_peer.others(tunnel),
            *(self._by_addresses.others(tunnel, at) for at in _addressed_alike(tunnel)),
        )
        return (each for each in near if each.id != tunnel.id)

    def _overlapping(self, tunnel: Tunnel) -> Iterator[Tunnel]:
        key = _contact(tunnel), once_only(tunnel)
        if key not in self._alike:
            self._alike[key] = _Alike(self._by_contact.same(tunnel))
        return self._alike[key].near(tunnel)


class _Groups:
    """Tunnels that have `common` in common, by what of them must not differ."""

    def __init__(self, common: Read, equal: Read) -> None:
        self._common = common
        self._equal = equal
        self._of: defaultdict[Hashable, defaultdict[Hashable, list[Tunnel]]] = defaultdict(
            lambda: defaultdict(list)
        )

    def add(self, tunnel: Tunnel) -> None:
        self._of[self._common(tunnel)][self._equal(tunnel)].append(tunnel)

    def same(self, tunnel: Tunnel) -> list[Tunnel]:
        return self._groups(self._common(tunnel)).get(self._equal(tunnel), [])

    def others(self, tunnel: Tunnel, common: Hashable = None) -> Iterator[Tunnel]:
        """Those that differ; None differs from nothing. `common`: if it is not the tunnel's own."""
        own = self._equal(tunnel)
        groups = self._groups(self._common(tunnel) if common is None else common)
        differing = (group for equal, group in groups.items() if equal not in (own, None))
        return iter(()) if own is None else chain.from_iterable(differing)

    def _groups(self, common: Hashable) -> Mapping[Hashable, list[Tunnel]]:
        return self._of.get(common, {})


class _Alike:
    """Tunnels that one IKE_SA can serve, by their networks."""

    def __init__(self, tunnels: Sequence[Tunnel]) -> None:
        self._local = _Owners(tunnels, lambda t: t.local_cidrs)
        self._peer = _Owners(tunnels, lambda t: t.peer_cidrs)

    def near(self, tunnel: Tunnel) -> Iterator[Tunnel]:
        """By the side that has fewer; some of them overlap on that side only."""
        local, peer = self._local.overlapping(tunnel), self._peer.overlapping(tunnel)
        return iter(local if len(local) < len(peer) else peer)


class _Owners:
    """The networks of one side, and whose they are."""

    def __init__(self, tunnels: Iterable[Tunnel], cidrs: Callable[[Tunnel], Iterable[str]]) -> None:
        self._cidrs = cidrs
        self._owners: defaultdict[Network, list[Tunnel]] = defaultdict(list)
        for tunnel in tunnels:
            for network in networks_of(cidrs(tunnel)):
                self._owners[network].append(tunnel)
        self._known = Overlaps(self._owners)

    def overlapping(self, tunnel: Tunnel) -> list[Tunnel]:
        owners = (
            owner
            for network in networks_of(self._cidrs(tunnel))
            for each in self._known.of(network)
            for owner in self._owners[each]
            if owner.id != tunnel.id
        )
        return list(islice(owners, COMPARED))


def _reason(tunnel: Tunnel, other: Tunnel) -> str | None:
    known = f"Connection {other.id} has the same"
    if _contact(tunnel) == _contact(other):
        together = f"{known} addresses, IDs and IKE version, so that one IKE_SA has to serve both"
        word = difference(once_only(tunnel), once_only(other))
        if word is None and not is_same_psk(tunnel, other):
            word = "PSK"
        if word is not None:
            return f"{together}, but its {word} differs."
        if theirs := meeting(tunnel, other):
            return f"{together}, and its networks overlap: {theirs[0]} - {theirs[1]}."
    if is_same_psk(tunnel, other):
        return None
    common = set(psk_lookups(tunnel)) & set(psk_lookups(other))
    if psk_lookups(tunnel)[0] in common:
        return f"{known} peer ID and another PSK; a secret is looked up by the peer's ID only."
    if common and (needs_psk_by_address(tunnel) or needs_psk_by_address(other)):
        return f"{known} addresses, with IKEv1, and another PSK; it is looked up by these only."
    return None


def _contact(tunnel: Tunnel) -> Hashable:
    return tunnel.router_id, contact(tunnel)


def _peer(tunnel: Tunnel) -> Hashable:
    return tunnel.router_id, psk_lookups(tunnel)[0]


def _secret(tunnel: Tunnel) -> Hashable:
    """None: not known."""
    return None if tunnel.psk is None else tunnel.psk.value


def _addressed(tunnel: Tunnel) -> Hashable:
    return tunnel.router_id, addresses(tunnel), tunnel.ike.version, needs_psk_by_address(tunnel)


def _addressed_alike(tunnel: Tunnel) -> Iterable[Hashable]:
    """Where those are for which a secret may be looked up by the same addresses."""
    if tunnel.ike.version != "v1":
        return ()
    needed = (True, False) if needs_psk_by_address(tunnel) else (True,)
    return [(tunnel.router_id, addresses(tunnel), "v1", each) for each in needed]
