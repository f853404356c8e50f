"""One tunnel as its router manages it: what is wanted of it and what is remembered.

Rules this module keeps:
- All of it can be lost: desired comes again from the server, actual from charon.
- What is told of it at any moment is put together here: what stands in its way, what charon's
  lines have told, what only time tells (`landbridge.agent.status.reasons`).
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

import msgspec

from landbridge.agent.charon import connection_config
from landbridge.agent.charon.event_parser import Hint
from landbridge.agent.charon.log_patterns import ANSWER
from landbridge.agent.dataplane.dataplane import Backend, TunnelNet
from landbridge.agent.dns.addressbook import Place, unresolved
from landbridge.agent.errors import Unsupported
from landbridge.agent.plan import attachment, ikev1_identity, psk_rotation
from landbridge.agent.plan.attempts import Memory, forced, recall
from landbridge.agent.reconcile.attachment import Lodger
from landbridge.agent.status import causes, tunnel_status
from landbridge.agent.status.causes import Cause
from landbridge.agent.status.reasons import TunnelReasons, waiting_for_owner
from landbridge.agent.tunnels import coverage
from landbridge.agent.tunnels.desired import Target
from landbridge.agent.tunnels.loaded import Loaded
from landbridge.agent.tunnels.observed import Actual
from landbridge.model.objects import (
    Reason,
    ReasonCode,
    Tunnel,
    TunnelEventKind,
    TunnelState,
    TunnelStatus,
)

_NO_SECRET: Final = Reason(
    code=ReasonCode.PSK_UNREADABLE,
    message="The server cannot read the pre-shared key: set psk again.",
)


class ManagedTunnel(Lodger):
    """`tunnel` None: it is to be taken away, and forgotten once nothing of it is left."""

    def __init__(
        self, tunnel_id: str, backend: Backend, clock: Callable[[], float] = time.monotonic
    ) -> None:
        super().__init__(tunnel_id, backend, TunnelReasons(clock))
        self._clock = clock
        self.wanted: Tunnel | None = None  # as the server says
        self._bygone: Tunnel | None = None
        self._proven: Tunnel | None = None  # see `trial.proven`
        self.secretless = False  # not tried: nobody has its secret
        self.undecided = False  # it is tried with several secrets in turn
        self.held: Reason | None = None  # not tried until its peer's name is resolved
        self.refusal = ""  # what charon has said against the last try
        self.memory = Memory()
        self.actual = Actual()
        self._fine = False

    def want(self, tunnel: Tunnel | None, place: Place | None = None) -> None:
        """`tunnel` as it is to be run, but for its peer's address, which is `place`'s (None:
        it is an address already)."""
        if tunnel and self.tunnel and tunnel.revision < self.tunnel.revision:
            self.memory = msgspec.structs.replace(self.memory, applied_revision=0)
        before, self.own, self.fault = self.own, None, None
        self.target, self.host = None, None
        self.held = self.remarks.lost_name = None
        self.tunnel = tunnel
        if tunnel is None:
            return
        self.tunnel = tunnel = self._located(tunnel, place) if place else tunnel
        try:
            self.own = self.target = connection_config.target(tunnel, self._backend)
        except Unsupported as error:
            self.fault = Reason(code=ReasonCode.UNSUPPORTED, message=str(error))
        self.remarks.blame.grow_old()
        if before and self.own and before.peer_address != self.own.peer_address:
            self.memory = msgspec.structs.replace(self.memory, resting=False)
            if place is not None:
                self._note_move(before.peer_address, self.own.peer_address)

    def _note_move(self, before: str, now: str) -> None:
        name = self.wanted.peer_address if self.wanted else ""
        if name not in (before, now):
            self.remarks.chronicle.note(
                TunnelEventKind.PEER_MOVED, f"{name} has moved from {before} to {now}."
            )

    def _located(self, tunnel: Tunnel, place: Place) -> Tunnel:
        if place.address is None:
            self.held = unresolved(tunnel.peer_address, place)
            return tunnel
        if place.failure:
            self.remarks.lost_name = unresolved(tunnel.peer_address, place)
        return msgspec.structs.replace(tunnel, peer_address=place.address)

    @property
    def plannable(self) -> bool:
        """Whether steps may be planned: to take it away always, to run it when all is known."""
        if self.tunnel is None or self._shelter is not None:
            return True
        if self.target is None or self.fault is not None or self.secretless:
            return False
        return self.held is None or not self.target.admin_state_up

    def address_in_use(self) -> str | None:
        """Of a tunnel whose peer's name is not resolved yet (the agent is new): where an SA of
        exactly this configuration has its peer."""
        if self.held is None or self.wanted is None or self.memory.applied_revision:
            return None
        for sa in self.actual.sas:
            there = msgspec.structs.replace(self.wanted, peer_address=sa.remote_host)
            if sa.live and connection_config.target(there, self._backend).name == sa.name:
                return sa.remote_host
        return None

    def look_back(self, loaded: Loaded, now: float) -> None:
        """Bring the memory up to what is observed, and choose what is tried."""
        self.secretless = self._is_secretless(loaded)
        if self._shelter is not None or self.host is not None:
            self.trial = self.riding(self.host.tried) if self.host else self.offered
            self.memory = recall(self.memory, self.trial, self.actual, now)
            self.undecided = False
            return
        known: tuple[Target, ...] = ()
        if self.target is not None and self.tunnel is not None:
            known = self._candidates(self.tunnel, self.target, loaded)
            known = tuple(attachment.with_attached(each, self._guests) for each in known)
        tried = next((each for each in known if each.name == self.memory.trial), self.target)
        self.memory = recall(self.memory, tried, self.actual, now)
        self.trial = None
        if known:
            self.trial, self.memory = psk_rotation.choose(known, self.memory, self.actual, now)
        turned = self.trial is not None and self.trial.name != known[0].name
        self.undecided = len(known) > 1 and (turned or not self.actual.carrying)

    def _is_secretless(self, loaded: Loaded) -> bool:
        """Whether its secret is known neither here nor to charon."""
        if self.target is None or self.target.secret_known or not self.target.admin_state_up:
            return False
        return self.host is None and self.target.secret_id not in loaded.secrets

    def _candidates(self, tunnel: Tunnel, target: Target, loaded: Loaded) -> tuple[Target, ...]:
        """What is wanted, and what to come back with while the peer does not take that."""
        if forced(self.memory, target):
            self._proven = self._bygone = None
            return (target,)
        return (
            *psk_rotation.candidates(target, tunnel, loaded, self._backend),
            *self._with_lost_secret(tunnel, target, loaded),
            *self._with_old_identities(tunnel, target),
        )

    def _with_lost_secret(
        self, tunnel: Tunnel, target: Target, loaded: Loaded
    ) -> tuple[Target, ...]:
        """What charon has forgotten, having died before the new secret authenticated anything."""
        self._proven = psk_rotation.proven(self._proven, tunnel, target, self.actual)
        lost = psk_rotation.lost(self._proven, tunnel, loaded, self._backend)
        return (lost,) if lost else ()

    def _with_old_identities(self, tunnel: Tunnel, target: Target) -> tuple[Target, ...]:
        """What to come back with from an attempt that has cost the old SA; see `hazard`."""
        self._bygone = ikev1_identity.bygone(self._bygone, tunnel, target, self.actual)
        return (connection_config.target(self._bygone, self._backend),) if self._bygone else ()

    @property
    def trial_tunnel(self) -> Tunnel | None:
        if self._shelter is not None:
            return self._shelter
        if self.trial is None:
            return self.tunnel
        was = self._bygone
        if was and self.trial.name == connection_config.target(was, self._backend).name:
            return was
        was = self._proven
        if was and self.trial.secret_id == connection_config.target(was, self._backend).secret_id:
            return was
        return self.tunnel

    @property
    def attempts_open(self) -> int:
        return sum(attempt.open for attempt in self.memory.attempts.values())

    @property
    def waiting(self) -> bool:
        """Whether it may be held back until an exchange with its peer is over."""
        return (
            self.target is not None
            and self.status is not None
            and (
                (self.attempts_open == 0 and self.status.applied_revision != self.status.revision)
                or not self.actual.carrying
            )
        )

    def begin_attempt(self) -> None:
        self.remarks.blame.grow_old()

    def hear(self, hint: Hint) -> None:
        secret = self.tunnel.psk.value if self.tunnel and self.tunnel.psk else ""
        self.remarks.chronicle.hear(hint.line, secret)
        if hint.ike_up or hint.child_up:
            self.remarks.chronicle.ended(hint.line, established=True)

    def blame(
        self, line: str, *, established: bool, port: int | None = None, asked: bool = True
    ) -> bool:
        """Takes in a log line about this tunnel's IKE_SA. Whether it told anything new. `asked`:
        whether a CHILD_SA that is refused there can be this tunnel's."""
        if self.tunnel is None or (ANSWER in line and self.memory.ending_children):
            return False  # nothing, or the answer to a CHILD_SA that we are ending
        told = causes.cause(line, self._as_named(), established=established, port=port)
        if told is None or not (asked or told.reason.code not in causes.OF_CHILDREN):
            return False
        return self._accept(told)

    def found_dead(self) -> None:
        """The peer has not answered for its time-out; with action clear that is the end."""
        if self.tunnel is None:
            return
        self._accept(causes.dead(self._as_named()))
        if self.tunnel.dpd.action == "clear" and self.host is None:  # else its host's rest is its
            self.memory = msgspec.structs.replace(self.memory, resting=True)

    def found_dead_with(self) -> None:
        """Another tunnel to the same peer has found it dead, and restarts all of them."""
        if self.tunnel is None:
            return
        self._accept(causes.dead(self._as_named()))
        live = frozenset(sa.unique_id for sa in self.actual.sas if sa.live)
        self.memory = msgspec.structs.replace(self.memory, condemned=live)

    def probed(self, unique_id: int) -> None:
        """charon has just asked the peer of an IKE_SA for a sign of life."""
        probed_at = {**self.memory.probed_at, unique_id: self._clock()}
        self.memory = msgspec.structs.replace(self.memory, probed_at=probed_at)

    def judge(self, at: float) -> TunnelStatus | None:
        """The tunnel's status now; None when it is to be taken away."""
        if self.tunnel is None:
            return None
        fault = _NO_SECRET if self.secretless else self.fault
        if self.target is None or (fault is not None and not self.remarks.momentary):
            fault = fault or Reason(code=ReasonCode.GATEWAY_ERROR, message="Not planned.")
            applied = self.memory.applied_revision
            failed = tunnel_status.failed(self.tunnel, self.actual, applied, fault, at)
            return msgspec.structs.replace(failed, events=self.remarks.chronicle.events)
        if self.refusal:
            return self._judge_refused(self.target, at)
        applied = tunnel_status.applied_revision(self.target, self.actual, self.memory)
        self.memory = msgspec.structs.replace(self.memory, applied_revision=applied)
        status = tunnel_status.judge(self.target, self.actual, self.memory, self._reason(), at)
        fine = status.state is TunnelState.UP and applied == self.target.revision
        if self._fine and not fine:
            self.remarks.blame.forget_unrelated()
            status = tunnel_status.judge(self.target, self.actual, self.memory, self._reason(), at)
        if fine:
            self.remarks.blame.grow_old()
        self._fine = fine
        warning = self.remarks.warning(self.actual) if fine else None
        return msgspec.structs.replace(
            status, reason=status.reason or warning, events=self.remarks.chronicle.events
        )

    def _judge_refused(self, target: Target, at: float) -> TunnelStatus:
        """What was in effect before goes on, and no more than that."""
        self._fine = False
        told = tunnel_status.judge(target, self.actual, self.memory, None, at)
        return msgspec.structs.replace(
            told,
            applied_revision=self.memory.applied_revision,
            reason=Reason(code=ReasonCode.GATEWAY_ERROR, message=self.refusal),
            events=self.remarks.chronicle.events,
        )

    def net(self) -> TunnelNet | None:
        """What routes and filters need to know, SAs of an older configuration included."""
        if self.tunnel is None:
            return None
        pairs = self.target.pairs if self.target else ()
        carrying = self.actual.carrying
        return TunnelNet(
            id=self.id,
            local_cidrs=coverage.cidrs([p.local for p in pairs], [c.local_ts for c in carrying]),
            peer_cidrs=coverage.cidrs([p.remote for p in pairs], [c.remote_ts for c in carrying]),
            up=bool(carrying),
            mtu=self.tunnel.mtu,
            backend=self._backend,
        )

    def _reason(self) -> Reason | None:
        told = self.remarks.reason(self.target, self.actual)
        if self.held or self.actual.carrying:
            return self.held or told
        if self.fault is not None:
            words = f"Not tried yet. {self.fault.message}"
            return Reason(code=ReasonCode.CONNECTING, message=words)
        if self.host is not None and not any(sa.live for sa in self.actual.sas):
            known = self.host.status.reason if self.host.status else None
            return waiting_for_owner(told or known, self.host.id)
        return told

    def _as_named(self) -> Tunnel:
        """For sentences: the peer's name as the user gave it, and where that is."""
        assert self.tunnel is not None  # noqa: S101 - its callers have looked
        name, address = self.wanted and self.wanted.peer_address, self.tunnel.peer_address
        if not name or name == address:
            return self.tunnel
        return msgspec.structs.replace(self.tunnel, peer_address=f"{name} ({address})")

    def _accept(self, told: Cause) -> bool:
        return self.remarks.accept(told, self.target, self.actual)
