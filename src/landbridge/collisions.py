"""Which tunnels of a router cannot be run beside each other; pure.

What the gateway will say of it (`landbridge.agent.sharing`), told beforehand: the same rules, on
tunnels as they are wanted. Which of two that collide is refused depends on which runs already.

Rules this module keeps:
- Tunnels with the same addresses, IDs and IKE version are one to a peer: one IKE_SA has to serve
  them, so they need the same IKE policy, dpd and initiator, and no packet may belong to both
  (docs/decisions/022).
- charon looks a secret up by the peer's ID, with IKEv1's main mode by the addresses too: who shares
  these needs the same PSK (docs/decisions/024).
- A tunnel that is switched off is in nobody's way. A peer's name is compared as it is written.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator
from itertools import product
from typing import Final

from landbridge.identities import folded
from landbridge.model import IkeProposal, Model, Tunnel
from landbridge.selectors import meet, pairs_of


def is_same_psk(tunnel: Tunnel, other: Tunnel) -> bool:
    """One that is not known collides with none."""
    return tunnel.psk is None or other.psk is None or tunnel.psk == other.psk


#: By its word: what one IKE_SA has once only. Lifetimes show in the time of rekeying.
_SHARED: Final[tuple[tuple[str, Callable[[Tunnel, Tunnel], bool]], ...]] = (
    ("IKE policy", lambda one, other: _policy(one.ike) == _policy(other.ike)),
    ("dpd", lambda one, other: one.dpd == other.dpd),
    ("initiator", lambda one, other: one.initiator == other.initiator),
    ("PSK", is_same_psk),
)


class Collision(Model, frozen=True, kw_only=True):
    """With the tunnel of that id. `message` is for the person."""

    id: str
    message: str


class Neighbours:
    """The tunnels of any routers, to ask what collides with one of them."""

    def __init__(self, tunnels: Iterable[Tunnel]) -> None:
        self._met: dict[Hashable, list[Tunnel]] = {}
        for tunnel in tunnels:
            if tunnel.admin_state_up:
                for place in _places(tunnel):
                    self._met.setdefault(place, []).append(tunnel)

    def collisions(self, tunnel: Tunnel) -> tuple[Collision, ...]:
        """With any of them but itself, each told of once."""
        found: dict[str, Collision] = {}
        if tunnel.admin_state_up:
            for other in self._near(tunnel):
                reason = _reason(tunnel, other) if other.id not in found else None
                if reason is not None:
                    found[other.id] = Collision(id=other.id, message=reason)
        return tuple(found.values())

    def _near(self, tunnel: Tunnel) -> Iterator[Tunnel]:
        for place in _places(tunnel):
            yield from (each for each in self._met.get(place, ()) if each.id != tunnel.id)


def _reason(tunnel: Tunnel, other: Tunnel) -> str | None:
    known = f"Connection {other.id} has the same"
    if _contact(tunnel) == _contact(other):
        together = f"{known} addresses, IDs and IKE version, so that one IKE_SA has to serve both"
        for word, is_same in _SHARED:
            if not is_same(tunnel, other):
                return f"{together}, but its {word} differs."
        for pair, theirs in product(pairs_of(tunnel), pairs_of(other)):
            if meet(pair, theirs):
                return f"{together}, and its networks overlap: {theirs[0]} - {theirs[1]}."
    if is_same_psk(tunnel, other):
        return None
    if folded(tunnel.peer_id) == folded(other.peer_id):
        return f"{known} peer ID and another PSK; a secret is looked up by the peer's ID only."
    if _addresses(tunnel) == _addresses(other) and _by_address(tunnel, other):
        return f"{known} addresses, with IKEv1, and another PSK; it is looked up by these only."
    return None


def _places(tunnel: Tunnel) -> tuple[Hashable, ...]:
    """Where others that may collide are met."""
    return (tunnel.router_id, folded(tunnel.peer_id)), (tunnel.router_id, _addresses(tunnel))


def _contact(tunnel: Tunnel) -> Hashable:
    return tunnel.ike.version, _addresses(tunnel), tunnel.local_id, tunnel.peer_id


def _addresses(tunnel: Tunnel) -> tuple[str, str]:
    return tunnel.local_address, tunnel.peer_address


def _by_address(tunnel: Tunnel, other: Tunnel) -> bool:
    """Whether a secret may be needed before a peer has said who it is (RFC 2409, 5.4)."""
    both = (tunnel.ike, other.ike)
    return all(ike.version == "v1" for ike in both) and any(ike.mode == "main" for ike in both)


def _policy(ike: IkeProposal) -> object:
    rekeyed_after = ike.lifetime * 9 // 10
    aggressive = ike.version == "v1" and ike.mode == "aggressive"
    return aggressive, ike.encryption, ike.integrity, ike.dh_group, rekeyed_after
