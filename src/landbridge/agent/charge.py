"""One tunnel in its router's charge: what is wanted of it and what is remembered.

Rules this module keeps:
- All of it can be lost: desired comes again from the server, actual from charon.
- A cause is kept until the tunnel is as wanted, or a line of a newer attempt tells another.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

import msgspec

from landbridge.agent import causes, cover, outcome, swan
from landbridge.agent.causes import Cause
from landbridge.agent.dataplane import Backend, TunnelNet
from landbridge.agent.memory import Memory
from landbridge.agent.observe import Actual
from landbridge.agent.proposals import Unsupported
from landbridge.agent.swan import Target
from landbridge.model import Reason, ReasonCode, Tunnel, TunnelStatus

_RELATED: Final = 5.0  # seconds between a line and the going down that it explains


class Charge:
    """`tunnel` None: it is to be taken away, and forgotten once nothing of it is left."""

    def __init__(
        self, tunnel_id: str, backend: Backend, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.id = tunnel_id
        self._backend = backend
        self._clock = clock
        self.wanted: Tunnel | None = None  # as the server says
        self.tunnel: Tunnel | None = None  # as it is run: switched off with its router
        self.target: Target | None = None
        self.fault: Reason | None = None  # terminal: not tried
        self.memory = Memory()
        self.actual = Actual()
        self.status: TunnelStatus | None = None
        self._cause: Cause | None = None
        self._cause_is_old = False
        self._cause_at = 0.0
        self._fine = False

    def want(self, tunnel: Tunnel | None) -> None:
        self.tunnel, self.target, self.fault = tunnel, None, None
        if tunnel is None:
            return
        try:
            self.target = swan.target(tunnel, self._backend)
        except Unsupported as error:
            self.fault = Reason(code=ReasonCode.UNSUPPORTED, message=str(error))
        self._cause_is_old = True

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

    def blame(self, line: str, *, established: bool) -> bool:
        """Takes in a log line about this tunnel. Whether it told anything new."""
        if self.tunnel is None:
            return False
        told = causes.cause(line, self.tunnel, established=established)
        return told is not None and self._accept(told)

    def found_dead(self) -> None:
        """The peer has not answered for its time-out; with action clear that is the end."""
        if self.tunnel is None:
            return
        self._accept(causes.dead(self.tunnel))
        if self.tunnel.dpd.action == "clear":
            self.memory = msgspec.structs.replace(self.memory, resting=True)

    def begin_attempt(self) -> None:
        self._cause_is_old = True

    def judge(self, at: float) -> TunnelStatus | None:
        """The tunnel's status now; None when it is to be taken away."""
        if self.tunnel is None:
            return None
        if self.target is None or self.fault is not None:
            fault = self.fault or Reason(code=ReasonCode.GATEWAY_ERROR, message="Not planned.")
            applied = self.memory.applied_revision
            return outcome.failed(self.tunnel, self.actual, applied, fault, at)
        applied = outcome.applied_revision(self.target, self.actual, self.memory)
        self.memory = msgspec.structs.replace(self.memory, applied_revision=applied)
        status = outcome.judge(self.target, self.actual, self.memory, self._reason(), at)
        fine = status.reason is None and applied == self.target.revision
        if self._fine and not fine and self._cause and self._stale():
            self._cause = None
            status = outcome.judge(self.target, self.actual, self.memory, None, at)
        self._cause_is_old = self._cause_is_old or fine
        self._fine = fine
        return status

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
        return self._cause.reason if self._cause else None

    def _stale(self) -> bool:
        """Whether the cause was told long before the tunnel went down."""
        return self._clock() - self._cause_at > _RELATED

    def _accept(self, told: Cause) -> bool:
        known = self._cause
        if known is not None and not self._cause_is_old and told.rank < known.rank:
            return False
        self._cause, self._cause_is_old, self._cause_at = told, False, self._clock()
        return known is None or known.reason != told.reason
