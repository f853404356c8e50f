"""All routers and tunnels of this gateway, as last heard: who gets told what.

Rules this module keeps:
- What is known already changes nothing: a tunnel is told on only with a
  newer revision, a router only when it differs. Where revisions are of another history (`doubt`),
  each tunnel is taken as it comes, once.
- A change of one tunnel touches that tunnel's router and nothing else.
- Of one router one task works on the host at a time: one that comes back waits for the end of
  every earlier removal, and so does a removal.
- Leftovers of routers that are gone for good (deleted while no agent ran) are found by
  their directories, and removed.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Final

import msgspec
import structlog

from landbridge.agent.reconcile.diagnosis import UNKNOWN, stranger
from landbridge.agent.routers.supervisor import RouterSupervisor, Worker
from landbridge.model.diagnosis import Diagnosis
from landbridge.model.initiation import Initiation, InitiationState
from landbridge.model.router import Router
from landbridge.model.tunnel import Tunnel, TunnelRef

log: Final = structlog.get_logger(__name__)


@dataclass
class _Running:
    router_supervisor: RouterSupervisor
    task: asyncio.Task[None]
    tunnels: dict[str, Tunnel] = field(default_factory=dict)

    def revision(self, tunnel_id: str) -> int:
        tunnel = self.tunnels.get(tunnel_id)
        return -1 if tunnel is None else tunnel.revision


class RouterManager:
    """`group` holds the tasks; `keep` makes a supervisor; `forget` ends all talk of an object."""

    def __init__(
        self,
        group: asyncio.TaskGroup,
        keep: Callable[[Router], RouterSupervisor],
        forget: Callable[[str], None],
    ) -> None:
        self._group = group
        self._keep = keep
        self._forget = forget
        self._running: dict[str, _Running] = {}
        self._places: dict[str, str] = {}  # tunnel id -> router id
        self._leaving: dict[str, asyncio.Task[None]] = {}
        self._doubted: set[str] = set()

    def routers(self) -> frozenset[str]:
        return frozenset(self._running)

    def leaving(self) -> frozenset[str]:
        """Routers that are being taken down by their supervisors."""
        return frozenset(self._leaving)

    def tunnels(self) -> frozenset[str]:
        return frozenset(self._places)

    def doubt(self) -> None:
        """What is known of tunnels is of another history: their revisions tell nothing."""
        self._doubted = set(self._places)

    def has(self, ref: TunnelRef) -> bool:
        """Whether that revision of the tunnel, or a newer one, was told on."""
        if ref.id in self._doubted:
            return False
        running = self._running.get(ref.router_id)
        return running is not None and running.revision(ref.id) >= ref.revision

    def want_router(self, router: Router) -> None:
        running = self._running.get(router.id)
        if running is None:
            router_supervisor = self._keep(router)
            self._running[router.id] = _Running(router_supervisor, self._start(router_supervisor))
        elif running.router_supervisor.router != router:
            running.router_supervisor.want(router)

    def drop_router(self, router_id: str) -> None:
        running = self._running.pop(router_id, None)
        if running is None:
            return
        for tunnel_id in running.tunnels:
            del self._places[tunnel_id]
            self._forget(tunnel_id)
        self._forget(router_id)
        self._leave(router_id, running)

    def want_tunnel(self, tunnel: Tunnel) -> None:
        """Its router must be known."""
        before = self._places.get(tunnel.id)
        if before is not None and before != tunnel.router_id:
            self.drop_tunnel(tunnel.id)
        running = self._running[tunnel.router_id]
        doubted = tunnel.id in self._doubted
        self._doubted.discard(tunnel.id)
        if doubted or running.revision(tunnel.id) < tunnel.revision:
            running.tunnels[tunnel.id] = tunnel
            self._places[tunnel.id] = tunnel.router_id
            running.router_supervisor.worker.want(tunnel)

    def drop_tunnel(self, tunnel_id: str) -> None:
        router_id = self._places.pop(tunnel_id, None)
        if router_id is not None:
            running = self._running[router_id]
            del running.tunnels[tunnel_id]
            running.router_supervisor.worker.drop(tunnel_id)
            self._forget(tunnel_id)

    async def diagnose(self, tunnel_id: str) -> Diagnosis:
        """A close look at one tunnel, or why there is nothing to see."""
        worker = self._worker_of(tunnel_id)
        return await worker.diagnose(tunnel_id) if worker else stranger(tunnel_id, time.time())

    async def initiate(self, tunnel_id: str) -> Diagnosis:
        """Have it initiated now; the same, with what comes of it."""
        if (worker := self._worker_of(tunnel_id)) is not None:
            return await worker.initiate(tunnel_id)
        told = Initiation(state=InitiationState.REFUSED, message=UNKNOWN)
        return msgspec.structs.replace(stranger(tunnel_id, time.time()), initiation=told)

    def _worker_of(self, tunnel_id: str) -> Worker | None:
        router_id = self._places.get(tunnel_id)
        return self._running[router_id].router_supervisor.worker if router_id else None

    def keep_only(self, routers: Iterable[str], tunnels: Iterable[str]) -> None:
        """This is all: drop the others, and let each router take away what it still runs."""
        for tunnel_id in self._places.keys() - set(tunnels):
            self.drop_tunnel(tunnel_id)
        for router_id in self._running.keys() - set(routers):
            self.drop_router(router_id)
        for running in self._running.values():
            running.router_supervisor.worker.replace(running.tunnels.values())

    def _start(self, router_supervisor: RouterSupervisor) -> asyncio.Task[None]:
        before = self._leaving.get(router_supervisor.router.id)

        async def run() -> None:
            if before is not None:
                await asyncio.wait([before])  # the same router may come back at once
            await router_supervisor.run()

        return self._group.create_task(run(), name=f"supervisor {router_supervisor.router.id}")

    def _leave(self, router_id: str, running: _Running) -> None:
        before = self._leaving.get(router_id)
        ended = (running.task,) if before is None else (running.task, before)

        async def leave() -> None:
            running.task.cancel()
            await asyncio.wait(ended)
            await running.router_supervisor.retire()

        task = self._group.create_task(leave(), name=f"leaving {router_id}")
        self._leaving[router_id] = task
        task.add_done_callback(lambda _: self._left(router_id, task))

    def _left(self, router_id: str, task: asyncio.Task[None]) -> None:
        if self._leaving.get(router_id) is task:
            del self._leaving[router_id]
