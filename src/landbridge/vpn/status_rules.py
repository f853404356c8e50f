"""From what a gateway observes to the API's status and reason. Pure tables.

Rules this module keeps:
- A connection that was never up is being built, whatever its peer does: PENDING_CREATE, then BUILD,
  then ACTIVE. Only a terminal error changes that.
- A change that is not in effect yet is PENDING_UPDATE, unless it cannot take effect (ERROR).
- A connection that is switched off is DOWN as soon as the gateway has taken it down.
- Every status but plain ACTIVE has a reason, also before a gateway has reported.
"""

from __future__ import annotations

from typing import NamedTuple

from landbridge.model.status import Reason, ReasonCode, TunnelState
from landbridge.store.resource_rows import ConnectionRow, RouterRow

_FIRST_TIME: dict[TunnelState, str] = {
    TunnelState.BUILDING: "BUILD",
    TunnelState.DOWN: "BUILD",
    TunnelState.UP: "ACTIVE",
    TunnelState.PARTIAL: "ACTIVE",
    TunnelState.ERROR: "ERROR",
}
_AFTERWARDS: dict[TunnelState, str] = _FIRST_TIME | {
    TunnelState.BUILDING: "DOWN",
    TunnelState.DOWN: "DOWN",
}
_UP = frozenset({TunnelState.UP, TunnelState.PARTIAL})

_DEFAULT_REASONS: dict[str, Reason] = {
    "BUILD": Reason(code=ReasonCode.CONNECTING, message="The tunnel is being set up."),
    "DOWN": Reason(code=ReasonCode.CONNECTING, message="The tunnel is being set up again."),
    "PENDING_UPDATE": Reason(
        code=ReasonCode.PENDING, message="The gateway is putting the change into effect."
    ),
    "ERROR": Reason(code=ReasonCode.GATEWAY_ERROR, message="The gateway reported an error."),
}
_PARTIAL = Reason(code=ReasonCode.PARTIAL, message="Some of the networks are not connected.")
_ADMIN_DOWN = Reason(
    code=ReasonCode.ADMIN_DOWN, message="The connection's admin_state_up is false."
)
_SERVICE_DOWN = Reason(
    code=ReasonCode.SERVICE_DOWN, message="The VPN service's admin_state_up is false."
)
_ROUTER_DOWN = Reason(
    code=ReasonCode.ROUTER_DOWN,
    message="The router of the VPN service is switched off: its admin_state_up is false.",
)

_NO_GATEWAY = Reason(code=ReasonCode.NO_GATEWAY, message="No gateway runs the router yet.")
_PENDING = Reason(code=ReasonCode.PENDING, message="The gateway has not answered yet.")

_ROUTER_FAILURES = frozenset({ReasonCode.GATEWAY_ERROR, ReasonCode.UNSUPPORTED})


MESSAGE_LENGTH = 1024

#: The status of an ACTIVE connection that is not observed any more; all others stay.
_UNKNOWN: dict[str, str] = {"ACTIVE": "DOWN"}
OFF = frozenset({ReasonCode.ADMIN_DOWN, ReasonCode.SERVICE_DOWN, ReasonCode.ROUTER_DOWN})


class StatusWithReason(NamedTuple):
    status: str
    reason: Reason | None


class TunnelFacts(NamedTuple):
    """The inputs of a status. `settled`: the newest revision is in effect on the wire."""

    state: TunnelState
    established: bool
    settled: bool
    connection_up: bool  # admin_state_up of the connection
    service_up: bool  # admin_state_up of its service
    router_up: bool  # admin_state_up of its router


def _switched_off(facts: TunnelFacts) -> Reason | None:
    """The nearest to the connection of what is not to run; None: all is to run."""
    if not facts.connection_up:
        return _ADMIN_DOWN
    if not facts.service_up:
        return _SERVICE_DOWN
    return None if facts.router_up else _ROUTER_DOWN


def connection_status(facts: TunnelFacts, reported: Reason | None) -> StatusWithReason:
    """Status and reason of a connection, from a report about its newest revision."""
    off = _switched_off(facts)
    if off is not None and facts.state not in _UP:
        return StatusWithReason("DOWN", off)
    table = _AFTERWARDS if facts.established else _FIRST_TIME
    status = table[facts.state]
    if facts.established and not facts.settled and status != "ERROR":
        return StatusWithReason("PENDING_UPDATE", reported or _DEFAULT_REASONS["PENDING_UPDATE"])
    if facts.state is TunnelState.PARTIAL:
        return StatusWithReason(status, reported or _PARTIAL)
    return StatusWithReason(status, reported or _DEFAULT_REASONS.get(status))


def unknown_status(status: str) -> str:
    """The status of a connection whose gateway cannot observe it."""
    return _UNKNOWN.get(status, status)


def is_certain(row: ConnectionRow) -> bool:
    """Whether the status is certain without the gateway: the connection is switched off, or its
    configuration is wrong."""
    return row.status == "ERROR" or row.status_reason in OFF


class ReasonColumns(NamedTuple):
    """A reason as the rows keep it."""

    status_reason: str | None
    status_message: str | None


class StatusColumns(NamedTuple):
    """A status with its reason, as the rows keep them."""

    status: str
    status_reason: str | None
    status_message: str | None


class DatedStatus(NamedTuple):
    """A status with its reason, and since when (UTC, as the API writes times)."""

    status: str
    status_reason: str | None
    status_message: str | None
    status_changed_at: str | None


def reason_columns(reason: Reason | None) -> ReasonColumns:
    if reason is None:
        return ReasonColumns(None, None)
    return ReasonColumns(reason.code.value, reason.message[:MESSAGE_LENGTH])


def status_columns(status: str, reason: Reason | None) -> StatusColumns:
    return StatusColumns(status, *reason_columns(reason))


def gateway_silent(gateway_id: str, holds: str = "") -> ReasonColumns:
    """The reason of the connections of a silent gateway. `holds`: why it does not follow this
    database."""
    what = f"does not follow this database and keeps what it ran: {holds} W" if holds else ""
    return reason_columns(
        Reason(
            code=ReasonCode.GATEWAY_SILENT,
            message=f"The gateway {gateway_id} {what or 'does not report: w'}hether the tunnel "
            "carries traffic is not known.",
        )
    )


def unanswered(gateway_id: str | None, *, silent: bool) -> ReasonColumns:
    """The reason of a connection between a change and the gateway's first report on it."""
    if gateway_id is None:
        return reason_columns(_NO_GATEWAY)
    return gateway_silent(gateway_id) if silent else UNANSWERED


UNANSWERED = reason_columns(_PENDING)
BACK = reason_columns(
    Reason(
        code=ReasonCode.PENDING,
        message="The gateway is back and has not reported on the tunnel yet.",
    )
)


def switched(*, admin: bool) -> str:
    """The status of what has nothing but its switch: a router, a port."""
    return "ACTIVE" if admin else "DOWN"


def service_status(router: RouterRow | None, *, admin: bool) -> str:
    """The status of a VPN service, from its router's row."""
    if not admin or (router is not None and not router.admin_state_up):
        return "DOWN"
    if router is None or router.ready is None:
        return "PENDING_CREATE"
    if router.ready:
        return "ACTIVE"
    return "ERROR" if router.status_reason in _ROUTER_FAILURES else "DOWN"
