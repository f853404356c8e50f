"""From what a gateway observes to what the API says. Pure tables.

Rules this module keeps:
- A connection that was never up is still being built, whatever its peer does: PENDING_CREATE,
  then BUILD, then ACTIVE. Only a terminal error ends that.
- A change that is not in effect yet is PENDING_UPDATE, unless it cannot take effect (ERROR).
- Not wanted up is DOWN, once the gateway has taken it down.
- What is not plainly ACTIVE carries a reason.
"""

from __future__ import annotations

from typing import NamedTuple

from landbridge.model import Reason, ReasonCode, TunnelState
from landbridge.store.transaction import Row

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
    "ERROR": Reason(code=ReasonCode.GATEWAY_ERROR, message="The gateway reported an error."),
}
_PARTIAL = Reason(code=ReasonCode.PARTIAL, message="Some of the networks are not connected.")
_ADMIN_DOWN = Reason(
    code=ReasonCode.ADMIN_DOWN, message="The connection's admin_state_up is false."
)
_SERVICE_DOWN = Reason(
    code=ReasonCode.SERVICE_DOWN, message="The VPN service's admin_state_up is false."
)

_ROUTER_FAILURES = frozenset({ReasonCode.GATEWAY_ERROR, ReasonCode.UNSUPPORTED})


class Verdict(NamedTuple):
    status: str
    reason: Reason | None


class Facts(NamedTuple):
    """What a verdict rests on. `settled`: the newest revision is in effect on the wire."""

    state: TunnelState
    established: bool
    settled: bool
    connection_up: bool  # admin_state_up of the connection
    service_up: bool  # admin_state_up of its service


def connection_verdict(facts: Facts, reported: Reason | None) -> Verdict:
    """Status and reason of a connection, from a report about its newest revision."""
    if not (facts.connection_up and facts.service_up) and facts.state not in _UP:
        return Verdict("DOWN", _SERVICE_DOWN if facts.connection_up else _ADMIN_DOWN)
    table = _AFTERWARDS if facts.established else _FIRST_TIME
    status = table[facts.state]
    if facts.established and not facts.settled and status != "ERROR":
        return Verdict("PENDING_UPDATE", reported)
    if facts.state is TunnelState.PARTIAL:
        return Verdict(status, reported or _PARTIAL)
    return Verdict(status, reported or _DEFAULT_REASONS.get(status))


def service_status(router: Row, *, admin: bool) -> str:
    """The status of a vpnservice, from its router's row."""
    if not admin:
        return "DOWN"
    if router.get("ready") is None:
        return "PENDING_CREATE"
    if router["ready"]:
        return "ACTIVE"
    return "ERROR" if router.get("status_reason") in _ROUTER_FAILURES else "DOWN"
