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
from landbridge.agent.addressbook import Place
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
        #: As it is run: switched off with its router, its peer's name resolved.
        self.tunnel: Tunnel | None = None
        self.target: Target | None = None
        self.fault: Reason | None = None  # terminal: not tried
        self.held: Reason | None = None  # not tried until its peer's name is resolved
        self.memory = Memory()
        self.actual = Actual()
        self.status: TunnelStatus | None = None
        self._cause: Cause | None = None
        self._cause_is_old = False
        self._cause_at = 0.0
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
        self._cause_is_old = True
        if before and self.target and before.peer_address != self.target.peer_address:
            self.memory = msgspec.structs.replace(self.memory, resting=False)

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
        told = causes.cause(line, self._as_named(), established=established)
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
        if self.held is not None:
            return self.held
        if self._lost_name is not None and not self.actual.carrying:
            return self._lost_name
        return self._cause.reason if self._cause else None

    def _as_named(self) -> Tunnel:
        """For sentences: the peer's name as the user gave it, and where that is."""
        assert self.tunnel is not None  # noqa: S101 - its callers have looked
        name, address = self.wanted and self.wanted.peer_address, self.tunnel.peer_address
        if not name or name == address:
            return self.tunnel
        return msgspec.structs.replace(self.tunnel, peer_address=f"{name} ({address})")

    def _stale(self) -> bool:
        """Whether the cause was told long before the tunnel went down."""
        return self._clock() - self._cause_at > _RELATED

    def _accept(self, told: Cause) -> bool:
        known = self._cause
        if known is not None and not self._cause_is_old and told.rank < known.rank:
            return False
        self._cause, self._cause_is_old, self._cause_at = told, False, self._clock()
        return known is None or known.reason != told.reason


def unresolved(name: str, place: Place) -> Reason:
    if not place.failure:
        return Reason(code=ReasonCode.CONNECTING, message=f"Looking up {name}.")
    further = f"; trying its last known address {place.address}" if place.address else ""
    return Reason(
        code=ReasonCode.NAME_NOT_RESOLVABLE,
        message=f"The peer address {name} cannot be resolved: {place.failure}{further}.",
    )
