"""All tunnels of one router, by id, by peer and by what a peer can tell apart.

Rules this module keeps:
- Every question about one tunnel is answered without a walk through all of them.
- Of tunnels that a peer cannot tell apart (same addresses, ids and version) the first keeps
  its place; the others are faults that name it, until it leaves. The same goes for tunnels with
  the same peer ID and another PSK, wherever their peers are, and for IKEv1's main mode between the
  same addresses: charon looks a secret up by these only (decision 024).
- Of those that share identities the first makes its first contact alone: a peer that is told of
  a first contact (RFC 7296 section 2.4) forgets what it has with those identities.
- A tunnel that is switched off stands in nobody's way.
- At most `MOST_AT_ONCE` exchanges are open with one peer, over all its tunnels.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import msgspec

from landbridge.agent.addressbook import Place
from landbridge.agent.charge import Charge
from landbridge.agent.dataplane import Backend, TunnelNet
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
        self._lookups: dict[str, Group] = {}
        self._clashing: set[str] = set()  # those whose fault is another one's secret
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
        before = charge.target
        charge.wanted = tunnel
        self._clashing.discard(tunnel_id)
        if tunnel is not None and switched_off:
            tunnel = msgspec.structs.replace(tunnel, admin_state_up=False)
        charge.want(tunnel, place)
        self._move(charge.id, before, charge.target)
        if charge.target is not None:
            self._settle(charge, charge.target)
        self.refresh(charge)

    def forget(self, charge: Charge) -> None:
        self._move(charge.id, charge.target, None)
        self._charges.pop(charge.id, None)
        self._clashing.discard(charge.id)
        self.nets.pop(charge.id, None)

    def refresh(self, charge: Charge) -> None:
        """Bring `nets` up to date with one tunnel."""
        net = charge.net()
        if net is None:
            self.nets.pop(charge.id, None)
        else:
            self.nets[charge.id] = net

    def with_peer(self, peer_address: str) -> tuple[Charge, ...]:
        return tuple(self._charges[each] for each in self._peers.get(peer_address, ()))

    def allowed(self, charge: Charge) -> int:
        """How many more exchanges the tunnel's peer can be asked for now."""
        peer = charge.target.peer_address if charge.target else ""
        if not charge.actual.carrying and any(
            other.attempts_open and not other.actual.carrying for other in self._sharing(charge)
        ):
            return 0
        return max(0, MOST_AT_ONCE - sum(c.attempts_open for c in self.with_peer(peer)))

    def let_others_in(self, charge: Charge) -> None:
        """An exchange with the tunnel's peer is over: those that wait may begin theirs."""
        peer = charge.target.peer_address if charge.target else ""
        for other in dict.fromkeys((*self.with_peer(peer), *self._sharing(charge))):
            if other is not charge and other.waiting:
                self._mark(other.id)

    def _sharing(self, charge: Charge) -> tuple[Charge, ...]:
        """The others with the same identities."""
        group = self._owners.get(charge.target.identities if charge.target else "", ())
        return tuple(self._charges[each] for each in group if each != charge.id)

    def _move(self, tunnel_id: str, before: Target | None, after: Target | None) -> None:
        """Leave the groups that it is in no more. A group that it stays in keeps its order."""
        if before is None:
            return
        if after is None or after.peer_address != before.peer_address:
            _take_out(self._peers, before.peer_address, tunnel_id)
        present = after is not None and after.admin_state_up
        if after is None or not present or after.contact != before.contact:
            heir = _take_out(self._contacts, before.contact, tunnel_id)
            if heir is not None:
                self._charges[heir].fault = None
                self._clashing.discard(heir)
                self._mark(heir)
        if after is None or not present or after.identities != before.identities:
            _take_out(self._owners, before.identities, tunnel_id)
        for lookup in before.lookups:
            if after is None or not present or lookup not in after.lookups:
                _take_out(self._lookups, lookup, tunnel_id)
                self._compare_secrets(lookup)

    def _settle(self, charge: Charge, target: Target) -> None:
        self._peers.setdefault(target.peer_address, {})[charge.id] = None
        if not target.admin_state_up:
            return
        self._owners.setdefault(target.identities, {})[charge.id] = None
        for lookup in target.lookups:
            self._lookups.setdefault(lookup, {})[charge.id] = None
        place = self._contacts.setdefault(target.contact, {})
        place[charge.id] = None
        first = next(iter(place))
        if first != charge.id:
            charge.fault = _collision(first)
        for lookup in target.lookups:
            self._compare_secrets(lookup)

    def _compare_secrets(self, lookup: str) -> None:
        """All that charon finds by it."""
        for tunnel_id in self._lookups.get(lookup, ()):
            charge = self._charges[tunnel_id]
            clash = self._clash(charge)
            if clash is not None and charge.fault is None:
                charge.fault = clash
                self._clashing.add(charge.id)
                self._mark(charge.id)
            elif charge.id in self._clashing and clash is None:
                charge.fault = None
                self._clashing.discard(charge.id)
                self._mark(charge.id)

    def _clash(self, charge: Charge) -> Reason | None:
        """Told where another one came first, is found by the same and has another PSK."""
        if charge.target is None:
            return None
        for lookup in charge.target.lookups:
            group = self._lookups.get(lookup, {})
            first = self._charges[next(iter(group), charge.id)]
            if _psk(charge) != _psk(first) and self._counts(lookup, group):
                return _other_secret(first, by_address=lookup != charge.target.lookups[0])
        return None

    def _counts(self, lookup: str, group: Group) -> bool:
        """Addresses do where one does not say who it is before a secret is needed."""
        targets = (self._charges[each].target for each in group)
        return any(
            target is not None and (target.by_address or target.lookups[0] == lookup)
            for target in targets
        )


def _psk(charge: Charge) -> str:
    return charge.tunnel.psk.value if charge.tunnel else ""


def _take_out(groups: dict[str, Group], key: str, tunnel_id: str) -> str | None:
    """Who is first in the group now."""
    group = groups.get(key, {})
    group.pop(tunnel_id, None)
    if not group:
        groups.pop(key, None)
        return None
    return next(iter(group))


def _collision(first: str) -> Reason:
    return Reason(
        code=ReasonCode.COLLISION,
        message=f"Connection {first} has the same addresses, IDs and IKE version; "
        "the peer cannot tell the two apart. Put their CIDRs into one connection.",
    )


def _other_secret(first: Charge, *, by_address: bool) -> Reason:
    same = "addresses, IKEv1 as well" if by_address else "peer ID"
    found = "addresses, with IKEv1," if by_address else "peer's ID"
    other = "IKEv2" if by_address else "another peer ID"
    return Reason(
        code=ReasonCode.COLLISION,
        message=f"Connection {first.id} has the same {same} and another PSK; a secret is looked up "
        f"by the {found} only. Give both the same PSK, or one of them {other}.",
    )
