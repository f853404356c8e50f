"""What is to be said of one tunnel beside its state: the reason, warnings, its event log.

Rules this module keeps:
- What the configuration prevents goes before what charon's lines have told
  (`landbridge.agent.status.last_failure`), and that before what only time tells: nobody initiates.
- Only what was told of the present configuration counts: of another one nothing is known yet. Of a
  tunnel that is up as wanted only warnings are told: it cannot be rekeyed, no packet comes back.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

from landbridge.agent.status.causes import Cause
from landbridge.agent.status.event_log import EventLog
from landbridge.agent.status.last_failure import LastFailure
from landbridge.agent.tunnels.desired import Target
from landbridge.agent.tunnels.observed import Actual
from landbridge.model.status import Reason, ReasonCode

PATIENCE: Final = 10.0  # seconds after which a peer that was to initiate is missed


class TunnelReasons:
    """`clock` gives seconds, monotonic."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self.event_log = EventLog()
        self.last_failure = LastFailure(clock)
        self._one_way: Reason | None = None
        self._rekeyed_in_vain: frozenset[int] = frozenset()  # CHILD_SAs that were to be rekeyed
        self._waiting_since: float | None = None  # response-only, and nobody has initiated
        self._missed = False
        self._heard_at: float | None = None

    @property
    def cause_code(self) -> ReasonCode | None:
        reason = self.last_failure.reason
        return reason.code if reason else None

    def accept(self, told: Cause, target: Target | None, actual: Actual) -> bool:
        """Takes in a cause. Whether it is new."""
        if told.reason.code is ReasonCode.PFS_MISMATCH:
            self._rekeyed_in_vain = frozenset(child.unique_id for child in actual.carrying)
        failures = self.last_failure.failures
        new = self.last_failure.accept(told, _configuration(target))
        if self.last_failure.failures != failures:
            self.event_log.ended(told.reason.message, established=False)
        return new

    def reason(
        self, target: Target | None, actual: Actual, hindrance: Reason | None = None
    ) -> Reason | None:
        """Why the tunnel is not up, or not as wanted. `hindrance`: what its configuration
        prevents."""
        nobody = self._nobody_initiates(target, actual)
        told = self.last_failure.reason_of(_configuration(target))
        if actual.carrying:
            return told
        return hindrance or told or nobody

    def warning(self, actual: Actual) -> Reason | None:
        """Of a tunnel that is up as wanted."""
        ids = {child.unique_id for child in actual.carrying}
        if ids & self._rekeyed_in_vain and self.cause_code is ReasonCode.PFS_MISMATCH:
            return self.last_failure.reason
        return self._one_way

    def set_one_way(self, reason: Reason | None) -> bool:
        """That nothing comes back, or does again (None). Whether that is new."""
        new = (reason is None) != (self._one_way is None)
        if new:
            self._one_way = reason
        return new

    def changes_in(self) -> float | None:
        """Seconds until a peer that was to initiate is missed; None: it is, or nobody waits."""
        if self._waiting_since is None or self._missed:
            return None
        return max(0.0, self._waiting_since + PATIENCE - self._clock())

    def heard(self, at: float) -> None:
        """Something about the tunnel was heard then (seconds since the epoch). The earliest
        counts."""
        if self._heard_at is None:
            self._heard_at = at

    def observed_at(self, now: float) -> float:
        """When what is seen now became true, as near as it is known; asked once per look."""
        at, self._heard_at = self._heard_at, None
        return now if at is None else at

    def _nobody_initiates(self, target: Target | None, actual: Actual) -> Reason | None:
        waits = target is not None and target.admin_state_up and not target.may_initiate
        if target is None or not waits or actual.carrying:
            self._waiting_since, self._missed = None, False
            return None
        if self._waiting_since is None:
            self._waiting_since = self._clock()
        self._missed = self._clock() >= self._waiting_since + PATIENCE
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
