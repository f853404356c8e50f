"""From what a gateway reports to a status: the table."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from landbridge.model.status import ReasonCode, TunnelState
from landbridge.vpn.rows import Attributes
from landbridge.vpn.status_rules import TunnelFacts, connection_status, service_status
from tests.rows import ROUTER
from tests.unit.vpn.reports import WHY, S


@pytest.mark.parametrize(
    ("state", "established", "settled", "expected"),
    [
        (S.BUILDING, False, False, "BUILD"),
        (S.BUILDING, False, True, "BUILD"),
        (S.DOWN, False, True, "BUILD"),
        (S.ERROR, False, False, "ERROR"),
        (S.UP, True, True, "ACTIVE"),
        (S.PARTIAL, True, True, "ACTIVE"),
        (S.UP, True, False, "PENDING_UPDATE"),
        (S.PARTIAL, True, False, "PENDING_UPDATE"),
        (S.DOWN, True, False, "PENDING_UPDATE"),
        (S.BUILDING, True, False, "PENDING_UPDATE"),
        (S.BUILDING, True, True, "DOWN"),
        (S.DOWN, True, True, "DOWN"),
        (S.ERROR, True, True, "ERROR"),
        (S.ERROR, True, False, "ERROR"),
    ],
)
def test_the_status_of_a_connection(
    state: TunnelState, established: bool, settled: bool, expected: str
) -> None:
    facts = TunnelFacts(
        state, established, settled, connection_up=True, service_up=True, router_up=True
    )
    status = connection_status(facts, WHY)
    assert status == (expected, WHY)
    unexplained = connection_status(facts, None)
    assert (unexplained.reason is None) == (expected == "ACTIVE" and state is S.UP)


@pytest.mark.parametrize(
    ("connection_up", "service_up", "router_up", "code"),
    [
        (False, True, True, ReasonCode.ADMIN_DOWN),
        (False, False, False, ReasonCode.ADMIN_DOWN),
        (True, False, True, ReasonCode.SERVICE_DOWN),
        (True, False, False, ReasonCode.SERVICE_DOWN),
        (True, True, False, ReasonCode.ROUTER_DOWN),
    ],
)
def test_what_is_not_wanted_up_is_down(
    connection_up: bool, service_up: bool, router_up: bool, code: ReasonCode
) -> None:
    facts = TunnelFacts(S.DOWN, False, True, connection_up, service_up, router_up)
    status = connection_status(facts, WHY)
    assert status.status == "DOWN"
    assert status.reason is not None
    assert status.reason.code is code
    still_up = TunnelFacts(S.UP, True, False, connection_up, service_up, router_up)
    assert connection_status(still_up, None).status == "PENDING_UPDATE"


@pytest.mark.parametrize(
    ("router", "admin", "expected"),
    [
        ({"ready": None}, True, "PENDING_CREATE"),
        ({"ready": True}, True, "ACTIVE"),
        ({"ready": True}, False, "DOWN"),
        ({"ready": True, "admin_state_up": False}, True, "DOWN"),
        ({"ready": False}, True, "DOWN"),
        ({"ready": False, "status_reason": "gateway-error"}, True, "ERROR"),
        ({"ready": False, "status_reason": "no-route"}, True, "DOWN"),
    ],
)
def test_the_status_of_a_service(router: Attributes, admin: bool, expected: str) -> None:
    assert service_status(replace(ROUTER, **router), admin=admin) == expected
