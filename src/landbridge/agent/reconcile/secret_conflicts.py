"""Which tunnels of a router cannot run because charon would find another one's PSK for them.

Rules this module keeps:
- charon looks a PSK up by the peer's ID only, wherever the peer is, and for IKEv1's main mode by
  the addresses (decision 024). Tunnels that share one of these need the same PSK.
- Of two with another PSK the one that came first runs.
- Addresses count where one of the tunnels needs a PSK before its peer has said who it is.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from landbridge.agent.reconcile.facts import TunnelFacts
from landbridge.agent.reconcile.groups import Groups
from landbridge.impact.sharing import is_same_psk
from landbridge.model.status import Reason, ReasonCode


class HasFacts(Protocol):
    @property
    def facts(self) -> TunnelFacts: ...


class SecretConflicts:
    """`tunnels`: all of the router, by id."""

    def __init__(self, tunnels: Mapping[str, HasFacts]) -> None:
        self._tunnels = tunnels
        self._lookups = Groups()
        self.reasons: dict[str, Reason] = {}  # by tunnel, why it cannot run

    def follow(self, tunnel_id: str) -> frozenset[str]:
        """The tunnel is wanted otherwise than before. The tunnels whose reason has changed."""
        own = self._tunnels[tunnel_id].facts.wanted.running
        compared = self._lookups.set(tunnel_id, own.lookups if own is not None else ())
        found = {each for lookup in compared for each in self._lookups.of(lookup)} | {tunnel_id}
        return frozenset(each for each in found if self._compare(each))

    def _compare(self, tunnel_id: str) -> bool:
        """Whether its reason has changed."""
        before, now = self.reasons.pop(tunnel_id, None), self._reason(tunnel_id)
        if now is not None:
            self.reasons[tunnel_id] = now
        return before != now

    def _reason(self, tunnel_id: str) -> Reason | None:
        own = self._tunnels[tunnel_id].facts.wanted.running
        for number, lookup in enumerate(own.lookups if own is not None else ()):
            group = self._lookups.of(lookup)
            if not self._is_same(tunnel_id, group[0]) and self._counts(lookup, group):
                return _other_secret(group[0], by_address=number > 0)
        return None

    def _is_same(self, tunnel_id: str, other_id: str) -> bool:
        one, other = (self._tunnels[each].facts.wanted.tunnel for each in (tunnel_id, other_id))
        return one is None or other is None or is_same_psk(one, other)

    def _counts(self, lookup: str, group: tuple[str, ...]) -> bool:
        known = (self._tunnels[each].facts.wanted.running for each in group)
        return any(own and (own.by_address or own.lookups[0] == lookup) for own in known)


def _other_secret(first: str, *, by_address: bool) -> Reason:
    same = "addresses, IKEv1 as well" if by_address else "peer ID"
    found = "addresses, with IKEv1," if by_address else "peer's ID"
    other = "IKEv2" if by_address else "another peer ID"
    return Reason(
        code=ReasonCode.COLLISION,
        message=f"Connection {first} has the same {same} and another PSK; a secret is looked up "
        f"by the {found} only. Give both the same PSK, or one of them {other}.",
    )
