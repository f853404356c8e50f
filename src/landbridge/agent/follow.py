"""Follows what the server wants of this gateway, over losses of either.

Rules this module keeps:
- Every (re)connection starts from `desired` and fetches only what is newer than what is
  here; then the stream says what changes, and each change is fetched by itself.
- While the server is away everything here goes on as it is.
- An empty answer is an answer, a missing one is not: nothing is dropped because of an error.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from typing import Final

import structlog

from landbridge.agent.backoff import Backoff
from landbridge.agent.fleet import Fleet
from landbridge.agent.server import Server, ServerError
from landbridge.model import Change, Desired, Tunnel, TunnelRef

FEW: Final = 8  # up to so many tunnels are fetched one by one
AT_ONCE: Final = 4  # questions that are answered at the same time; others wait
PATIENCE: Final = 5.0  # seconds, for one answer
Clean = Callable[[frozenset[str]], Awaitable[None]]

log = structlog.get_logger(__name__)


class Follower:
    """`ready` is waited for before each connection (the lease); `connected` is told of each
    resynchronisation; `clean` removes leftovers of routers that are not desired."""

    def __init__(
        self,
        server: Server,
        fleet: Fleet,
        ready: Callable[[], Awaitable[object]],
        connected: Callable[[], None],
        clean: Clean,
    ) -> None:
        self._server = server
        self._fleet = fleet
        self._ready = ready
        self._connected = connected
        self._clean = clean
        self._answering: dict[str, asyncio.Task[None]] = {}  # by the question's id
        self._few = asyncio.Semaphore(AT_ONCE)

    async def run(self) -> None:
        backoff = Backoff()
        while True:
            await self._ready()
            try:
                cursor = await self.resync()
                self._connected()
                async with aclosing(self._server.changes(cursor)) as changes:
                    async for change in changes:
                        backoff.reset()
                        if change is not None:
                            await self.take(change)
            except ServerError as error:
                log.warning("server lost", reason=str(error))
            await asyncio.sleep(backoff.next())

    async def resync(self) -> int:
        """Bring the fleet to what is desired; the cursor from where the stream goes on."""
        desired = await self._server.desired()
        wanted = frozenset(router.id for router in desired.routers)
        newer = await self._newer(desired)
        # From here to `keep_only` without a pause: a router's task must not begin before it
        # knows all its tunnels, or it would unroute those that run.
        for router in desired.routers:
            self._fleet.want_router(router)
        for tunnel in newer:
            if tunnel.router_id in wanted:
                self._fleet.want_tunnel(tunnel)
        self._fleet.keep_only(wanted, (ref.id for ref in desired.tunnels))
        await self._clean(wanted)
        log.info("in step with the server", routers=len(wanted), tunnels=len(desired.tunnels))
        return desired.cursor

    async def take(self, change: Change) -> None:
        if change.kind == "router":
            await self._take_router(change)
        elif change.kind == "tunnel":
            await self._take_tunnel(change)
        elif change.diagnosis_id not in self._answering:
            answering = asyncio.create_task(self._answer(change), name=f"diagnose {change.id}")
            self._answering[change.diagnosis_id] = answering
            answering.add_done_callback(lambda _: self._answering.pop(change.diagnosis_id))

    async def _answer(self, question: Change) -> None:
        """The stream goes on meanwhile. Who asked waits a few seconds, and may ask again."""
        about = {"tunnel": question.id, "request_id": question.request_id}
        try:
            async with asyncio.timeout(PATIENCE), self._few:
                found = await self._fleet.diagnose(question.id)
                await self._server.diagnosed(question.diagnosis_id, found)
        except (ServerError, TimeoutError) as error:
            log.info("diagnosis not delivered", reason=str(error) or "too late", **about)
        else:
            log.info("diagnosed", **about)

    async def _take_router(self, change: Change) -> None:
        router = None if change.deleted else await self._server.router(change.id)
        if router is None:
            self._fleet.drop_router(change.id)
        else:
            self._fleet.want_router(router)

    async def _take_tunnel(self, change: Change) -> None:
        ref = TunnelRef(id=change.id, router_id=change.router_id, revision=change.revision)
        if not change.deleted and self._fleet.has(ref):
            return
        tunnel = None if change.deleted else await self._server.tunnel(change.id)
        if tunnel is not None and tunnel.router_id not in self._fleet.routers():
            router = await self._server.router(tunnel.router_id)
            if router is None:
                return  # it has gone meanwhile; its own change is on its way
            self._fleet.want_router(router)
        if tunnel is None:
            self._fleet.drop_tunnel(change.id)
        else:
            self._fleet.want_tunnel(tunnel)

    async def _newer(self, desired: Desired) -> list[Tunnel]:
        missing = [ref for ref in desired.tunnels if not self._fleet.has(ref)]
        if not missing:
            return []
        if len(missing) > FEW:
            return list(await self._server.tunnels())
        fetched = [await self._server.tunnel(ref.id) for ref in missing]
        return [tunnel for tunnel in fetched if tunnel is not None]
