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
from landbridge.agent.reconcile.tunnel import Charge
from landbridge.agent.tunnels.desired import Target
from landbridge.model.objects import Tunnel


class Roster:
    """`mark` is told of each tunnel that wants a look because of another one."""

    def __init__(self, backend: Backend, mark: Callable[[str], None]) -> None:
        self._backend = backend
        self._mark = mark
        self._charges: dict[str, Charge] = {}
        self._sharing = Sharing(self._charges, mark)
        self._peers: dict[str, Group] = {}
        self._aboard: dict[str, Group] = {}  # by host
        self._hosts: dict[str, set[str]] = {}  # by who is aboard
        self.nets: dict[str, TunnelNet] = {}

    def __iter__(self) -> Iterator[Charge]:
        return iter(tuple(self._charges.values()))

    def __len__(self) -> int:
        return len(self._charges)

    def get(self, tunnel_id: str) -> Charge | None:
        return self._charges.get(tunnel_id)

    def take_in(self, tunnel_id: str) -> Charge:
        """The tunnel's charge; a new one, with nothing wanted, where there was none."""
        if tunnel_id not in self._charges:
            self._charges[tunnel_id] = Charge(tunnel_id, self._backend)
        return self._charges[tunnel_id]

    def want(
        self,
        tunnel_id: str,
        tunnel: Tunnel | None,
        place: Place | None = None,
        *,
        switched_off: bool,
    ) -> None:
        charge = self.take_in(tunnel_id)
        before, last = charge.own, charge.running
        charge.wanted = tunnel
        if tunnel is not None and switched_off:
            tunnel = msgspec.structs.replace(tunnel, admin_state_up=False)
        charge.want(tunnel, place)
        self._move(charge, before, last)
        self.refresh(charge)

    def forget(self, charge: Charge) -> None:
        before = charge.own
        charge.want(None)
        self._move(charge, before, None)
        self._board(charge.id, set())
        self._charges.pop(charge.id, None)
        self.nets.pop(charge.id, None)

    def adopt(self, configured: Collection[str]) -> None:
        """All have been looked at for the first time; these have a configuration in charon, and
        keep their places before others."""
        self._sharing.adopt(configured)
        for charge in self:
            self.refresh(charge)

    def review(self, charge: Charge) -> None:
        """Its SAs have just been looked at."""
        self._sharing.review(charge)

    def refresh(self, charge: Charge) -> None:
        """Bring `nets` up to date with one tunnel."""
        net = charge.net()
        if net is None:
            self.nets.pop(charge.id, None)
        else:
            self.nets[charge.id] = net
        hosts = {sa.tunnel_id for sa in charge.actual.sas if sa.foreign}
        self._board(charge.id, hosts | ({charge.host.id} if charge.host else set()))

    def aboard(self, tunnel_id: str) -> tuple[Charge, ...]:
        """The others that an IKE_SA of the tunnel serves, or is to serve."""
        return tuple(self._charges[each] for each in self._aboard.get(tunnel_id, ()))

    def with_peer(self, peer_address: str) -> tuple[Charge, ...]:
        return tuple(self._charges[each] for each in self._peers.get(peer_address, ()))

    def allowed(self, charge: Charge) -> int:
        """How many more exchanges the tunnel's peer can be asked for now."""
        peer = charge.target.peer_address if charge.target else ""
        if _contacting(charge) and any(
            other.attempts_open and _contacting(other) for other in self._sharing.others(charge)
        ):
            return 0
        return max(0, MOST_AT_ONCE - sum(c.attempts_open for c in self.with_peer(peer)))

    def begin_attempt(self, charge: Charge) -> None:
        """Whatever it tells counts more than what is known, also for guests that it is for."""
        charge.begin_attempt()
        for guest in self.aboard(charge.id):
            if not guest.actual.carrying:
                guest.begin_attempt()

    def let_others_in(self, charge: Charge) -> None:
        """An exchange with the tunnel's peer is over: those that wait may begin theirs."""
        peer = charge.target.peer_address if charge.target else ""
        for other in dict.fromkeys((*self.with_peer(peer), *self._sharing.others(charge))):
            if other is not charge and other.waiting:
                self._mark(other.id)

    def let_guests_in(self, charge: Charge) -> None:
        """The tunnel's configuration is loaded: its guests may begin."""
        for guest in self.aboard(charge.id):
            if guest.waiting:
                self._mark(guest.id)

    def _move(self, charge: Charge, before: Target | None, last: Tunnel | None) -> None:
        after = charge.own
        if before is not None and (after is None or after.peer_address != before.peer_address):
            _take_out(self._peers, before.peer_address, charge.id)
        if after is not None:
            self._peers.setdefault(after.peer_address, {})[charge.id] = None
        self._sharing.move(charge, before, last)

    def _board(self, tunnel_id: str, hosts: set[str]) -> None:
        known = self._hosts.get(tunnel_id, set())
        for left in known - hosts:
            _take_out(self._aboard, left, tunnel_id)
        for entered in hosts - known:
            self._aboard.setdefault(entered, {})[tunnel_id] = None
        self._hosts[tunnel_id] = hosts
        if not hosts:
            del self._hosts[tunnel_id]


def _contacting(charge: Charge) -> bool:
    """Whether an exchange of it can be a first contact."""
    return charge.host is None and not charge.actual.carrying


def _take_out(groups: dict[str, Group], key: str, tunnel_id: str) -> None:
    group = groups.get(key, {})
    group.pop(tunnel_id, None)
    if not group:
        groups.pop(key, None)
