"""The events of a connection: derived from its rows before and after a change, and from reports.

Rules this module keeps:
- Events are derived from observations, never from requests.
- One report can give several events (up and applied).
- An event that a gateway reports again is not repeated: events are identified by their times.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from sqlalchemy import Connection

from landbridge.model.status import ReasonCode, TunnelEventKind, TunnelState, TunnelStatus
from landbridge.store import events
from landbridge.store.resource_rows import ConnectionRow, R
from landbridge.store.transaction import precisely
from landbridge.vpn.status_rules import MESSAGE_LENGTH


class EventKind(StrEnum):
    """What can happen to an object."""

    CREATED = "created"
    UPDATED = "updated"
    DELETED = "deleted"
    UP = "up"
    PARTIAL = "partial"
    DOWN = "down"
    APPLIED = "applied"
    STATUS = "status"
    REASON = "reason"
    SILENT = "silent"
    HEARD = "heard"
    REKEYED = TunnelEventKind.REKEYED.value
    PEER_MOVED = TunnelEventKind.PEER_MOVED.value
    REPLACED = TunnelEventKind.REPLACED.value


ROUTINE: Final = frozenset({TunnelEventKind.REKEYED})
_UP: Final = frozenset({TunnelState.UP.value, TunnelState.PARTIAL.value})
_NOT_CHANGES: Final = frozenset({"revision_number", "updated_at", "revision", "psk_generation"})
_NAMES: Final[Mapping[str, str]] = {
    "psk_sealed": "psk",
    "dpd_action": "dpd",
    "dpd_interval": "dpd",
    "dpd_timeout": "dpd",
    "lifetime_units": "lifetime",
    "lifetime_value": "lifetime",
}


def between(before: ConnectionRow, after: ConnectionRow) -> list[EventKind]:
    """The events between two rows of a connection. Pure."""
    silent = ReasonCode.GATEWAY_SILENT.value
    candidates = (
        (EventKind.HEARD, before.status_reason == silent != after.status_reason),
        (EventKind.UP, _became(before, after, TunnelState.UP)),
        (EventKind.PARTIAL, _became(before, after, TunnelState.PARTIAL)),
        (EventKind.DOWN, before.observed_state in _UP and after.observed_state not in _UP),
        (EventKind.APPLIED, _applied(before, after)),
    )
    happened = [kind for kind, true in candidates if true]
    if happened:
        return happened
    if before.status != after.status:
        return [EventKind.STATUS]
    same = _reason(before) == _reason(after)
    return [] if same else [EventKind.REASON]


def observed(
    tx: Connection, before: ConnectionRow, after: ConnectionRow, told: TunnelStatus
) -> None:
    """Write the events of a report: first those that it lists, then those of its status."""
    for event in told.events:
        if event.at > before.told_until:
            events.note(
                tx,
                event.kind.value,
                events.CONNECTION,
                after,
                at=precisely(min(event.at, time.time())),
                routine=event.kind in ROUTINE,
                message=event.message[:MESSAGE_LENGTH],
            )
    at = observed_at(before, told)
    for kind in between(before, after):
        events.note(tx, kind.value, events.CONNECTION, after, at=at)


def observed_at(before: ConnectionRow, told: TunnelStatus) -> str:
    """The time of an observation: by the gateway's clock, but not in the future and not before the
    last known change."""
    at = precisely(min(told.observed_at, time.time()))
    known = before.status_changed_at or ""
    return at if at.rstrip("Z") >= known.rstrip("Z") else precisely()


def changed_names(before: R, after: R) -> list[str]:
    """The attributes that a client has changed, by the API's names."""
    names = {
        _NAMES.get(name, name)
        for name in after.__struct_fields__
        if name not in _NOT_CHANGES
        and not name.startswith("status")
        and getattr(before, name) != getattr(after, name)
    }
    return sorted(names)


def _reason(row: ConnectionRow) -> tuple[str | None, str | None]:
    return row.status_reason, row.status_message


def _applied(before: ConnectionRow, after: ConnectionRow) -> bool:
    """Whether an update came into effect; the first revision is no update."""
    wanted = after.revision
    return wanted > 1 and before.applied_revision < wanted <= after.applied_revision


def _became(before: ConnectionRow, after: ConnectionRow, state: TunnelState) -> bool:
    return before.observed_state != after.observed_state == state.value
