"""One tunnel in its router's charge: what is wanted of it and what is remembered.

Rules this module keeps:
- All of it can be lost: desired comes again from the server, actual from charon.
- What is told of it at any moment is put together here: what stands in its way, what charon's
  lines have told (`landbridge.agent.blame`), what only time tells (nobody begins).
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

import msgspec

from landbridge.agent import causes, cover, hazard, outcome, swan, trial
from landbridge.agent.addressbook import Place
from landbridge.agent.blame import Blame
from landbridge.agent.causes import Cause
from landbridge.agent.chronicle import Chronicle
from landbridge.agent.dataplane import Backend, TunnelNet
from landbridge.agent.hints import Hint
from landbridge.agent.memory import Memory, recall
from landbridge.agent.observe import Actual
from landbridge.agent.plan import Loaded
from landbridge.agent.proposals import Unsupported
from landbridge.agent.swan import Target
from landbridge.model import (
    Reason,
    ReasonCode,
    Tunnel,
    TunnelEventKind,
    TunnelState,
    TunnelStatus,
)

PATIENCE: Final = 10.0  # seconds after which a peer that was to begin is missed


class Charge:
    """`tunnel` None: it is to be taken away, and forgotten once nothing of it is left."""

    def __init__(
        self, tunnel_id: str, backend: Backend, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.id = tunnel_id
        self._backend = backend
        self._clock = clock
        self.wanted: Tunnel | None = None  # as the server says
        #: As it is run: switched off with its router, its peer's name resolved.
        self.tunnel: Tunnel | None = None
        self.target: Target | None = None
        self.trial: Target | None = None  # `target`, or it with an older secret
        self._bygone: Tunnel | None = None
        self.undecided = False  # it is tried with several secrets in turn
        self.fault: Reason | None = None  # terminal: not tried
        self.held: Reason | None = None  # not tried until its peer's name is resolved
        self.memory = Memory()
        self.actual = Actual()
        self.status: TunnelStatus | None = None
        self.chronicle = Chronicle()
        self.hindrance: Reason | None = None  # no packet can go to the peer at all
        self.one_way: Reason | None = None  # it is up, but nothing comes back
        self._blame = Blame(clock)
        self._rekeyed_in_vain: frozenset[int] = frozenset()  # CHILD_SAs that were to be rekeyed
        self._alone_since: float | None = None  # response-only, and nobody has begun
        self._stirred: float | None = None
        self._fine = False
        self._lost_name: Reason | None = None  # its address is only the last known one

    def want(self, tunnel: Tunnel | None, place: Place | None = None) -> None:
        """`tunnel` as it is to be run, but for its peer's address, which is `place`'s (None:
        it is an address already)."""
        before, self.target, self.fault = self.target, None, None
        self.held = self._lost_name = None
        self.tunnel = tunnel
        if tunnel is None:
            return
        self.tunnel = tunnel = self._located(tunnel, place) if place else tunnel
        try:
            self.target = swan.target(tunnel, self._backend)
        except Unsupported as error:
            self.fault = Reason(code=ReasonCode.UNSUPPORTED, message=str(error))
        self._blame.grow_old()
        if before and self.target and before.peer_address != self.target.peer_address:
            self.memory = msgspec.structs.replace(self.memory, resting=False)
            if place is not None:
                self._note_move(before.peer_address, self.target.peer_address)

    def _note_move(self, before: str, now: str) -> None:
        name = self.wanted.peer_address if self.wanted else ""
        if name not in (before, now):
            self.chronicle.note(
                TunnelEventKind.PEER_MOVED, f"{name} has moved from {before} to {now}."
            )

    def _located(self, tunnel: Tunnel, place: Place) -> Tunnel:
        if place.address is None:
            self.held = unresolved(tunnel.peer_address, place)
            return tunnel
        if place.failure:
            self._lost_name = unresolved(tunnel.peer_address, place)
        return msgspec.structs.replace(tunnel, peer_address=place.address)

    @property
    def plannable(self) -> bool:
        """Whether steps may be planned: to take it away always, to run it when all is known."""
        if self.tunnel is None:
            return True
        if self.target is None or self.fault is not None:
            return False
        return self.held is None or not self.target.admin_state_up

    def address_in_use(self) -> str | None:
        """Of a tunnel whose peer's name is not resolved yet (the agent is new): where an SA of
        exactly this configuration has its peer."""
        if self.held is None or self.wanted is None or self.memory.applied_revision:
            return None
        for sa in self.actual.sas:
            there = msgspec.structs.replace(self.wanted, peer_address=sa.remote_host)
            if sa.live and swan.target(there, self._backend).name == sa.name:
                return sa.remote_host
        return None

    def look_back(self, loaded: Loaded, now: float) -> None:
        """Bring the memory up to what is observed, and choose what is tried."""
        known: tuple[Target, ...] = ()
        if self.target is not None and self.tunnel is not None:
            known = trial.candidates(self.target, self.tunnel, loaded, self._backend)
            known = (*known, *self._with_old_identities(self.tunnel, self.target))
        tried = next((each for each in known if each.name == self.memory.trial), self.target)
        self.memory = recall(self.memory, tried, self.actual, now)
        self.trial = None
        self.undecided = len(known) > 1 and not self.actual.carrying
        if known:
            self.trial, self.memory = trial.choose(known, self.memory, self.actual, now)

    def _with_old_identities(self, tunnel: Tunnel, target: Target) -> tuple[Target, ...]:
        """What to come back with from an attempt that has cost the old SA; see `hazard`."""
        live = [sa for sa in self.actual.sas if sa.live_children]
        if target.version == "v2" or any(sa.name == target.name for sa in live):
            self._bygone = None
        elif live:
            self._bygone = hazard.bygone(tunnel, live)
        elif self._bygone is not None:
            was = self._bygone
            self._bygone = msgspec.structs.replace(
                tunnel, local_id=was.local_id, peer_id=was.peer_id
            )
        return (swan.target(self._bygone, self._backend),) if self._bygone else ()

    @property
    def trial_tunnel(self) -> Tunnel | None:
        was = self._bygone
        if was and self.trial and self.trial.name == swan.target(was, self._backend).name:
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

    @property
    def failures(self) -> int:
        """How many attempts have told a cause."""
        return self._blame.failures

    @property
    def cause_code(self) -> ReasonCode | None:
        reason = self._blame.reason
        return reason.code if reason else None

    def stir(self, at: float) -> None:
        """Something about it was heard then (seconds since the epoch); the earliest counts."""
        if self._stirred is None:
            self._stirred = at

    def observed_at(self, now: float) -> float:
        """When what is seen now became true, as near as it is known; asked once per look."""
        at, self._stirred = self._stirred, None
        return now if at is None else at

    def hear(self, hint: Hint) -> None:
        secret = self.tunnel.psk.value if self.tunnel else ""
        self.chronicle.hear(hint.line, secret)
        if hint.ike_up or hint.child_up:
            self.chronicle.ended(hint.line, established=True)

    def blame(self, line: str, *, established: bool, port: int | None = None) -> bool:
        """Takes in a log line about this tunnel. Whether it told anything new."""
        if self.tunnel is None:
            return False
        told = causes.cause(line, self._as_named(), established=established, port=port)
        return told is not None and self._accept(told)

    def found_dead(self) -> None:
        """The peer has not answered for its time-out; with action clear that is the end."""
        if self.tunnel is None:
            return
        self._accept(causes.dead(self._as_named()))
        if self.tunnel.dpd.action == "clear":
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

    def begin_attempt(self) -> None:
        self._blame.grow_old()

    def judge(self, at: float) -> TunnelStatus | None:
        """The tunnel's status now; None when it is to be taken away."""
        if self.tunnel is None:
            return None
        if self.target is None or self.fault is not None:
            fault = self.fault or Reason(code=ReasonCode.GATEWAY_ERROR, message="Not planned.")
            applied = self.memory.applied_revision
            failed = outcome.failed(self.tunnel, self.actual, applied, fault, at)
            return msgspec.structs.replace(failed, events=self.chronicle.events)
        applied = outcome.applied_revision(self.target, self.actual, self.memory)
        self.memory = msgspec.structs.replace(self.memory, applied_revision=applied)
        status = outcome.judge(self.target, self.actual, self.memory, self._reason(), at)
        fine = status.state is TunnelState.UP and applied == self.target.revision
        if self._fine and not fine:
            self._blame.forget_unrelated()
            status = outcome.judge(self.target, self.actual, self.memory, self._reason(), at)
        if fine:
            self._blame.grow_old()
        self._fine = fine
        warning = self._warning() if fine else None
        return msgspec.structs.replace(
            status, reason=status.reason or warning, events=self.chronicle.events
        )

    def patience_left(self) -> float | None:
        """Seconds until a peer that was to begin is missed; None: nobody waits for one."""
        if self._alone_since is None:
            return None
        left = self._alone_since + PATIENCE - self._clock()
        return left if left > 0 else None

    def net(self) -> TunnelNet | None:
        """What routes and filters need to know, SAs of an older configuration included."""
        if self.tunnel is None:
            return None
        pairs = self.target.pairs if self.target else ()
        carrying = self.actual.carrying
        return TunnelNet(
            id=self.id,
            local_cidrs=cover.cidrs([p.local for p in pairs], [c.local_ts for c in carrying]),
            peer_cidrs=cover.cidrs([p.remote for p in pairs], [c.remote_ts for c in carrying]),
            up=bool(carrying),
            mtu=self.tunnel.mtu,
            backend=self._backend,
        )

    def _reason(self) -> Reason | None:
        carrying = bool(self.actual.carrying)
        alone = self._alone(carrying=carrying)
        if self.held is not None:
            return self.held
        if carrying:  # only what was told of this configuration, not of the one before
            return self._blame.reason_of(self._configuration())
        return self._lost_name or self.hindrance or self._blame.reason or alone

    def _alone(self, *, carrying: bool) -> Reason | None:
        target = self.target
        if target is None or target.may_initiate or carrying or not target.admin_state_up:
            self._alone_since = None
            return None
        if self._alone_since is None:
            self._alone_since = self._clock()
        if self._clock() < self._alone_since + PATIENCE:
            return None
        return Reason(
            code=ReasonCode.NOBODY_INITIATES,
            message=f"Nobody begins: this connection is response-only, and {target.peer_address} "
            "has not initiated either. It is response-only too, is not running, or what it sends "
            "to our UDP port 500 does not arrive.",
        )

    def _warning(self) -> Reason | None:
        """Of a tunnel that is up as wanted."""
        ids = {child.unique_id for child in self.actual.carrying}
        if ids & self._rekeyed_in_vain and self.cause_code is ReasonCode.PFS_MISMATCH:
            return self._blame.reason
        return self.one_way

    def _configuration(self) -> str:
        return f"{self.target.name}/{self.target.digest}" if self.target else ""

    def _as_named(self) -> Tunnel:
        """For sentences: the peer's name as the user gave it, and where that is."""
        assert self.tunnel is not None  # noqa: S101 - its callers have looked
        name, address = self.wanted and self.wanted.peer_address, self.tunnel.peer_address
        if not name or name == address:
            return self.tunnel
        return msgspec.structs.replace(self.tunnel, peer_address=f"{name} ({address})")

    def _accept(self, told: Cause) -> bool:
        if told.reason.code is ReasonCode.PFS_MISMATCH:
            self._rekeyed_in_vain = frozenset(c.unique_id for c in self.actual.carrying)
        failures = self._blame.failures
        new = self._blame.accept(told, self._configuration())
        if self._blame.failures != failures:
            self.chronicle.ended(told.reason.message, established=False)
        return new


def unresolved(name: str, place: Place) -> Reason:
    if not place.failure:
        return Reason(code=ReasonCode.CONNECTING, message=f"Looking up {name}.")
    further = f"; trying its last known address {place.address}" if place.address else ""
    return Reason(
        code=ReasonCode.NAME_NOT_RESOLVABLE,
        message=f"The peer address {name} cannot be resolved: {place.failure}{further}.",
    )
