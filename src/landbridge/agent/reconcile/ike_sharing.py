"""Which tunnels of one router share an IKE_SA: groups, recomputed and applied to their tunnels.

Rules this module keeps:
- A group is recomputed as a whole (`landbridge.agent.plan.ike_sharing.share`) when one of its
  tunnels comes, changes or goes, and when it is seen what a tunnel that leaves still carries.
- Its tunnels get the result as frozen values (`Attachment`). Those that have to run otherwise than
  before are marked for a look.
- The order of claims is that of coming. After a restart of the agent, tunnels whose configuration
  charon has come before others, and those before whose CHILD_SAs are all up.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping

import msgspec

from landbridge.agent.plan.ike_sharing import Member, SharedIkeSa, share
from landbridge.agent.reconcile.attachment import (
    Attachment,
    alone,
    attached_to_owner,
    in_conflict,
    owning,
    retaining,
)
from landbridge.agent.reconcile.groups import Groups
from landbridge.agent.reconcile.secret_conflicts import SecretConflicts
from landbridge.agent.reconcile.tunnel import ManagedTunnel


class IkeSharing:
    """`tunnels`: all of the router, by id. `mark` is called with each that has to run otherwise
    because of another one."""

    def __init__(self, tunnels: Mapping[str, ManagedTunnel], mark: Callable[[str], None]) -> None:
        self._tunnels = tunnels
        self._mark = mark
        self._running = Groups()  # by contact
        self._leaving = Groups()
        self._shared: dict[str, SharedIkeSa] = {}
        self._secrets = SecretConflicts(tunnels)

    def follow(self, tunnel_id: str) -> None:
        """The tunnel is wanted otherwise than before."""
        contacts = self._running.set(tunnel_id, _contact(self._tunnels[tunnel_id].member))
        contacts |= self._leaving.set(tunnel_id, _contact(self._tunnels[tunnel_id].leaver))
        for each in self._secrets.follow(tunnel_id):
            contacts |= self._running.keys_of(each)
        for contact in contacts:
            self._share(contact, tunnel_id)

    def review(self, tunnel_id: str) -> None:
        """It was seen what charon has of the tunnel: does its IKE_SA serve others though it is
        leaving?"""
        leaver = self._tunnels[tunnel_id].leaver
        for contact in self._leaving.set(tunnel_id, _contact(leaver)):
            self._share(contact, tunnel_id)

    def forget(self, tunnel_id: str) -> None:
        """The tunnel, which is not wanted, is gone."""
        contacts = self._running.set(tunnel_id, ()) | self._leaving.set(tunnel_id, ())
        for contact in contacts:
            self._share(contact, tunnel_id)

    def adopt(self, configured: Collection[str]) -> None:
        """All were looked at for the first time. charon has a configuration of these."""

        def claim(tunnel_id: str) -> tuple[bool, bool]:
            return tunnel_id not in configured, not self._tunnels[tunnel_id].facts.is_complete

        for tunnel_id, tunnel in self._tunnels.items():
            self._leaving.set(tunnel_id, _contact(tunnel.leaver))
        for contact, last in tuple(self._shared.items()):
            order = tuple(sorted(last.order, key=claim))
            self._shared[contact] = msgspec.structs.replace(last, order=order)
            self._share(contact)

    def _share(self, contact: str, changed: str = "") -> None:
        members = {each: self._tunnels[each].member for each in self._running.of(contact)}
        leaving = {each: self._tunnels[each].leaver for each in self._leaving.of(contact)}
        here = {each: found for each, found in members.items() if found is not None}
        left = {each: found for each, found in leaving.items() if found is not None}
        last = self._shared.get(contact, SharedIkeSa())
        shared = share(last, here, left, self._secrets.reasons, changed)
        self._shared[contact] = shared
        if not shared.order and not left:
            del self._shared[contact]
        self._apply(shared, last, here, left, changed)

    def _apply(
        self,
        shared: SharedIkeSa,
        last: SharedIkeSa,
        members: Mapping[str, Member],
        leaving: Mapping[str, Member],
        changed: str,
    ) -> None:
        retained = shared.owner if shared.retained else ""
        for each in {last.owner, *leaving} - {retained}:
            if each in self._tunnels and not self._running.keys_of(each):
                self._attach(each, alone(self._tunnels[each].facts.wanted.own), changed)
        attached = tuple(members[each].target for each in shared.attached)
        if shared.retained:
            ran, own = leaving[shared.owner], self._tunnels[shared.owner].facts.wanted.own
            self._attach(shared.owner, retaining(own, ran, attached), changed)
        elif shared.owner:
            self._attach(shared.owner, owning(members[shared.owner].target, attached), changed)
        for each in shared.attached:
            owner = self._tunnels[shared.owner]
            self._attach(each, attached_to_owner(members[each].target, owner), changed)
        for each, reason in shared.refused.items():
            self._attach(each, in_conflict(members[each].target, reason), changed)

    def _attach(self, tunnel_id: str, attachment: Attachment, changed: str) -> None:
        """The one that has `changed` is looked at anyhow."""
        if self._tunnels[tunnel_id].attach(attachment) and tunnel_id != changed:
            self._mark(tunnel_id)


def _contact(member: Member | None) -> tuple[str, ...]:
    return (member.target.contact,) if member is not None else ()
