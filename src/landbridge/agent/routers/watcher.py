"""Follows what the server wants of this gateway, over losses of either.

Rules this module keeps:
- Every (re)connection starts from `desired` and fetches only what is newer than what is
  here; then the stream says what changes, and each change is fetched by itself.
- While the server is away everything here goes on as it is; so it does while the server's database
  is not one that may be followed (`landbridge.agent.link.followed`), which is asked at each
  connection.
- An object is dropped because the history says that it is gone (a line with `deleted`, or `desired`
  without it), never because of an error or because it is not found: its own line is on its way.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection
from contextlib import aclosing
from typing import Final

import structlog

from landbridge.agent.link.client import Refused, Server, ServerError
from landbridge.agent.link.followed import Followed, Objection
from landbridge.agent.routers.manager import RouterManager
from landbridge.backoff import Backoff
from landbridge.model.gateway import Change, Desired, Position
from landbridge.model.tunnel import Tunnel, TunnelRef

FEW: Final = 8  # up to so many tunnels are fetched one by one
AT_ONCE: Final = 4  # questions that are answered at the same time; others wait
PATIENCE: Final = 5.0  # seconds, for one answer
Clean = Callable[[frozenset[str]], Awaitable[None]]

log = structlog.get_logger(__name__)


class Watcher:
    """`ready` is waited for before each connection (the lease); `connected` is told of each
    resynchronisation; `clean` removes leftovers of routers that are not desired. `present` tells
    of which routers there is anything on this host, but for those given; `hold` is told why
    the database is not followed, and of an empty reason when it is again."""

    def __init__(
        self,
        server: Server,
        router_manager: RouterManager,
        followed: Followed,
        *,
        ready: Callable[[], Awaitable[object]],
        connected: Callable[[], None],
        clean: Clean,
        present: Callable[[frozenset[str]], Collection[str]],
        hold: Callable[[str], None],
    ) -> None:
        self._server = server
        self._router_manager = router_manager
        self._followed = followed
        self._ready = ready
        self._connected = connected
        self._clean = clean
        self._present = present
        self._hold = hold
        self._holding = ""
        self._answering: dict[str, asyncio.Task[None]] = {}  # by the question's id
        self._few = asyncio.Semaphore(AT_ONCE)

    async def run(self) -> None:
        """Until cancelled; then nothing is answered any more."""
        try:
            await self._follow()
        finally:
            for answering in self._answering.values():
                answering.cancel()
            await asyncio.gather(*self._answering.values(), return_exceptions=True)

    async def _follow(self) -> None:
        backoff = Backoff()
        while True:
            try:
                if self._holding:  # there is no lease meanwhile
                    await self._resync()
                await self._ready()
                position = await self._resync()
                self._connected()
                async with aclosing(self._server.changes(position)) as changes:
                    async for change in changes:
                        backoff.reset()
                        if change is not None:
                            await self.take(change)
            except Objection as error:
                self._refuse(error)
            except ServerError as error:
                log.warning("server lost", reason=str(error))
            await asyncio.sleep(backoff.next())

    def _refuse(self, error: Objection) -> None:
        self._followed.refuse(error)
        if self._holding == error.reason:
            return
        self._holding = error.reason
        log.error(
            "database not followed: all routers and tunnels stay as they are",
            reason=error.reason,
            database=error.database,
            advice="put the right database back, or follow this one: `landbridge agent accept` "
            "here, or after a backup was put back `landbridge db restored` at the server",
        )
        self._hold(error.reason)

    async def _resync(self) -> Position:
        """Bring the router manager to what is desired; the position from where the stream goes on.

        Raises: Objection: nothing was changed.
        """
        desired = await self._server.desired(self._followed.position)
        wanted = frozenset(router.id for router in desired.routers)
        if self._followed.consent(desired, self._present(wanted)):
            log.warning("another history is followed from now on", database=desired.database)
            self._router_manager.doubt()
        newer = await self._newer(desired)
        # From here to `keep_only` without a pause: a router's task must not begin before it
        # knows all its tunnels, or it would unroute those that run.
        for router in desired.routers:
            self._router_manager.want_router(router)
        for tunnel in newer:
            if tunnel.router_id in wanted:
                self._router_manager.want_tunnel(tunnel)
        self._router_manager.keep_only(wanted, (ref.id for ref in desired.tunnels))
        position = Position(
            database=desired.database, opening=desired.opening, cursor=desired.cursor
        )
        self._followed.follow(position)
        if self._holding:
            self._holding = ""
            self._hold("")
        await self._clean(wanted | self._router_manager.leaving())
        log.info("in step with the server", routers=len(wanted), tunnels=len(desired.tunnels))
        return position

    async def take(self, change: Change) -> None:
        if change.kind == "router":
            await self._take_router(change)
            self._move(change)
        elif change.kind == "tunnel":
            await self._take_tunnel(change)
            self._move(change)
        elif change.diagnosis_id not in self._answering:
            answering = asyncio.create_task(self._answer(change), name=f"diagnose {change.id}")
            self._answering[change.diagnosis_id] = answering
            answering.add_done_callback(lambda _: self._answering.pop(change.diagnosis_id))

    async def _answer(self, question: Change) -> None:
        """The stream goes on meanwhile. Who asked waits a few seconds, and may ask again."""
        about = {"tunnel": question.id, "request_id": question.request_id}
        try:
            async with asyncio.timeout(PATIENCE), self._few:
                router_manager = self._router_manager
                ask = router_manager.initiate if question.initiate else router_manager.diagnose
                found = await ask(question.id)
                await self._server.diagnosed(question.diagnosis_id, found)
        except (ServerError, TimeoutError) as error:
            log.info("diagnosis not delivered", reason=str(error) or "too late", **about)
        else:
            done = found.initiation.state.value if found.initiation else ""
            log.info("diagnosed", **about, **({"initiation": done} if done else {}))

    def _move(self, change: Change) -> None:
        before = self._followed.position
        if before is not None:
            opening = change.opening or before.opening
            self._followed.move(
                Position(database=before.database, opening=opening, cursor=change.cursor)
            )

    async def _take_router(self, change: Change) -> None:
        if change.deleted:
            self._router_manager.drop_router(change.id)
        elif (router := await self._server.router(change.id)) is not None:
            self._router_manager.want_router(router)

    async def _take_tunnel(self, change: Change) -> None:
        if change.deleted:
            self._router_manager.drop_tunnel(change.id)
            return
        ref = TunnelRef(id=change.id, router_id=change.router_id, revision=change.revision)
        if self._router_manager.has(ref):
            return
        tunnel = await self._fetched(change.id)
        if tunnel is None:
            return
        if tunnel.router_id not in self._router_manager.routers():
            router = await self._server.router(tunnel.router_id)
            if router is None:
                return
            self._router_manager.want_router(router)
        self._router_manager.want_tunnel(tunnel)

    async def _fetched(self, tunnel_id: str) -> Tunnel | None:
        """None: it has gone meanwhile, or is not understood; no other waits for it."""
        try:
            return await self._server.tunnel(tunnel_id)
        except Refused as error:
            log.warning("tunnel not taken, left as it is", tunnel=tunnel_id, reason=str(error))
            return None

    async def _newer(self, desired: Desired) -> list[Tunnel]:
        missing = [ref for ref in desired.tunnels if not self._router_manager.has(ref)]
        if not missing:
            return []
        if len(missing) > FEW:
            return list(await self._server.tunnels())
        fetched = [await self._fetched(ref.id) for ref in missing]
        return [tunnel for tunnel in fetched if tunnel is not None]
