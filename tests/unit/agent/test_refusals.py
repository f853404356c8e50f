"""A tunnel that is refused over another one is called so as soon as that is lasting."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import pytest

from landbridge.agent.dataplane.dataplane import Backend
from landbridge.agent.metrics.meters import Meters
from landbridge.agent.metrics.metrics import AgentMetrics
from landbridge.agent.reconcile import tunnel as managed
from landbridge.agent.routers.runner import RouterTask
from landbridge.model.status import ReasonCode, TunnelState, TunnelStatus
from landbridge.model.tunnel import Dpd
from tests.unit.agent.charons import FakeCharon
from tests.unit.agent.test_many_at_once import ROUTER, Roads
from tests.unit.agent.tunnels import tunnel

OTHER = "7b1f6cf5-1d09-4a6c-8f2e-0c1f3d6a9e52"
LASTING = 0.3  # seconds
DEADLINE = 7.0  # seconds: sooner than anything else looks at it


def test_a_refusal_that_becomes_lasting_while_it_is_told_is_looked_at_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = tunnel(initiator="response-only")
    second = tunnel(
        id=OTHER,
        initiator="response-only",
        peer_cidrs=("10.9.0.0/24",),
        dpd=Dpd(action="hold", interval=7, timeout=120),
    )
    monkeypatch.setattr(managed, "LASTING", LASTING)
    lasting = asyncio.Event()

    def take(status: TunnelStatus) -> None:
        if status.id != second.id:
            return
        if status.state is not TunnelState.ERROR:
            time.sleep(LASTING)  # it becomes lasting while it is told
        elif status.reason is not None and status.reason.code is ReasonCode.COLLISION:
            lasting.set()

    async def main() -> None:
        charon = FakeCharon(tmp_path)
        task = RouterTask(
            ROUTER,
            charon=charon,
            backend=Backend.LIBIPSEC,
            dataplane=Roads(),
            report=take,
            report_router=lambda status: None,
            meters=Meters("r", AgentMetrics(), tmp_path / "carried.json"),
        )
        task.replace([first, second])
        async with asyncio.timeout(DEADLINE), charon.serving():
            running = asyncio.create_task(task.run())
            try:
                await lasting.wait()
            finally:
                running.cancel()
                await asyncio.wait([running])

    asyncio.run(main())
