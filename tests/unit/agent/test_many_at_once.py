"""When many tunnels change at once: what charon is asked for, and what waits for what."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from landbridge.agent.charon.connection_config import target
from landbridge.agent.dataplane.dataplane import Backend, TunnelNet
from landbridge.agent.dataplane.network import NetworkSide
from landbridge.agent.metrics.meters import Meters
from landbridge.agent.metrics.metrics import AgentMetrics
from landbridge.agent.reconcile.sa_reader import worth_one_list
from landbridge.agent.routers.runner import RouterTask
from landbridge.agent.tunnels.desired import Target
from landbridge.model.router import Router
from landbridge.model.status import TunnelState, TunnelStatus
from tests.unit.agent.charons import FakeCharon
from tests.unit.agent.tunnels import tunnel

DEADLINE = 90.0
ROUTER = Router(id="r", name="", revision=1, admin_state_up=True, uplink=None, inside=())


class Roads:
    """A dataplane that takes no time, unless `open` is cleared."""

    def __init__(self, told: Callable[[], None] = lambda: None) -> None:
        self._told = told
        self.open = asyncio.Event()
        self.open.set()
        self.applied: list[dict[str, bool]] = []
        self.asked = 0
        self.refuses: dict[str, str] = {}

    async def apply(self, router: Router, tunnels: Mapping[str, TunnelNet]) -> Mapping[str, str]:
        self.asked += 1
        self._told()
        await self.open.wait()
        self.applied.append({tunnel_id: net.up for tunnel_id, net in tunnels.items()})
        self._told()
        return self.refuses


class Scene:
    """`targets`: of the tunnels that are wanted, none of them up yet."""

    def __init__(self, charon: FakeCharon, targets: list[Target]) -> None:
        self.charon, self.targets = charon, targets
        self.statuses: dict[str, TunnelStatus] = {}
        self._told: list[TunnelStatus] = []
        self._news = asyncio.Event()
        self.roads = Roads(self._news.set)

    def take(self, status: TunnelStatus) -> None:
        self.statuses[status.id] = status
        self._told.append(status)
        self._news.set()

    async def until(self, holds: Callable[[], bool]) -> None:
        while not holds():
            self._news.clear()
            await self._news.wait()

    async def change(self, targets: list[Target], *, up: bool) -> int:
        """How many lists it took until the status of all has followed."""
        before = self.lists()
        self.charon.change(targets, up=up)
        wanted = TunnelState.UP if up else TunnelState.DOWN
        ids = [each.tunnel_id for each in targets]
        await self.until(lambda: all(self.statuses[each].state is wanted for each in ids))
        return self.lists() - before

    def is_up(self, one: Target) -> bool:
        return self.statuses[one.tunnel_id].state is TunnelState.UP

    def states(self, one: Target) -> list[TunnelState]:
        """All that it was called, in order."""
        return [status.state for status in self._told if status.id == one.tunnel_id]

    def lists(self) -> int:
        return sum(n for command, n in self.charon.asked.items() if command.startswith("list-sas"))


@asynccontextmanager
async def standing(directory: Path, count: int) -> AsyncIterator[Scene]:
    tunnels = [
        tunnel(
            id=f"{number + 1:08x}-0000-4000-8000-000000000000",
            peer_address=f"198.51.{101 + number // 250}.{1 + number % 250}",
            peer_id=f"peer-{number}",
            initiator="response-only",
        )
        for number in range(count)
    ]
    charon = FakeCharon(directory)
    scene = Scene(charon, [target(each, Backend.LIBIPSEC) for each in tunnels])
    task = RouterTask(
        ROUTER,
        charon=charon,
        backend=Backend.LIBIPSEC,
        dataplane=scene.roads,
        report=scene.take,
        report_router=lambda status: None,
        meters=Meters("r", AgentMetrics(), directory / "carried.json"),
    )
    task.replace(tunnels)
    async with asyncio.timeout(DEADLINE), charon.serving():
        running = asyncio.create_task(task.run())
        try:
            await scene.until(lambda: len(scene.statuses) == count)
            yield scene
        finally:
            running.cancel()
            await asyncio.wait([running])


@pytest.mark.parametrize("count", [50, 500])
def test_what_charon_is_asked_for_does_not_grow_with_the_tunnels(
    tmp_path: Path, count: int
) -> None:
    most = count // 4  # not one each; a busy machine sees its events in more parts

    async def main() -> None:
        async with standing(tmp_path, count) as scene:
            assert await scene.change(scene.targets, up=True) <= most
            assert await scene.change(scene.targets[:1], up=False) == 1
            assert await scene.change(scene.targets[:1], up=True) == 1
            assert await scene.change(scene.targets, up=False) <= most

    asyncio.run(main())


def test_a_tunnel_is_called_up_when_its_packets_can_pass_and_down_at_once(tmp_path: Path) -> None:
    async def main() -> None:
        async with standing(tmp_path, 40) as scene:
            first, others = scene.targets[:5], scene.targets[5:]
            await scene.change(first, up=True)
            scene.roads.open.clear()
            scene.charon.change(others, up=True)
            await scene.change(first, up=False)
            assert not any(scene.is_up(each) for each in others)
            scene.roads.open.set()
            await scene.until(lambda: all(scene.is_up(each) for each in others))
            last = {each.tunnel_id: each not in first for each in scene.targets}
            await scene.until(lambda: scene.roads.applied[-1] == last)

    asyncio.run(main())


def test_what_falls_before_its_packets_can_pass_is_never_called_up(tmp_path: Path) -> None:
    async def main() -> None:
        async with standing(tmp_path, 3) as scene:
            one, two, three = scene.targets
            await scene.until(lambda: scene.roads.applied[-1:] != [])
            scene.roads.open.clear()
            asked = scene.roads.asked
            scene.charon.change([one, two], up=True)
            await scene.until(lambda: scene.roads.asked > asked)  # it has been seen up
            await scene.change([one], up=False)
            scene.roads.open.set()
            await scene.change([three], up=True)
            await scene.until(lambda: scene.is_up(two))
            assert TunnelState.UP not in scene.states(one)

    asyncio.run(main())


@pytest.mark.parametrize(
    ("marked", "known", "took", "one"),
    [
        (1, 1, 0.0, False),
        (1, 1000, 1.0, False),
        (2, 2, 0.0, True),
        (3, 1000, 0.0005, False),
        (100, 1000, 0.0005, True),
        (1000, 1000, 0.0, True),
        (3, 1000, 0.05, True),  # charon is at work: a look by name waits for it
    ],
)
def test_when_one_list_serves_all(marked: int, known: int, took: float, one: bool) -> None:
    assert worth_one_list(marked, known, took) is one


def test_what_is_wanted_is_applied_once_and_by_one_at_a_time() -> None:
    async def main() -> None:
        roads = Roads()
        nets: dict[str, TunnelNet] = {}
        side = NetworkSide(roads, lambda: (ROUTER, nets))
        assert await side.in_step()
        assert not await side.in_step()
        roads.open.clear()
        net = TunnelNet(
            id="a", local_cidrs=(), peer_cidrs=(), up=False, mtu=1400, backend=Backend.LIBIPSEC
        )
        nets["a"] = net
        first = asyncio.create_task(side.in_step())
        await asyncio.sleep(0)
        nets["b"] = net
        second = asyncio.create_task(side.in_step())
        await asyncio.sleep(0)
        roads.open.set()
        assert await first
        assert await second
        assert roads.applied == [{}, {"a": False}, {"a": False, "b": False}]

    asyncio.run(main())
