"""What a report of a gateway makes of a connection; pure.

Rules this module keeps:
- The status follows `landbridge.vpn.status_rules`; a connection whose secret cannot be read keeps
  that status.
- The time of a change is kept while status and reason stay the same.
"""

from __future__ import annotations

from typing import NamedTuple

from landbridge.model.status import TunnelState, TunnelStatus
from landbridge.store.resource_rows import ChildSaView, ConnectionRow
from landbridge.vpn import psks
from landbridge.vpn.status import child_sas
from landbridge.vpn.status_rules import (
    DatedStatus,
    StatusColumns,
    TunnelFacts,
    connection_status,
    is_certain,
    status_columns,
    unknown_status,
)


class Observed(NamedTuple):
    """The columns of a connection that its gateway's reports write."""

    status: str
    status_reason: str | None
    status_message: str | None
    status_changed_at: str | None
    selector_mode: str | None
    child_sas: list[ChildSaView]
    applied_revision: int
    observed_state: str | None
    established: bool
    told_until: float

    @classmethod
    def of(cls, row: ConnectionRow) -> Observed:
        """What was observed before."""
        return cls(*(getattr(row, name) for name in cls._fields))


class Reported(NamedTuple):
    """A connection that a report is about, with the `admin_state_up` of its service and router."""

    row: ConnectionRow
    service_up: bool
    router_up: bool


class Observation(NamedTuple):
    """A connection that a report changes."""

    before: ConnectionRow
    after: ConnectionRow
    told: TunnelStatus


def observe(reported: Reported, status: TunnelStatus, at: str) -> Observed:
    """The observed columns of a connection after a report. `at`: the time of the observation."""
    row = reported.row
    if not status.known:
        return _unknown(row, status, at)
    established = row.established or status.state in (TunnelState.UP, TunnelState.PARTIAL)
    facts = TunnelFacts(
        state=status.state,
        established=established,
        settled=status.applied_revision >= row.revision,
        connection_up=row.admin_state_up,
        service_up=reported.service_up,
        router_up=reported.router_up,
    )
    verdict = connection_status(facts, status.reason)
    said = status_columns(verdict.status, verdict.reason)
    if psks.is_unreadable(row.status_reason):
        said = StatusColumns(row.status, row.status_reason, row.status_message)
    return Observed(
        *_dated(row, said, at),
        *child_sas.columns(status),
        applied_revision=status.applied_revision,
        observed_state=status.state.value,
        established=established,
        told_until=max([row.told_until, *(event.at for event in status.events)]),
    )


def _unknown(row: ConnectionRow, status: TunnelStatus, at: str) -> Observed:
    """The gateway cannot observe the tunnel: the last observation is kept, without CHILD_SAs."""
    kept = Observed.of(row)
    if is_certain(row):
        return kept
    said = status_columns(unknown_status(row.status), status.reason)
    return kept._replace(**_dated(row, said, at)._asdict(), **child_sas.NONE._asdict())


def _dated(row: ConnectionRow, said: StatusColumns, at: str) -> DatedStatus:
    same = (row.status, row.status_reason) == (said.status, said.status_reason)
    return DatedStatus(*said, status_changed_at=row.status_changed_at if same else at)
