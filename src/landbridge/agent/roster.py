"""All tunnels of one router, by id, by peer and by what a peer can tell apart.

Rules this module keeps:
- Every question about one tunnel is answered without a walk through all of them.
- Of tunnels that a peer cannot tell apart (same addresses, ids and version) the first keeps
  its place and is host to those of the others that fit (`landbridge.agent.lodging`); the rest
  are faults that name what they collide with, until it leaves. The same goes for tunnels with
  the same identities and another PSK, wherever their peers are: charon looks a secret up by
  identities only.
- First is who came first, or, after a restart of the agent, whose configuration charon has.
- Of those that share identities the first makes its first contact alone: a peer that is told of
  a first contact (RFC 7296 section 2.4) forgets what it has with those identities. Guests make
  none.
- A tunnel that is switched off stands in nobody's way.
- At most `MOST_AT_ONCE` exchanges are open with one peer, over all its tunnels.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator

import msgspec

from landbridge.agent.addressbook import Place
from landbridge.agent.charge import Charge
from landbridge.agent.dataplane import Backend, TunnelNet
from landbridge.agent.lodging import Arrangement, arrange
from landbridge.agent.plan import MOST_AT_ONCE
from landbridge.agent.swan import Target
from landbridge.model import Reason, ReasonCode, Tunnel

Group = dict[str, None]  # ids, in the order of their coming


class Roster:
    """`mark` is told of each tunnel that wants a look because of another one."""

    def __init__(self, backend: Backend, mark: Callable[[str], None]) -> None:
        self._backend = backend
        self._mark = mark
        self._charges: dict[str, Charge] = {}
        self._contacts: dict[str, Group] = {}
        self._peers: dict[str, Group] = {}
        self._owners: dict[str, Group] = {}
        self._clashing: dict[str, str] = {}  # with whose secret theirs cannot be
        self._configured: set[str] = set()  # in charon, when it was adopted
        self._aboard: dict[str, Group] = {}  # by host
        self._hosts: dict[str, set[str]] = {}  # by who is aboard
        self.nets: dict[str, TunnelNet] = {}

    def __iter__(self) -> Iterator[Charge]:
        return iter(tuple(self._charges.values()))

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
        before = charge.own
        charge.wanted = tunnel
        if tunnel is not None and switched_off:
            tunnel = msgspec.structs.replace(tunnel, admin_state_up=False)
        charge.want(tunnel, place)
        self._move(charge.id, before, charge.own)
        self.refresh(charge)

    def forget(self, charge: Charge) -> None:
        self._move(charge.id, charge.own, None)
        self._board(charge.id, set())
        self._charges.pop(charge.id, None)
        self.nets.pop(charge.id, None)

    def adopt(self, configured: Collection[str]) -> None:
        """These have a configuration in charon: they keep their places before others."""
        self._configured = set(configured)
        for contact in tuple(self._contacts):
            self._arrange(contact, "")

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
            other.attempts_open and _contacting(other) for other in self._sharing(charge)
        ):
            return 0
        return max(0, MOST_AT_ONCE - sum(c.attempts_open for c in self.with_peer(peer)))

    def begin_attempt(self, charge: Charge) -> None:
        """Whatever it tells counts more than what is known, also for guests that it is for."""
        charge.remarks.blame.grow_old()
        for guest in self.aboard(charge.id):
            if not guest.actual.carrying:
                guest.remarks.blame.grow_old()

    def let_others_in(self, charge: Charge) -> None:
        """An exchange with the tunnel's peer is over: those that wait may begin theirs."""
        peer = charge.target.peer_address if charge.target else ""
        for other in dict.fromkeys((*self.with_peer(peer), *self._sharing(charge))):
            if other is not charge and other.waiting:
                self._mark(other.id)

    def let_guests_in(self, charge: Charge) -> None:
        """The tunnel's configuration is loaded: its guests may begin."""
        for guest in self.aboard(charge.id):
            if guest.waiting:
                self._mark(guest.id)

    def _sharing(self, charge: Charge) -> tuple[Charge, ...]:
        """The others with the same identities."""
        group = self._owners.get(charge.target.identities if charge.target else "", ())
        return tuple(self._charges[each] for each in group if each != charge.id)

    def _board(self, tunnel_id: str, hosts: set[str]) -> None:
        known = self._hosts.get(tunnel_id, set())
        for left in known - hosts:
            _take_out(self._aboard, left, tunnel_id)
        for entered in hosts - known:
            self._aboard.setdefault(entered, {})[tunnel_id] = None
        self._hosts[tunnel_id] = hosts
        if not hosts:
            del self._hosts[tunnel_id]

    def _move(self, tunnel_id: str, before: Target | None, after: Target | None) -> None:
        """From group to group. A group that it stays in keeps its order."""
        if before is not None and (after is None or after.peer_address != before.peer_address):
            _take_out(self._peers, before.peer_address, tunnel_id)
        if after is not None:
            self._peers.setdefault(after.peer_address, {})[tunnel_id] = None
        was, now = _present(before), _present(after)
        contacts: Group = {}
        if was is not None:
            self._leave(tunnel_id, was, now)
            contacts |= {was.contact: None}
        if now is not None:
            self._owners.setdefault(now.identities, {})[tunnel_id] = None
            self._contacts.setdefault(now.contact, {})[tunnel_id] = None
            contacts |= {now.contact: None}
        for each in (was, now):
            contacts |= self._compare_secrets(each.identities) if each else {}
        for contact in contacts:
            self._arrange(contact, tunnel_id)

    def _leave(self, tunnel_id: str, was: Target, now: Target | None) -> None:
        if now is None or now.identities != was.identities:
            _take_out(self._owners, was.identities, tunnel_id)
            self._clashing.pop(tunnel_id, None)
        if now is None or now.contact != was.contact:
            _take_out(self._contacts, was.contact, tunnel_id)
            self._configured.discard(tunnel_id)

    def _compare_secrets(self, identities: str) -> Group:
        """All with these identities against the first of them. The contacts that this changes."""
        group = [self._charges[each] for each in self._owners.get(identities, ())]
        changed: Group = {}
        for charge in group:
            other = group[0].id if _psk(charge) != _psk(group[0]) else None
            if self._clashing.get(charge.id) != other and charge.own:
                changed[charge.own.contact] = None
            if other is None:
                self._clashing.pop(charge.id, None)
            else:
                self._clashing[charge.id] = other
        return changed

    def _arrange(self, contact: str, by: str) -> None:
        """Who runs, and on whose IKE_SA. `by`: the tunnel that is about to be looked at."""
        group = [self._charges[each] for each in self._contacts.get(contact, ())]
        group.sort(key=lambda charge: charge.id not in self._configured)
        before = [_standing(charge) for charge in group]
        fit = []
        for charge in group:
            other = self._clashing.get(charge.id)
            if other is not None:
                charge.refuse(_other_secret(other))
            elif charge.own is not None:
                fit.append(charge.own)
        if fit:
            self._place(arrange(fit))
        for charge, was in zip(group, before, strict=True):
            self.refresh(charge)
            if charge.id != by and _standing(charge) != was:
                self._mark(charge.id)

    def _place(self, arranged: Arrangement) -> None:
        host = self._charges[arranged.host.tunnel_id]
        host.stand(arranged.guests)
        for guest in arranged.guests:
            self._charges[guest.tunnel_id].ride(host)
        for tunnel_id, reason in arranged.refused.items():
            self._charges[tunnel_id].refuse(reason)


def _psk(charge: Charge) -> str:
    return charge.tunnel.psk.value if charge.tunnel else ""


def _present(target: Target | None) -> Target | None:
    return target if target is not None and target.admin_state_up else None


def _contacting(charge: Charge) -> bool:
    """Whether an exchange of it can be a first contact."""
    return charge.host is None and not charge.actual.carrying


def _standing(charge: Charge) -> object:
    """What a tunnel wants a look for when it changes. A guest leaves its host's load-conn alone."""
    target = charge.target
    if target is None or target.host:
        return target and (target.name, target.children)
    return target.name, target.digest, charge.fault


def _take_out(groups: dict[str, Group], key: str, tunnel_id: str) -> None:
    group = groups.get(key, {})
    group.pop(tunnel_id, None)
    if not group:
        groups.pop(key, None)


def _other_secret(first: str) -> Reason:
    return Reason(
        code=ReasonCode.COLLISION,
        message=f"Connection {first} has the same local and peer ID and another PSK; a secret is "
        "looked up by the IDs only. Give both the same PSK, or one of them other IDs.",
    )
