"""From two rows of a connection to what has happened between them: the table."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from landbridge.model.status import TunnelState, TunnelStatus
from landbridge.store.resource_rows import ConnectionRow
from landbridge.vpn.event_kinds import EventKind, between, changed_names, observed_at
from tests.rows import CONNECTION

UP = CONNECTION
DOWN = replace(UP, status="DOWN", status_reason="dpd-timeout", observed_state="down")
PARTIAL = replace(UP, status_reason="partial", observed_state="partial")
NEW = replace(UP, status="PENDING_CREATE", observed_state=None, applied_revision=0, revision=1)
BUILDING = replace(NEW, status="BUILD", observed_state="building", applied_revision=1)
FIRST = replace(BUILDING, status="ACTIVE", observed_state="up")
PENDING = replace(UP, status="PENDING_UPDATE", status_reason="pending", revision=3)
REFUSED = replace(PENDING, status_reason="peer-not-changed")
APPLIED = replace(UP, revision=3, applied_revision=3)
SILENT = replace(UP, status="DOWN", status_reason="gateway-silent")
BROKEN = replace(DOWN, status="ERROR", status_reason="unsupported")


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        (UP, UP, []),
        (UP, DOWN, [EventKind.DOWN]),
        (DOWN, UP, [EventKind.UP]),
        (UP, PARTIAL, [EventKind.PARTIAL]),
        (PARTIAL, UP, [EventKind.UP]),
        (PARTIAL, DOWN, [EventKind.DOWN]),
        (NEW, BUILDING, [EventKind.STATUS]),
        (BUILDING, FIRST, [EventKind.UP]),
        (DOWN, BROKEN, [EventKind.STATUS]),
        (PENDING, REFUSED, [EventKind.REASON]),
        (DOWN, replace(DOWN, status_message="another"), [EventKind.REASON]),
        (PENDING, APPLIED, [EventKind.APPLIED]),
        (
            REFUSED,
            replace(APPLIED, observed_state="partial"),
            [EventKind.PARTIAL, EventKind.APPLIED],
        ),
        (SILENT, UP, [EventKind.HEARD]),
        (SILENT, DOWN, [EventKind.HEARD, EventKind.DOWN]),
        (SILENT, SILENT, []),
    ],
)
def test_what_has_happened(
    before: ConnectionRow, after: ConnectionRow, expected: list[EventKind]
) -> None:
    assert between(before, after) == expected


@pytest.mark.parametrize(
    ("observed", "known", "expected"),
    [
        (1767261600.25, "2026-01-01T10:00:00Z", "2026-01-01T10:00:00.250Z"),
        (1767261600.25, None, "2026-01-01T10:00:00.250Z"),
        (1767261599.0, "2026-01-01T10:00:00Z", None),  # before what is known: now
        (9e9, "2026-01-01T10:00:00Z", None),  # in the future: now
    ],
)
def test_when_it_happened(observed: float, known: str | None, expected: str | None) -> None:
    told = TunnelStatus(
        id="t",
        revision=1,
        applied_revision=1,
        state=TunnelState.UP,
        reason=None,
        observed_at=observed,
    )
    at = observed_at(replace(CONNECTION, status_changed_at=known), told)
    assert at == expected if expected else "2026-01-01T10:00:01" < at < "2100"


def test_changes_go_by_the_names_of_the_api() -> None:
    after = replace(
        CONNECTION,
        psk_sealed=b"2",
        psk_generation=2,
        dpd_action="clear",
        status="PENDING_UPDATE",
        status_reason="pending",
        revision_number=4,
    )
    assert changed_names(CONNECTION, after) == ["dpd", "psk"]
