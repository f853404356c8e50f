"""What one tunnel is to those that share its IKE_SA: by itself, host, guest, refused, or a host
that has gone.

Rules this module keeps:
- It runs with a configuration of its own, with the children of guests in it where there are
  any, or as the guest of another tunnel (`landbridge.agent.plan.attachment`); which of them,
  `landbridge.agent.reconcile.ike_sharing` says.
- A shelter is what a tunnel that is switched off or deleted goes on with for its guests: its
  last configuration, without children of its own.
"""

from __future__ import annotations

from landbridge.agent.charon import connection_config
from landbridge.agent.dataplane.dataplane import Backend
from landbridge.agent.plan import attachment
from landbridge.agent.status.reasons import TunnelReasons
from landbridge.agent.tunnels.desired import Target
from landbridge.model.objects import Reason, Tunnel, TunnelStatus


class Lodger:
    def __init__(self, tunnel_id: str, backend: Backend, remarks: TunnelReasons) -> None:
        self.id = tunnel_id
        self.remarks = remarks
        self._backend = backend
        #: As it is run: switched off with its router, its peer's name resolved.
        self.tunnel: Tunnel | None = None
        self.own: Target | None = None  # by itself
        self.target: Target | None = None  # as it is run: with guests, or as one
        self.trial: Target | None = None  # `target`, or it with an older secret
        self.host: Lodger | None = None  # whose guest it is
        self.fault: Reason | None = None  # terminal: not tried
        self.status: TunnelStatus | None = None
        self.bare: Target | None = None  # of a shelter, without guests
        self.offered: Target | None = None  # what guests, if any, are to run with
        self._guests: tuple[Target, ...] = ()
        self._shelter: Tunnel | None = None

    def stand(self, guests: tuple[Target, ...]) -> None:
        """Run on an IKE_SA of its own, with `guests`; or let it be theirs alone (`shelter`)."""
        present = self.bare or self.own
        self._guests = guests
        self.offered = attachment.with_attached(present, guests) if present else None
        if self.bare is None:
            self.remarks.refused(False)
            self.fault, self.host, self.target = None, None, self.offered

    def ride(self, host: Lodger) -> None:
        """Run on the IKE_SA of `host`, who has it among its guests."""
        self.remarks.refused(False)
        self.fault, self.host, self._guests, self.offered = None, host, (), None
        self.target = self.riding(host.offered)

    def riding(self, there: Target | None) -> Target | None:
        return attachment.attached_to(self.own, there) if self.own and there else None

    def refuse(self, fault: Reason) -> None:
        """Do not run: another tunnel is in its way. What is up stays."""
        self.remarks.refused(True)
        self.fault, self.host, self._guests, self.offered = fault, None, (), None
        self.target = self.own

    def shelter(self, tunnel: Tunnel | None) -> str | None:
        """Serve guests as `tunnel`, though it is not wanted itself; None: no more. The contact."""
        self._shelter, self._guests = tunnel, ()
        self.bare = (
            attachment.without_children(connection_config.target(tunnel, self._backend))
            if tunnel
            else None
        )
        self.offered = self.bare or self.own
        return self.bare.contact if self.bare else None

    @property
    def running(self) -> Tunnel | None:
        """What it runs as, for itself or for others."""
        present = self._shelter or self.tunnel
        return present if present is not None and present.admin_state_up else None

    @property
    def tried(self) -> Target | None:
        """What its guests run with at present: it may be tried with an older secret."""
        if self.trial is None or self.offered is None or self.trial.name == self.offered.name:
            return self.offered
        return self.offered if self.bare else attachment.with_attached(self.trial, self._guests)

    @property
    def served_by(self) -> tuple[str, ...]:
        """The names of the IKE_SAs that serve it though they are its host's."""
        known = (self.host.offered, self.host.trial) if self.host else ()
        return tuple(each.name for each in known if each is not None)
