"""All tunnels of one router: by id, by peer, and by the IKE_SA that serves them.

Rules this module keeps:
- Every question about one tunnel is answered without a walk through all of them.
- What tunnels are to each other, `landbridge.agent.reconcile.ike_sharing` says.
- Of those that share identities the first makes its first contact alone: a peer that is told of
  a first contact (RFC 7296 section 2.4) forgets what it has with those identities. Guests make
  none.
- At most `MOST_AT_ONCE` exchanges are open with one peer, over all its tunnels.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator

import msgspec

from landbridge.agent.dataplane.dataplane import Backend, TunnelNet
from landbridge.agent.dns.addressbook import Place
from landbridge.agent.plan.planner import MOST_AT_ONCE
from landbridge.agent.reconcile.ike_sharing import Group, Sharing
from landbridge.agent.reconcile.tunnel import ManagedTunnel
from landbridge.agent.tunnels.desired import Target
from landbridge.model.objects import Tunnel


class TunnelIndex:
    """`mark` is told of each tunnel that wants a look because of another one."""

    def __init__(self, backend: Backend, mark: Callable[[str], None]) -> None:
        self._backend = backend
        self._mark = mark
        self._managed_tunnels: dict[str, ManagedTunnel] = {}
        self._sharing = Sharing(self._managed_tunnels, mark)
        self._peers: dict[str, Group] = {}
        self._aboard: dict[str, Group] = {}  # by host
        self._hosts: dict[str, set[str]] = {}  # by who is aboard
        self.nets: dict[str, TunnelNet] = {}

    def __iter__(self) -> Iterator[ManagedTunnel]:
        return iter(tuple(self._managed_tunnels.values()))

    def __len__(self) -> int:
        return len(self._managed_tunnels)

    def get(self, tunnel_id: str) -> ManagedTunnel | None:
        return self._managed_tunnels.get(tunnel_id)

    def take_in(self, tunnel_id: str) -> ManagedTunnel:
        """The managed tunnel of that id; a new one, with nothing wanted, where there was none."""
        if tunnel_id not in self._managed_tunnels:
            self._managed_tunnels[tunnel_id] = ManagedTunnel(tunnel_id, self._backend)
        return self._managed_tunnels[tunnel_id]

    def want(
        self,
        tunnel_id: str,
        tunnel: Tunnel | None,
        place: Place | None = None,
        *,
        switched_off: bool,
    ) -> None:
        managed = self.take_in(tunnel_id)
        before, last = managed.own, managed.running
        managed.wanted = tunnel
        if tunnel is not None and switched_off:
            tunnel = msgspec.structs.replace(tunnel, admin_state_up=False)
        managed.want(tunnel, place)
        self._move(managed, before, last)
        self.refresh(managed)

    def forget(self, managed: ManagedTunnel) -> None:
        before = managed.own
        managed.want(None)
        self._move(managed, before, None)
        self._board(managed.id, set())
        self._managed_tunnels.pop(managed.id, None)
        self.nets.pop(managed.id, None)

    def adopt(self, configured: Collection[str]) -> None:
        """All have been looked at for the first time; these have a configuration in charon, and
        keep their places before others."""
        self._sharing.adopt(configured)
        for managed in self:
            self.refresh(managed)

    def review(self, managed: ManagedTunnel) -> None:
        """Its SAs have just been looked at."""
        self._sharing.review(managed)

    def refresh(self, managed: ManagedTunnel) -> None:
        """Bring `nets` up to date with one tunnel."""
        net = managed.net()
        if net is None:
            self.nets.pop(managed.id, None)
        else:
            self.nets[managed.id] = net
        hosts = {sa.tunnel_id for sa in managed.actual.sas if sa.foreign}
        self._board(managed.id, hosts | ({managed.host.id} if managed.host else set()))

    def aboard(self, tunnel_id: str) -> tuple[ManagedTunnel, ...]:
        """The others that an IKE_SA of the tunnel serves, or is to serve."""
        return tuple(self._managed_tunnels[each] for each in self._aboard.get(tunnel_id, ()))

    def with_peer(self, peer_address: str) -> tuple[ManagedTunnel, ...]:
        return tuple(self._managed_tunnels[each] for each in self._peers.get(peer_address, ()))

    def allowed(self, managed: ManagedTunnel) -> int:
        """How many more exchanges the tunnel's peer can be asked for now."""
        peer = managed.target.peer_address if managed.target else ""
        if _contacting(managed) and any(
            other.attempts_open and _contacting(other) for other in self._sharing.others(managed)
        ):
            return 0
        return max(0, MOST_AT_ONCE - sum(c.attempts_open for c in self.with_peer(peer)))

    def begin_attempt(self, managed: ManagedTunnel) -> None:
        """Whatever it tells counts more than what is known, also for guests that it is for."""
        managed.begin_attempt()
        for guest in self.aboard(managed.id):
            if not guest.actual.carrying:
                guest.begin_attempt()

    def let_others_in(self, managed: ManagedTunnel) -> None:
        """An exchange with the tunnel's peer is over: those that wait may begin theirs."""
        peer = managed.target.peer_address if managed.target else ""
        for other in dict.fromkeys((*self.with_peer(peer), *self._sharing.others(managed))):
            if other is not managed and other.waiting:
                self._mark(other.id)

    def let_guests_in(self, managed: ManagedTunnel) -> None:
        """The tunnel's configuration is loaded: its guests may begin."""
        for guest in self.aboard(managed.id):
            if guest.waiting:
                self._mark(guest.id)

    def _move(self, managed: ManagedTunnel, before: Target | None, last: Tunnel | None) -> None:
        after = managed.own
        if before is not None and (after is None or after.peer_address != before.peer_address):
            _take_out(self._peers, before.peer_address, managed.id)
        if after is not None:
            self._peers.setdefault(after.peer_address, {})[managed.id] = None
        self._sharing.move(managed, before, last)

    def _board(self, tunnel_id: str, hosts: set[str]) -> None:
        known = self._hosts.get(tunnel_id, set())
        for left in known - hosts:
            _take_out(self._aboard, left, tunnel_id)
        for entered in hosts - known:
            self._aboard.setdefault(entered, {})[tunnel_id] = None
        self._hosts[tunnel_id] = hosts
        if not hosts:
            del self._hosts[tunnel_id]


def _contacting(managed: ManagedTunnel) -> bool:
    """Whether an exchange of it can be a first contact."""
    return managed.host is None and not managed.actual.carrying


def _take_out(groups: dict[str, Group], key: str, tunnel_id: str) -> None:
    group = groups.get(key, {})
    group.pop(tunnel_id, None)
    if not group:
        groups.pop(key, None)
