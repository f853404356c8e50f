"""What one tunnel is to those that share its IKE_SA: a frozen value, replaced as a whole.

Rules this module keeps:
- A tunnel runs on an IKE_SA of its own, with the children of those attached to it, or it is
  attached to the owner of another IKE_SA, or it does not run because another one is in its way.
- A retained owner is not wanted, or switched off. It goes on with the configuration that it ran
  last, without children of its own, because its IKE_SA carries those of others.
- Which of them a tunnel is, `landbridge.agent.reconcile.ike_sharing` says.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from landbridge.agent.plan.attachment import attached_to, with_attached, without_children
from landbridge.agent.plan.ike_sharing import Member
from landbridge.agent.tunnels.desired import Target
from landbridge.model.status import Reason, TunnelStatus
from landbridge.model.tunnel import Tunnel


class Owner(Protocol):
    """The tunnel whose IKE_SA others are attached to."""

    @property
    def id(self) -> str: ...
    @property
    def status(self) -> TunnelStatus | None: ...
    @property
    def offered(self) -> Target | None:
        """What attached tunnels run with, as wanted."""

    @property
    def offered_now(self) -> Target | None:
        """The same at present: it may be tried with an older secret."""


@dataclass(frozen=True)
class Attachment:
    """`target`: the tunnel as it is to be run; None: it cannot be. `offered`: what those attached
    to it run with. `retained`: as what it goes on for others."""

    target: Target | None = None
    offered: Target | None = None
    attached: tuple[Target, ...] = ()
    owner: Owner | None = None
    conflict: Reason | None = None
    retained: Tunnel | None = None

    @property
    def run(self) -> object:
        """What the tunnel wants a look for when it changes. An attached one does not load the
        connection, so that another digest is nothing to it."""
        target = self.offered if self.retained else self.target
        if target is None or target.owner:
            return target and (target.name, target.children)
        return target.name, target.digest, self.conflict


def alone(own: Target | None) -> Attachment:
    return Attachment(target=own, offered=own)


def owning(own: Target, attached: tuple[Target, ...]) -> Attachment:
    """`attached`: the others by themselves."""
    target = with_attached(own, attached)
    return Attachment(target=target, offered=target, attached=attached)


def attached_to_owner(own: Target, owner: Owner) -> Attachment:
    """`owner` has `own` among those attached to it."""
    there = owner.offered
    return Attachment(target=attached_to(own, there) if there else own, owner=owner)


def in_conflict(own: Target, reason: Reason) -> Attachment:
    """Another tunnel is in its way. What is up stays."""
    return Attachment(target=own, conflict=reason)


def retaining(own: Target | None, last: Member, attached: tuple[Target, ...]) -> Attachment:
    """`own`: None where the tunnel is not wanted. `last`: as it ran last."""
    offered = with_attached(without_children(last.target), attached)
    return Attachment(target=own, offered=offered, attached=attached, retained=last.tunnel)
