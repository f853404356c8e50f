"""What is to be said of one tunnel at any moment, beside its state.

Rules this module keeps:
- What stands in its way by configuration goes before what charon's lines have told
  (`landbridge.agent.status.last_failure`), and that before what only time tells: nobody begins.
- Of a tunnel that carries traffic only what was told of its present configuration counts; of
  one that is up as wanted, only warnings: it cannot be rekeyed, nothing comes back.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

from landbridge.agent.status.causes import Cause
from landbridge.agent.status.event_log import Chronicle
from landbridge.agent.status.last_failure import LastFailure
from landbridge.agent.tunnels.desired import Target
from landbridge.agent.tunnels.observed import Actual
from landbridge.model.objects import Reason, ReasonCode

PATIENCE: Final = 10.0  # seconds after which a peer that was to begin is missed
LASTING: Final = 2.0  # seconds; tunnels that change together come one after the other


class TunnelReasons:
    """`clock` gives seconds, monotonic."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self.chronicle = Chronicle()
        self.blame = LastFailure(clock)
        self.hindrance: Reason | None = None  # no packet can go to the peer at all
        self.lost_name: Reason | None = None  # its address is only the last known one
        self.one_way: Reason | None = None  # it is up, but nothing comes back
        self._rekeyed_in_vain: frozenset[int] = frozenset()  # CHILD_SAs that were to be rekeyed
        self._refused_at: float | None = None  # since when another tunnel is in its way
        self._alone_since: float | None = None  # response-only, and nobody has begun
        self._missed = False
        self._stirred: float | None = None

    @property
    def cause_code(self) -> ReasonCode | None:
        reason = self.blame.reason
        return reason.code if reason else None

    def accept(self, told: Cause, target: Target | None, actual: Actual) -> bool:
        """Takes in a cause. Whether it is new."""
        if told.reason.code is ReasonCode.PFS_MISMATCH:
            self._rekeyed_in_vain = frozenset(child.unique_id for child in actual.carrying)
        failures = self.blame.failures
        new = self.blame.accept(told, _configuration(target))
        if self.blame.failures != failures:
            self.chronicle.ended(told.reason.message, established=False)
        return new

    def reason(self, target: Target | None, actual: Actual) -> Reason | None:
        """Why the tunnel is not up, or not as wanted."""
        alone = self._alone(target, actual)
        if actual.carrying:
            return self.blame.reason_of(_configuration(target))
        return self.lost_name or self.hindrance or self.blame.reason or alone

    def warning(self, actual: Actual) -> Reason | None:
        """Of a tunnel that is up as wanted."""
        ids = {child.unique_id for child in actual.carrying}
        if ids & self._rekeyed_in_vain and self.cause_code is ReasonCode.PFS_MISMATCH:
            return self.blame.reason
        return self.one_way

    def refused(self, yes: bool) -> None:
        """Another tunnel is in its way, or no more."""
        if not yes:
            self._refused_at = None
        elif self._refused_at is None:
            self._refused_at = self._clock()

    @property
    def momentary(self) -> bool:
        """Whether the refusal may be over as soon as another tunnel has changed, too."""
        return self._refused_at is not None and self._clock() < self._refused_at + LASTING

    def patience_left(self) -> float | None:
        """Seconds until a refusal is a lasting one, or a peer that was to begin is missed; None:
        it is, or nobody waits."""
        if self._refused_at is not None and self.momentary:
            return max(0.0, self._refused_at + LASTING - self._clock())
        if self._alone_since is None or self._missed:
            return None
        return max(0.0, self._alone_since + PATIENCE - self._clock())

    def stir(self, at: float) -> None:
        """Something about it was heard then (seconds since the epoch); the earliest counts."""
        if self._stirred is None:
            self._stirred = at

    def observed_at(self, now: float) -> float:
        """When what is seen now became true, as near as it is known; asked once per look."""
        at, self._stirred = self._stirred, None
        return now if at is None else at

    def _alone(self, target: Target | None, actual: Actual) -> Reason | None:
        waits = target is not None and target.admin_state_up and not target.may_initiate
        if target is None or not waits or actual.carrying:
            self._alone_since, self._missed = None, False
            return None
        if self._alone_since is None:
            self._alone_since = self._clock()
        self._missed = self._clock() >= self._alone_since + PATIENCE
        if not self._missed:
            return None
        return Reason(
            code=ReasonCode.NOBODY_INITIATES,
            message=f"Nobody begins: this connection is response-only, and {target.peer_address} "
            "has not initiated either. It is response-only too, is not running, or what it sends "
            "to our UDP port 500 does not arrive.",
        )


def _configuration(target: Target | None) -> str:
    return f"{target.name}/{target.digest}" if target else ""


def waiting_for_owner(cause: Reason | None, owner: str) -> Reason:
    """Why a tunnel is down whose IKE_SA is that of the connection `owner`. `cause`: what is known
    of that IKE_SA."""
    if cause is None:
        return Reason(
            code=ReasonCode.CONNECTING,
            message=f"Waiting for the IKE_SA of connection {owner}, which serves this one, too.",
        )
    told = (
        f"{cause.message} (The IKE_SA is that of connection {owner}, which serves this one, too.)"
    )
    return Reason(code=cause.code, message=told)
