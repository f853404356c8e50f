"""What tunnels with one peer have to share, and what then must not differ; pure.

The server tells of a conflict beforehand (`landbridge.impact.conflicts`), a gateway decides which
of two runs (`landbridge.agent.plan.ike_sharing`, `landbridge.agent.reconcile.secret_conflicts`):
both by these rules.

Rules this module keeps:
- Tunnels with the same addresses, IDs and IKE version are one to a peer (`contact`): one IKE_SA
  serves them, so what it has once only must be the same for all (`ONCE_ONLY`), and no packet may
  belong to two of them (docs/decisions/022).
- charon looks a PSK up by the peer's ID, and for IKEv1's main mode by the addresses, before the
  peer has said who it is (RFC 2409, 5.4): tunnels that share one of these need the same PSK
  (docs/decisions/024). One that is not known differs from none.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Final

from landbridge.impact.identities import folded
from landbridge.model.tunnel import Tunnel

Values = tuple[Hashable, ...]


def _policy(tunnel: Tunnel) -> Hashable:
    """Lifetimes show in the time of rekeying."""
    ike, rekeyed_after = tunnel.ike, tunnel.ike.lifetime * 9 // 10
    aggressive = ike.version == "v1" and ike.mode == "aggressive"
    return aggressive, ike.encryption, ike.integrity, ike.dh_group, rekeyed_after


#: By its word: what one IKE_SA has once only, beside its secret.
ONCE_ONLY: Final[tuple[tuple[str, Callable[[Tunnel], Hashable]], ...]] = (
    ("IKE policy", _policy),
    ("dpd", lambda tunnel: tunnel.dpd),
    ("initiator", lambda tunnel: tunnel.initiator),
)


def once_only(tunnel: Tunnel) -> Values:
    """What its IKE_SA has once only, in the order of `ONCE_ONLY`."""
    return tuple(read(tunnel) for _, read in ONCE_ONLY)


def difference(one: Values, other: Values) -> str | None:
    """The word for the first of two `once_only` that differs; None: one IKE_SA can serve both."""
    words = (word for word, _ in ONCE_ONLY)
    return next((w for w, a, b in zip(words, one, other, strict=True) if a != b), None)


def addresses(tunnel: Tunnel) -> tuple[str, str]:
    return tunnel.local_address, tunnel.peer_address


def contact(tunnel: Tunnel) -> Hashable:
    """Tunnels of one router with the same are one to the peer. A peer's name is compared as it is
    written."""
    return tunnel.ike.version, addresses(tunnel), tunnel.local_id, tunnel.peer_id


def psk_lookups(tunnel: Tunnel) -> Values:
    """What its PSK may be looked up by: the peer's ID first, then (IKEv1) the addresses."""
    by_id = ("peer ID", folded(tunnel.peer_id))
    return (by_id,) if tunnel.ike.version == "v2" else (by_id, ("addresses", *addresses(tunnel)))


def needs_psk_by_address(tunnel: Tunnel) -> bool:
    """Whether its PSK is needed before the peer has said who it is."""
    return tunnel.ike.version == "v1" and tunnel.ike.mode == "main"


def is_same_psk(tunnel: Tunnel, other: Tunnel) -> bool:
    return tunnel.psk is None or other.psk is None or tunnel.psk == other.psk
