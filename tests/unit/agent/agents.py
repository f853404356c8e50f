"""An agent's parts that follow a server, on a host without routers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

from landbridge.agent.link.client import Server
from landbridge.agent.link.followed import Followed
from landbridge.agent.link.lease import LeaseKeeper
from landbridge.agent.link.reporter import Reporter
from landbridge.agent.routers.manager import RouterManager
from landbridge.agent.routers.supervisor import RouterSupervisor
from landbridge.agent.routers.watcher import Watcher
from landbridge.lab.patience import patient
from landbridge.model.diagnosis import Diagnosis
from landbridge.model.router import Router
from landbridge.model.tunnel import Tunnel
from tests.agentserver import FakeServer
from tests.unit.agent.tunnels import tunnel as any_tunnel

PATIENCE = patient(20.0)


class Worker:
    """Notes what it is told, in place of a router's task."""

    def __init__(self) -> None:
        self.tunnels: dict[str, Tunnel] = {}
        self.asked: list[str] = []

    def want(self, tunnel: Tunnel) -> None:
        self.tunnels[tunnel.id] = tunnel

    def drop(self, tunnel_id: str) -> None:
        self.tunnels.pop(tunnel_id, None)

    def replace(self, tunnels: Any) -> None:
        self.tunnels = {tunnel.id: tunnel for tunnel in tunnels}

    async def diagnose(self, tunnel_id: str) -> Diagnosis:
        """It takes its time."""
        self.asked.append(tunnel_id)
        await asyncio.Event().wait()
        raise AssertionError("nothing ends it")

    async def initiate(self, tunnel_id: str) -> Diagnosis:
        return await self.diagnose(tunnel_id)


class Host:
    """An agent without routers of the host's."""

    def __init__(self, state: Path) -> None:
        self.state = state
        self.workers: dict[str, Worker] = {}
        self.retired: list[str] = []
        self.present: set[str] = set()

    def keep(self, router: Router) -> RouterSupervisor:
        worker = self.workers[router.id] = Worker()
        self.present.add(router.id)

        async def run() -> None:
            await asyncio.Event().wait()

        async def retire() -> None:
            self.retired.append(router.id)
            self.present.discard(router.id)

        return cast(
            RouterSupervisor, SimpleNamespace(router=router, worker=worker, run=run, retire=retire)
        )

    @asynccontextmanager
    async def running(self, url: str) -> AsyncIterator[Followed]:
        followed = Followed(self.state)
        async with (
            Server(url, "g1", self.state / "agent-token") as server,
            asyncio.TaskGroup() as group,
        ):
            reporter = Reporter(server.report)
            lease = LeaseKeeper(
                server,
                self.state / "epoch",
                "holder",
                {},
                on_lease=lambda taken: reporter.use_epoch(taken.epoch, taken.sequence),
            )
            router_watcher = Watcher(
                server,
                RouterManager(group, self.keep, reporter.forget),
                followed,
                ready=lease.held,
                connected=reporter.repeat,
                clean=self._clean,
                present=lambda wanted: self.present - wanted,
                hold=lease.hold,
            )
            tasks = [
                group.create_task(work)
                for work in (
                    lease.run(),
                    router_watcher.run(),
                    followed.keep(),
                    reporter.run(lease.lost),
                )
            ]
            try:
                yield followed
            finally:
                for task in tasks:
                    task.cancel()
                for task in asyncio.all_tasks() - {asyncio.current_task()}:
                    if (task.get_name() or "").startswith(("supervisor", "leaving")):
                        task.cancel()

    async def _clean(self, wanted: frozenset[str]) -> None:
        self.retired += sorted(self.present - wanted)
        self.present &= wanted

    @property
    def asked(self) -> list[str]:
        """The tunnels that a diagnosis was asked of."""
        return [each for worker in self.workers.values() for each in worker.asked]

    def tunnels(self) -> dict[str, int]:
        every = (t for worker in self.workers.values() for t in worker.tunnels.values())
        return {t.id: t.revision for t in every}


def router(id: str = "r1") -> Router:
    return Router(id=id, name="r", revision=1, admin_state_up=True, uplink=None, inside=())


def tunnel(id: str = "t1", revision: int = 5) -> Tunnel:
    return any_tunnel(id=id, router_id="r1", revision=revision)


async def until(condition: Any) -> None:
    async with asyncio.timeout(PATIENCE):
        while not condition():  # noqa: ASYNC110 - files and fakes raise no event
            await asyncio.sleep(0.01)


def served() -> FakeServer:
    return FakeServer(
        ttl=0.3, routers={"r1": router()}, tunnels={"t1": tunnel(), "t2": tunnel("t2", 2)}
    )
