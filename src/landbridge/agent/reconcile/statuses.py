"""The statuses of one router and of its tunnels, on their way to the report.

Rules this module keeps:
- An error of the router is reported for every tunnel on it as long as it lasts: the reason is
  `gateway-error`, the message has the words of the cause. A tunnel that is refused or switched off
  is reported as such nevertheless.
- A tunnel's status is reported when it differs from the one before.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from enum import StrEnum

import msgspec
import structlog

from landbridge.agent.metrics.meters import Meters
from landbridge.agent.reconcile import interruption
from landbridge.agent.reconcile.tunnel import ManagedTunnel
from landbridge.agent.status import tunnel_status
from landbridge.model.router import Router
from landbridge.model.status import Reason, ReasonCode, RouterStatus, TunnelState, TunnelStatus

log = structlog.get_logger(__name__)


class ErrorSource(StrEnum):
    """What an error of a router keeps from working; each has at most one error at a time."""

    NAMESPACE = "namespace"  # it, its interfaces and addresses
    SERVICE = "service"  # charon, VICI, filters and routes
    TASK = "task"  # the agent itself


class Statuses:
    """`report` and `report_router` are called with what is new, and must not block."""

    def __init__(
        self,
        router: Router,
        managed_tunnels: Iterable[ManagedTunnel],
        *,
        report: Callable[[TunnelStatus], None],
        report_router: Callable[[RouterStatus], None],
        meters: Meters,
    ) -> None:
        self.router = router
        self.serving = False  # whether passes look at the tunnels
        self.listed = False  # whether charon has said what it has, and still runs
        self._managed_tunnels = managed_tunnels
        self._report = report
        self._report_router = report_router
        self._meters = meters
        self._errors: dict[ErrorSource, str] = {}
        self._own: dict[str, TunnelStatus] = {}  # without the router's errors
        self._told: dict[str, TunnelStatus] = {}

    @property
    def error(self) -> str:
        """What is wrong with the router, in words; empty: nothing."""
        return "; ".join(dict.fromkeys(self._errors.values()))

    def set_error(self, source: ErrorSource, words: str | None) -> None:
        """Tell what is wrong; `words` None: nothing is wrong there any more."""
        before = self.error
        if words is None:
            self._errors.pop(source, None)
        else:
            self._errors[source] = words
        if self.error != before or words is not None:
            self._tell_all()

    def serves(self) -> None:
        """From now on passes look at the tunnels, and tell what they see."""
        self.serving = True
        self._errors.pop(ErrorSource.SERVICE, None)
        self._errors.pop(ErrorSource.TASK, None)
        self._tell_all()

    def tell_router(self) -> None:
        """Whether it is served; nothing before that is known."""
        if self.serving or self.error:
            error = self.error or None
            self._report_router(tunnel_status.of_router(self.router, error, time.time()))

    def tell_interrupted(self, managed: ManagedTunnel) -> None:
        """Of a tunnel that no pass looks at because something is wrong."""
        if self.serving or not self.error:
            return
        try:
            status = interruption.status(managed, time.time(), listed=self.listed)
        except Exception:
            log.exception("tunnel_not_judged", tunnel=managed.id)
            return
        if status is not None:
            self.tell(status)

    def tell(self, status: TunnelStatus) -> None:
        """`status`: of a tunnel, as it is by itself."""
        self._own[status.id] = status
        self._tell(status)

    def forget(self, tunnel_id: str) -> None:
        """The tunnel is not wanted any more."""
        self._own.pop(tunnel_id, None)
        self._told.pop(tunnel_id, None)

    def _tell_all(self) -> None:
        self.tell_router()
        if not self.serving:
            for managed in self._managed_tunnels:
                self.tell_interrupted(managed)
            return
        for status in tuple(self._own.values()):
            if status.known:  # the others are looked at now
                self._tell(status)

    def _tell(self, own: TunnelStatus) -> None:
        status = with_error(own, self.error)
        last = self._told.get(status.id)
        if last is None or msgspec.structs.replace(last, observed_at=status.observed_at) != status:
            self._told[status.id] = status
            self._meters.tell(status)
            self._report(status)


def with_error(status: TunnelStatus, error: str) -> TunnelStatus:
    """A tunnel's status with what is wrong with its router. Pure."""
    off = status.reason is not None and status.reason.code is ReasonCode.ADMIN_DOWN
    if not error or off or status.state is TunnelState.ERROR:
        return status
    reason = Reason(code=ReasonCode.GATEWAY_ERROR, message=error)
    return msgspec.structs.replace(status, reason=reason)
