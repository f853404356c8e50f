"""All tunnels of one router: by id, by peer, by identities, and by the IKE_SA that serves them.

Rules this module keeps:
- Every question about one tunnel is answered without a walk through all of them.
- Of tunnels that share identities the first makes its first contact alone: a peer that gets
  INITIAL_CONTACT (RFC 7296 section 2.4) deletes the SAs that it has with those identities. An
  attached tunnel makes none.
- At most `MOST_AT_ONCE` exchanges are open with one peer, over all its tunnels.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator

import structlog

from landbridge.agent.dataplane.dataplane import Backend, TunnelNet
from landbridge.agent.dns.addressbook import Place
from landbridge.agent.plan.planner import MOST_AT_ONCE
from landbridge.agent.reconcile.groups import Groups
from landbridge.agent.reconcile.ike_sharing import IkeSharing
from landbridge.agent.reconcile.tunnel import ManagedTunnel
from landbridge.agent.tunnels.observed import Actual
from landbridge.model.router import Router
from landbridge.model.tunnel import Tunnel

log = structlog.get_logger(__name__)


class TunnelIndex:
    """`mark` is called with each tunnel that wants a look because of another one."""

    def __init__(self, backend: Backend, mark: Callable[[str], None]) -> None:
        self._backend = backend
        self._mark = mark
        self._tunnels: dict[str, ManagedTunnel] = {}
        self._sharing = IkeSharing(self._tunnels, mark)
        self._by_peer = Groups()
        self._by_identities = Groups()  # those that are to run
        self._by_owner = Groups()
        self.nets: dict[str, TunnelNet] = {}

    def __iter__(self) -> Iterator[ManagedTunnel]:
        return iter(tuple(self._tunnels.values()))

    def __len__(self) -> int:
        return len(self._tunnels)

    def get(self, tunnel_id: str) -> ManagedTunnel | None:
        return self._tunnels.get(tunnel_id)

    def get_or_add(self, tunnel_id: str) -> ManagedTunnel:
        """A new one is not wanted."""
        if tunnel_id not in self._tunnels:
            self._tunnels[tunnel_id] = ManagedTunnel(tunnel_id, self._backend)
        return self._tunnels[tunnel_id]

    def want(
        self,
        tunnel_id: str,
        tunnel: Tunnel | None,
        place: Place | None = None,
        router: Router | None = None,
    ) -> ManagedTunnel:
        """As with `landbridge.agent.reconcile.wanted.wanted`."""
        managed = self.get_or_add(tunnel_id)
        managed.want(tunnel, place, router)
        own, running = managed.facts.wanted.own, managed.facts.wanted.running
        self._by_peer.set(tunnel_id, [own.peer_address] if own else ())
        self._by_identities.set(tunnel_id, [running.identities] if running else ())
        self._sharing.follow(tunnel_id)
        self.refresh(managed)
        return managed

    def forget(self, managed: ManagedTunnel) -> None:
        """Nothing is left of the tunnel."""
        self.want(managed.id, None)
        self._sharing.forget(managed.id)
        self._by_owner.set(managed.id, ())
        self._tunnels.pop(managed.id, None)
        self.nets.pop(managed.id, None)

    def adopt(self, configured: Collection[str]) -> None:
        """All were looked at for the first time. These have a configuration in charon, and keep
        their places before others."""
        self._sharing.adopt(configured)
        for managed in self:
            try:
                self.refresh(managed)
            except Exception:
                log.exception("tunnel_not_netted", tunnel=managed.id)  # its own look tells of it

    def observe(self, managed: ManagedTunnel, listed: Actual, now: float) -> None:
        """charon lists this of the tunnel; the list was begun at `now`."""
        managed.observe(listed, now)
        if managed.facts.wanted.running is None:
            self._sharing.review(managed.id)

    def refresh(self, managed: ManagedTunnel) -> None:
        """Brings `nets`, and who is served by whom, up to date with one tunnel."""
        net = managed.net()
        if net is None:
            self.nets.pop(managed.id, None)
        else:
            self.nets[managed.id] = net
        owner = managed.facts.attachment.owner
        owners = {sa.tunnel_id for sa in managed.facts.actual.sas if sa.foreign}
        self._by_owner.set(managed.id, owners | ({owner.id} if owner else set()))

    def served_by(self, tunnel_id: str) -> tuple[ManagedTunnel, ...]:
        """The others that an IKE_SA of the tunnel serves, or is to serve."""
        return tuple(self._tunnels[each] for each in self._by_owner.of(tunnel_id))

    def with_peer(self, peer_address: str) -> tuple[ManagedTunnel, ...]:
        return tuple(self._tunnels[each] for each in self._by_peer.of(peer_address))

    def allowed(self, managed: ManagedTunnel) -> int:
        """How many more exchanges the tunnel's peer can be asked for now."""
        if _makes_contact(managed) and any(
            other.facts.attempts_open and _makes_contact(other)
            for other in self._with_identities_of(managed)
        ):
            return 0
        asked = sum(each.facts.attempts_open for each in self._with_peer_of(managed))
        return max(0, MOST_AT_ONCE - asked)

    def begin_attempt(self, managed: ManagedTunnel) -> None:
        """What an attempt tells counts more than what is known, also for the tunnels that it is
        made for."""
        managed.begin_attempt()
        for attached in self.served_by(managed.id):
            if not attached.facts.carries_traffic:
                attached.begin_attempt()

    def mark_those_with_its_peer(self, managed: ManagedTunnel) -> None:
        """An exchange with the tunnel's peer is over: those that wait for it may begin theirs."""
        others = (*self._with_peer_of(managed), *self._with_identities_of(managed))
        for other in dict.fromkeys(others):
            if other is not managed and other.waits_for_others:
                self._mark(other.id)

    def mark_attached(self, managed: ManagedTunnel) -> None:
        """The tunnel's configuration is loaded: those attached to it may begin."""
        for attached in self.served_by(managed.id):
            if attached.waits_for_others:
                self._mark(attached.id)

    def _with_peer_of(self, managed: ManagedTunnel) -> tuple[ManagedTunnel, ...]:
        target = managed.facts.target
        return self.with_peer(target.peer_address) if target else ()

    def _with_identities_of(self, managed: ManagedTunnel) -> tuple[ManagedTunnel, ...]:
        target = managed.facts.target
        group = self._by_identities.of(target.identities) if target else ()
        return tuple(self._tunnels[each] for each in group if each != managed.id)


def _makes_contact(managed: ManagedTunnel) -> bool:
    """Whether an exchange of it can be a first contact."""
    return managed.facts.attachment.owner is None and not managed.facts.carries_traffic
