"""What an agent has of a server, in place of `landbridge.agent.link.client.Server`: without a wire,
so that it runs on virtual time, and with every fault that a wire and a server have.

Rules this module keeps:
- What is asked is answered from the state of the moment at which the question arrives; the answer
  may be late, and may be lost after the server has done what it says.
- `gone` counts what the history has said to be gone, for whoever checks that nothing else goes.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator, Callable
from types import TracebackType
from typing import Any, Self, TypeVar

from landbridge.agent.link.client import SILENCE, CursorTooOld, LeaseLost, Unreachable
from landbridge.model.diagnosis import Diagnosis
from landbridge.model.gateway import Change, Desired, Lease, Position
from landbridge.model.router import Router
from landbridge.model.status import Report, RouterStatus, TunnelStatus
from landbridge.model.tunnel import Tunnel, TunnelRef

T = TypeVar("T")
HEARTBEAT = 5.0


class ScriptedServer:
    """`down`: nothing is answered. `delay`: seconds of one question and its answer. `foreign`: an
    empty database of another identity answers. `held`: somebody else has the lease."""

    def __init__(self) -> None:
        self.down = self.foreign = self.held = False
        self.delay = 0.0
        self.ttl = 15.0
        self.openings = ["first"]
        self.oldest = 0
        self.wanted_routers: dict[str, Router] = {}
        self.wanted_tunnels: dict[str, Tunnel] = {}
        self.changes_made: list[Change] = []
        self.gone: Counter[tuple[str, str]] = Counter()  # (object, its router)
        self.epoch = self.sequence = 0
        self.renewals: list[float] = []
        self.holds: list[str] = []
        self.reports: list[Report] = []
        self.statuses: dict[str, TunnelStatus | RouterStatus] = {}
        self._moved = asyncio.Event()

    # What a test does -----------------------------------------------------------------------

    def put_router(self, router: Router) -> None:
        self.wanted_routers[router.id] = router
        self._tell("router", router.id, router.id, router.revision)

    def put_tunnel(self, tunnel: Tunnel) -> None:
        before = self.wanted_tunnels.get(tunnel.id)
        if before is not None and before.router_id != tunnel.router_id:
            self.gone[tunnel.id, before.router_id] += 1
        self.wanted_tunnels[tunnel.id] = tunnel
        self._tell("tunnel", tunnel.id, tunnel.router_id, tunnel.revision)

    def delete_tunnel(self, tunnel_id: str) -> None:
        tunnel = self.wanted_tunnels.pop(tunnel_id)
        self.gone[tunnel.id, tunnel.router_id] += 1
        self._tell("tunnel", tunnel.id, tunnel.router_id, tunnel.revision, deleted=True)

    def delete_router(self, router_id: str, *, router_first: bool) -> None:
        """With its tunnels, as when another gateway is to run it. The lines are one transaction."""
        router = self.wanted_routers.pop(router_id)
        mine = [each.id for each in self.wanted_tunnels.values() if each.router_id == router_id]
        self.gone[router_id, router_id] += 1
        if router_first:
            self._tell("router", router_id, router_id, router.revision, deleted=True)
        for tunnel_id in mine:
            self.delete_tunnel(tunnel_id)
        if not router_first:
            self._tell("router", router_id, router_id, router.revision, deleted=True)

    def restart(self) -> None:
        """Streams end, and the next one is another opening."""
        self.openings.append(f"opening {len(self.openings)}")
        self._wake()

    def forget_changes(self) -> None:
        """Who has not seen all of them is told to start anew."""
        self.oldest = len(self.changes_made)

    def take_lease_away(self) -> None:
        self.epoch, self.sequence = self.epoch + 1, 0

    def _tell(self, kind: Any, id: str, router: str, revision: int, **more: Any) -> None:
        change = Change(
            cursor=len(self.changes_made) + 1,
            kind=kind,
            id=id,
            router_id=router,
            revision=revision,
            opening=self.openings[-1],
            **more,
        )
        self.changes_made.append(change)
        self._wake()

    def ask(self, tunnel: Tunnel, diagnosis_id: str) -> None:
        self._tell(
            "diagnose", tunnel.id, tunnel.router_id, tunnel.revision, diagnosis_id=diagnosis_id
        )

    def _wake(self) -> None:
        self._moved.set()
        self._moved = asyncio.Event()

    # What the agent asks ----------------------------------------------------------------------

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        pass

    async def lease(self, *, epoch: int | None, holds: str = "", **_: Any) -> Lease:
        return await self._answer(lambda: self._leased(epoch, holds))

    def _leased(self, epoch: int | None, holds: str) -> Lease:
        if holds:
            self.holds.append(holds)
            raise LeaseLost("the database is not followed")
        if self.held or epoch not in (None, self.epoch):
            raise LeaseLost("another holder has it")
        if epoch is None:
            self.take_lease_away()
        self.renewals.append(asyncio.get_running_loop().time())
        return Lease(gateway_id="g1", epoch=self.epoch, ttl=self.ttl, sequence=self.sequence)

    async def desired(self, seen: Position | None = None) -> Desired:
        return await self._answer(lambda: self._desired(seen))

    def _desired(self, seen: Position | None) -> Desired:
        if self.foreign:
            return Desired(cursor=0, routers=(), tunnels=(), database="foreign", opening="other",
                           goes_on=seen is None)  # fmt: skip
        refs = (
            TunnelRef(id=each.id, router_id=each.router_id, revision=each.revision)
            for each in self.wanted_tunnels.values()
        )
        return Desired(
            cursor=len(self.changes_made),
            routers=tuple(self.wanted_routers.values()),
            tunnels=tuple(refs),
            database="ours",
            opening=self.openings[-1],
            goes_on=seen is None or (seen.database == "ours" and seen.opening in self.openings),
        )

    async def tunnels(self) -> tuple[Tunnel, ...]:
        return await self._answer(lambda: tuple(self._ours(self.wanted_tunnels).values()))

    async def tunnel(self, tunnel_id: str) -> Tunnel | None:
        return await self._answer(lambda: self._ours(self.wanted_tunnels).get(tunnel_id))

    async def router(self, router_id: str) -> Router | None:
        return await self._answer(lambda: self._ours(self.wanted_routers).get(router_id))

    def _ours(self, objects: dict[str, T]) -> dict[str, T]:
        return {} if self.foreign else objects

    async def report(self, report: Report) -> None:
        await self._answer(lambda: self._reported(report))

    def _reported(self, report: Report) -> None:
        if report.epoch != self.epoch:
            raise LeaseLost("a stale epoch")
        assert report.sequence > self.sequence, "a report that the server would drop"
        self.sequence = report.sequence
        self.reports.append(report)
        told: tuple[TunnelStatus | RouterStatus, ...] = (*report.tunnels, *report.routers)
        self.statuses |= {status.id: status for status in told}

    async def diagnosed(self, diagnosis_id: str, found: Diagnosis) -> None:
        await self._answer(lambda: None)

    async def changes(self, seen: Position) -> AsyncGenerator[Change | None, None]:
        opened = await self._answer(lambda: self._opened(seen))
        cursor = seen.cursor
        yield None
        while opened == (self.openings[-1], self.foreign):
            moved = self._moved
            if self.down:
                await asyncio.sleep(SILENCE)
                raise Unreachable("the stream has fallen silent")
            if cursor < len(self.changes_made):
                cursor += 1
                yield self.changes_made[cursor - 1]
                continue
            try:
                async with asyncio.timeout(HEARTBEAT):
                    await moved.wait()
            except TimeoutError:
                yield None

    def _opened(self, seen: Position) -> tuple[str, bool]:
        database = "foreign" if self.foreign else "ours"
        if seen.database != database or not self.oldest <= seen.cursor <= len(self.changes_made):
            raise CursorTooOld("start anew")
        return self.openings[-1], self.foreign

    async def _answer(self, make: Callable[[], T]) -> T:
        await self._way()
        answer = make()
        await self._way()
        return answer

    async def _way(self) -> None:
        await asyncio.sleep(self.delay / 2)
        if self.down:
            raise Unreachable("nobody answers")
