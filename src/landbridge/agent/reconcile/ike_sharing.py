"""Which tunnels of a router share identities, secrets and IKE_SAs, and who is host to whom.

Rules this module keeps:
- Of tunnels that a peer cannot tell apart (same addresses, ids and version) the first keeps
  its place and is host to those of the others that fit (`agent.plan.attachment`); the rest
  are faults that name what they collide with, until it leaves. The same goes for tunnels with
  the same peer ID and another PSK, wherever their peers are, and for IKEv1's main mode between the
  same addresses: charon looks a secret up by these only (decision 024).
- First is who came first, or, after a restart of the agent, whose configuration charon has. Of
  two guests that do not fit the one that changed last gives way, or, after a restart, the one
  whose children are not all up.
- A tunnel that is switched off or deleted stands in nobody's way. As long as its IKE_SA carries
  guests, it goes on being their host, without children of its own, so that none of theirs is
  touched. It is in nobody's way: when the first of the others does not fit it any more, or the
  IKE_SA is gone, that one becomes host.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping

import msgspec

from landbridge.agent.plan.ike_sharing import Arrangement, arrange, differing
from landbridge.agent.reconcile.tunnel import ManagedTunnel
from landbridge.agent.tunnels.coverage import uncovered
from landbridge.agent.tunnels.desired import Target
from landbridge.impact.conflicts import is_same_psk
from landbridge.model.objects import Reason, ReasonCode, Tunnel

Group = dict[str, None]  # ids, in the order of their coming


class Sharing:
    """`managed_tunnels`: all, by id. `mark` is told of each whose part changes because of
    another."""

    def __init__(
        self, managed_tunnels: Mapping[str, ManagedTunnel], mark: Callable[[str], None]
    ) -> None:
        self._managed_tunnels = managed_tunnels
        self._mark = mark
        self._contacts: dict[str, Group] = {}
        self._owners: dict[str, Group] = {}
        self._lookups: dict[str, Group] = {}
        self._clashing: dict[str, Reason] = {}  # those whose fault is another one's secret
        self._settled: set[str] = set()  # those whose configuration others ride on already
        self._shelters: dict[str, ManagedTunnel] = {}  # by contact

    def others(self, managed: ManagedTunnel) -> tuple[ManagedTunnel, ...]:
        """Those with the same identities."""
        group = self._owners.get(managed.target.identities if managed.target else "", ())
        return tuple(self._managed_tunnels[each] for each in group if each != managed.id)

    def move(self, managed: ManagedTunnel, before: Target | None, last: Tunnel | None) -> None:
        """It was wanted as `before` and is as `managed.own`; it has run as `last`."""
        was, now = _present(before), _present(managed.own)
        contacts = self._end_shelter(managed, now)
        if was is not None:
            contacts |= self._leave(managed.id, was, now)
        if now is not None:
            self._owners.setdefault(now.identities, {})[managed.id] = None
            for lookup in now.lookups:
                self._lookups.setdefault(lookup, {})[managed.id] = None
            self._enter(managed.id, now.contact)
            contacts |= {now.contact: None, **self._compare_secrets(now.lookups)}
        elif last is not None and (before is not None or contacts):
            self._begin_shelter(managed, last)
        for contact in contacts:
            self._arrange(contact, managed.id)

    def adopt(self, configured: Collection[str]) -> None:
        """All have been looked at for the first time; these have a configuration in charon."""
        self._settled = set(configured)
        for contact, group in tuple(self._contacts.items()):
            self._contacts[contact] = dict.fromkeys(sorted(group, key=self._is_short))
            self._arrange(contact, "")
        for managed in tuple(self._managed_tunnels.values()):
            self.review(managed)

    def _is_short(self, tunnel_id: str) -> bool:
        managed = self._managed_tunnels[tunnel_id]
        return managed.own is None or bool(uncovered(managed.own.pairs, managed.actual.carrying))

    def review(self, managed: ManagedTunnel) -> None:
        """Its SAs have been looked at: does it serve others though it is not wanted?"""
        contact = next((k for k, each in self._shelters.items() if each is managed), None)
        if contact is not None:
            if not self._sheltered(managed, contact):
                self._arrange(contact, managed.id)
        elif managed.tunnel is not None and managed.own is not None and not _present(managed.own):
            contact = self._begin_shelter(managed, managed.tunnel)
            if contact is not None:
                self._arrange(contact, managed.id)

    def _enter(self, tunnel_id: str, contact: str) -> None:
        """As the last one of those who run, but for the host, who keeps its place."""
        group = self._contacts.get(contact, {})
        first = next(iter(self._claims(contact)), tunnel_id)
        if tunnel_id in group and contact not in self._shelters and first == tunnel_id:
            return
        others = [self._managed_tunnels[each] for each in group if each != tunnel_id]
        running = [each.id for each in others if each.fault is None]
        refused = [each.id for each in others if each.fault is not None]
        self._contacts[contact] = dict.fromkeys((*running, tunnel_id, *refused))

    def _claims(self, contact: str) -> list[str]:
        """Who may run, the host or who would be it first."""
        fit = [each for each in self._contacts.get(contact, ()) if each not in self._clashing]
        return sorted(fit, key=lambda tunnel_id: tunnel_id not in self._settled)

    def _leave(self, tunnel_id: str, was: Target, now: Target | None) -> Group:
        if now is None or now.contact != was.contact:
            _take_out(self._contacts, was.contact, tunnel_id)
            self._settled.discard(tunnel_id)
        if now is None or now.identities != was.identities:
            _take_out(self._owners, was.identities, tunnel_id)
        for lookup in was.lookups:
            if now is None or lookup not in now.lookups:
                _take_out(self._lookups, lookup, tunnel_id)
        self._clashing.pop(tunnel_id, None)
        return {was.contact: None, **self._compare_secrets(was.lookups)}

    def _compare_secrets(self, lookups: Iterable[str]) -> Group:
        """All that charon finds a secret of by these. The contacts that this changes."""
        found = (tunnel_id for each in lookups for tunnel_id in self._lookups.get(each, ()))
        changed: Group = {}
        for managed in [self._managed_tunnels[tunnel_id] for tunnel_id in dict.fromkeys(found)]:
            clash = self._clash(managed)
            if self._clashing.get(managed.id) != clash and managed.own:
                changed[managed.own.contact] = None
            if clash is None:
                self._clashing.pop(managed.id, None)
            else:
                self._clashing[managed.id] = clash
        return changed

    def _clash(self, managed: ManagedTunnel) -> Reason | None:
        """Told where another one came first, is found by the same and has another PSK."""
        if managed.own is None:
            return None
        for lookup in managed.own.lookups:
            group = self._lookups.get(lookup, {})
            first = self._managed_tunnels[next(iter(group), managed.id)]
            if _has_another_psk(managed, first) and self._counts(lookup, group):
                return _other_secret(first.id, by_address=lookup != managed.own.lookups[0])
        return None

    def _counts(self, lookup: str, group: Group) -> bool:
        """Addresses do where one does not say who it is before a secret is needed."""
        known = (self._managed_tunnels[each].own for each in group)
        return any(
            each is not None and (each.by_address or each.lookups[0] == lookup) for each in known
        )

    # Shelters ----------------------------------------------------------------------------

    def _begin_shelter(self, managed: ManagedTunnel, last: Tunnel) -> str | None:
        """The contact that it goes on to serve, if any. It is arranged by the caller."""
        contact = managed.shelter(msgspec.structs.replace(last, admin_state_up=True))
        if contact is None or contact in self._shelters or not self._sheltered(managed, contact):
            managed.shelter(None)
            return None
        self._shelters[contact] = managed
        self._settled.add(managed.id)
        return contact

    def _sheltered(self, managed: ManagedTunnel, contact: str) -> bool:
        """Whether anybody needs it, and who else would be host can do with it."""
        claims = [self._managed_tunnels[each] for each in self._claims(contact)]
        shelter = managed.bare
        if shelter is None or not claims:
            return False
        here = [sa for sa in managed.actual.sas if sa.name == shelter.name and sa.live]
        elsewhere = [sa for sa in managed.actual.sas if sa.name != shelter.name]
        heir = claims[0]
        return (
            any(sa.others & {each.id for each in claims} for sa in here)
            and not any(sa.children for sa in elsewhere)
            and heir.own is not None
            and differing(heir.own, shelter) is None
            and managed.running is not None
            and (heir.tunnel is None or is_same_psk(managed.running, heir.tunnel))
        )

    def _end_shelter(self, managed: ManagedTunnel, now: Target | None = None) -> Group:
        """The contact that it has served."""
        served = [contact for contact, each in self._shelters.items() if each is managed]
        for contact in served:
            shelter = self._shelters.pop(contact).offered
            if now is None or shelter is None or now.name != shelter.name:
                self._settled.discard(managed.id)
        managed.shelter(None)
        return dict.fromkeys(served)

    # Who runs ----------------------------------------------------------------------------

    def _arrange(self, contact: str, by: str) -> None:
        """Who runs, and on whose IKE_SA. `by`: the tunnel that is about to be looked at."""
        shelter = self._shelters.get(contact)
        if shelter is not None and not self._sheltered(shelter, contact):
            self._end_shelter(shelter)
            self._mark(shelter.id)
            shelter = None
        group = [self._managed_tunnels[each] for each in self._contacts.get(contact, ())]
        concerned = [*group, *([shelter] if shelter else [])]
        before = [_standing(managed) for managed in concerned]
        claims = [shelter.bare] if shelter and shelter.bare else []
        fit = (self._managed_tunnels[each].own for each in self._claims(contact))
        claims += [each for each in fit if each]
        for managed in group:
            if managed.id in self._clashing:
                managed.refuse(self._clashing[managed.id])
        if claims:
            self._place(arrange(claims))
        for managed, was in zip(concerned, before, strict=True):
            if managed.id != by and _standing(managed) != was:
                self._mark(managed.id)

    def _place(self, arranged: Arrangement) -> None:
        host = self._managed_tunnels[arranged.owner.tunnel_id]
        host.stand(arranged.attached)
        for guest in arranged.attached:
            self._managed_tunnels[guest.tunnel_id].ride(host)
        for tunnel_id, reason in arranged.refused.items():
            self._managed_tunnels[tunnel_id].refuse(reason)


def _has_another_psk(managed: ManagedTunnel, other: ManagedTunnel) -> bool:
    if managed.tunnel is None or other.tunnel is None:
        return managed.tunnel is not other.tunnel
    return not is_same_psk(managed.tunnel, other.tunnel)


def _present(target: Target | None) -> Target | None:
    return target if target is not None and target.admin_state_up else None


def _standing(managed: ManagedTunnel) -> object:
    """What a tunnel wants a look for when it changes. A guest leaves its host's load-conn alone."""
    target = managed.offered if managed.bare else managed.target
    if target is None or target.owner:
        return target and (target.name, target.children)
    return target.name, target.digest, managed.fault


def _take_out(groups: dict[str, Group], key: str, tunnel_id: str) -> None:
    group = groups.get(key, {})
    group.pop(tunnel_id, None)
    if not group:
        groups.pop(key, None)


def _other_secret(first: str, *, by_address: bool) -> Reason:
    same = "addresses, IKEv1 as well" if by_address else "peer ID"
    found = "addresses, with IKEv1," if by_address else "peer's ID"
    other = "IKEv2" if by_address else "another peer ID"
    return Reason(
        code=ReasonCode.COLLISION,
        message=f"Connection {first} has the same {same} and another PSK; a secret is looked up "
        f"by the {found} only. Give both the same PSK, or one of them {other}.",
    )
