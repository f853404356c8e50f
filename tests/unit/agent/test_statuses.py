"""What is told of a tunnel whose router has an error."""

from __future__ import annotations

import asyncio
from pathlib import Path

import msgspec
import pytest

from landbridge.agent.dataplane.dataplane import Backend
from landbridge.agent.metrics.meters import Meters
from landbridge.agent.metrics.metrics import AgentMetrics
from landbridge.agent.reconcile.statuses import ErrorSource, Statuses, with_error
from landbridge.agent.routers import runner
from landbridge.agent.routers.runner import RouterTask
from landbridge.model.status import Reason, ReasonCode, RouterStatus, TunnelState, TunnelStatus
from landbridge.vici import Message
from tests.unit.agent.charons import FakeCharon
from tests.unit.agent.test_many_at_once import ROUTER, Roads
from tests.unit.agent.tunnels import tunnel
from tests.unit.vici.daemon import Wire

C, S = ReasonCode, TunnelState
DEADLINE = 20.0


def _status(state: TunnelState, code: ReasonCode | None = None) -> TunnelStatus:
    reason = Reason(code=code, message="its own") if code else None
    return TunnelStatus(
        id="t", revision=1, applied_revision=1, state=state, reason=reason, observed_at=0.0
    )


@pytest.mark.parametrize(
    ("own", "told"),
    [
        (_status(S.UP), C.GATEWAY_ERROR),
        (_status(S.UP, C.ONE_WAY), C.GATEWAY_ERROR),
        (_status(S.PARTIAL, C.PARTIAL), C.GATEWAY_ERROR),
        (_status(S.BUILDING, C.CONNECTING), C.GATEWAY_ERROR),
        (_status(S.DOWN, C.PSK_MISMATCH), C.GATEWAY_ERROR),
        (_status(S.DOWN, C.ADMIN_DOWN), C.ADMIN_DOWN),
        (_status(S.ERROR, C.UNSUPPORTED), C.UNSUPPORTED),
        (_status(S.ERROR, C.COLLISION), C.COLLISION),
    ],
)
def test_what_goes_before_what(own: TunnelStatus, told: ReasonCode) -> None:
    assert with_error(own, "") == own
    status = with_error(own, "nft refuses")
    assert status.reason is not None
    assert status.reason.code is told
    assert (status.reason.message == "nft refuses") == (told is C.GATEWAY_ERROR)
    assert msgspec.structs.replace(status, reason=own.reason) == own


def test_errors_of_two_sources_are_told_together_and_go_one_by_one(tmp_path: Path) -> None:
    told: list[TunnelStatus] = []
    routers: list[RouterStatus] = []
    statuses = Statuses(
        ROUTER,
        (),
        report=told.append,
        report_router=routers.append,
        meters=Meters("r", AgentMetrics(), tmp_path / "carried.json"),
    )
    statuses.serves()
    statuses.tell(_status(S.UP))
    statuses.set_error(ErrorSource.NAMESPACE, "no bridge")
    statuses.set_error(ErrorSource.SERVICE, "no nft")
    statuses.set_error(ErrorSource.SERVICE, "no nft")  # again: nothing new of the tunnel
    statuses.set_error(ErrorSource.NAMESPACE, None)
    statuses.set_error(ErrorSource.SERVICE, None)
    words = [status.reason.message if status.reason else "" for status in told]
    assert words == ["", "no bridge", "no bridge; no nft", "no nft", ""]
    assert [runner.ready for runner in routers] == [True, *[False] * 4, True]


class DeafCharon(FakeCharon):
    """Takes connections, and answers nothing."""

    def _answer(self, wire: Wire, command: str, message: Message) -> None:
        """Nothing."""


def test_a_charon_that_does_not_answer_is_told_of(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runner, "_ADOPTION", 0.05)
    wanted, silent = tunnel(), asyncio.Event()
    told: list[TunnelStatus] = []

    def take(status: TunnelStatus) -> None:
        told.append(status)
        silent.set()

    async def main() -> None:
        charon = DeafCharon(tmp_path)
        task = RouterTask(
            ROUTER,
            charon=charon,
            backend=Backend.LIBIPSEC,
            dataplane=Roads(),
            report=take,
            report_router=lambda status: None,
            meters=Meters("r", AgentMetrics(), tmp_path / "carried.json"),
        )
        task.replace([wanted])
        async with asyncio.timeout(DEADLINE), charon.serving():
            running = asyncio.create_task(task.run())
            try:
                await silent.wait()
            finally:
                running.cancel()
                await asyncio.wait([running])

    asyncio.run(main())
    assert told[0].reason == Reason(code=C.GATEWAY_ERROR, message="charon does not answer in time")
    assert not told[0].known
