"""A server of ``/agent/v1`` for fault injection: it says what a test wants, when it wants.

It stands beside the real one (tests of the whole use that), never in its place.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import msgspec
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from landbridge.lab.patience import patient
from landbridge.model.diagnosis import Diagnosis
from landbridge.model.gateway import Change, Desired, Lease
from landbridge.model.router import Router
from landbridge.model.status import Report, RouterStatus, TunnelStatus
from landbridge.model.tunnel import Tunnel, TunnelRef

TOKEN = "agent-secret"
HEARTBEAT = 0.5
PATIENCE = patient(20.0)


class _Uvicorn(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


@dataclass
class FakeServer:
    """Desired state that a test edits, and what agents have said. `refuse` is an HTTP status
    that every request gets; `heartbeats` off makes streams fall silent. `database` and `openings`
    say whose history it is; `replaces`: instead of which other databases."""

    ttl: float = 2.0
    epoch: int = 0
    held: bool = False  # somebody else has the lease
    refuse: int = 0
    heartbeats: bool = True
    oldest: int = 0  # cursors below that are too old
    database: str = "first"
    openings: list[str] = field(default_factory=lambda: ["opened"])
    replaces: tuple[str, ...] = ()
    holds: list[str] = field(default_factory=list)  # what agents said why they do not follow
    routers: dict[str, Router] = field(default_factory=dict)
    tunnels: dict[str, Tunnel] = field(default_factory=dict)
    changes: list[Change] = field(default_factory=list)
    reports: list[Report] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)
    diagnoses: dict[str, Diagnosis] = field(default_factory=dict)
    _moved: asyncio.Condition = field(default_factory=asyncio.Condition)
    _port: int = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    @contextlib.asynccontextmanager
    async def listening(self) -> AsyncIterator[None]:
        """Answer requests; may be entered again, on the same port, after it was left."""
        with socket.socket() as listener:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(("127.0.0.1", self._port))
            listener.listen()
            self._port = listener.getsockname()[1]
            config = uvicorn.Config(
                self._app(), log_config=None, lifespan="off", timeout_graceful_shutdown=0
            )
            server = _Uvicorn(config)
            serving = asyncio.create_task(server.serve(sockets=[listener]))
            try:
                yield
            finally:
                server.should_exit = server.force_exit = True
                await self.moved()
                await serving

    # What a test does -------------------------------------------------------------------

    async def put(self, thing: Router | Tunnel) -> None:
        if isinstance(thing, Router):
            self.routers[thing.id] = thing
            await self._change("router", thing.id, thing.id, thing.revision)
        else:
            self.tunnels[thing.id] = thing
            await self._change("tunnel", thing.id, thing.router_id, thing.revision)

    async def delete(self, thing: Router | Tunnel) -> None:
        if isinstance(thing, Router):
            del self.routers[thing.id]
            await self._change("router", thing.id, thing.id, thing.revision, deleted=True)
        else:
            del self.tunnels[thing.id]
            await self._change("tunnel", thing.id, thing.router_id, thing.revision, deleted=True)

    async def ask(self, tunnel: Tunnel, diagnosis_id: str) -> None:
        """For a diagnosis, twice, as a server does whose stream broke."""
        for _ in range(2):
            await self._change(
                "diagnose",
                tunnel.id,
                tunnel.router_id,
                tunnel.revision,
                diagnosis_id=diagnosis_id,
                request_id="req-1",
            )

    async def moved(self) -> None:
        async with self._moved:
            self._moved.notify_all()

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait for what requests and reports bring about."""
        async with asyncio.timeout(PATIENCE), self._moved:
            await self._moved.wait_for(condition)

    def status(self, object_id: str) -> TunnelStatus | RouterStatus | None:
        """The newest reported."""
        for report in reversed(self.reports):
            found: tuple[TunnelStatus | RouterStatus, ...] = (*report.tunnels, *report.routers)
            for status in found:
                if status.id == object_id:
                    return status
        return None

    # HTTP -------------------------------------------------------------------------------

    async def _change(self, kind: Any, id: str, router: str, revision: int, **more: Any) -> None:
        cursor = len(self.changes) + 1
        self.changes.append(
            Change(cursor=cursor, kind=kind, id=id, router_id=router, revision=revision, **more)
        )
        await self.moved()

    def _app(self) -> Starlette:
        table: dict[str, Callable[[Request], Any]] = {
            "/desired": self._desired,
            "/tunnels": lambda _: list(self.tunnels.values()),
            "/tunnels/{id}": lambda request: self.tunnels.get(request.path_params["id"]),
            "/routers/{id}": lambda request: self.routers.get(request.path_params["id"]),
        }
        routes = [Route("/agent/v1" + path, self._get(make)) for path, make in table.items()]
        routes.append(Route("/agent/v1/stream", self._stream))
        routes.append(Route("/agent/v1/lease", self._lease, methods=["POST"]))
        routes.append(Route("/agent/v1/report", self._report, methods=["POST"]))
        routes.append(Route("/agent/v1/diagnostics/{id}", self._diagnosed, methods=["POST"]))
        return Starlette(routes=routes)

    def _get(self, make: Callable[[Request], Any]) -> Callable[[Request], Any]:
        async def answer(request: Request) -> Response:
            if refusal := await self._refusal(request):
                return refusal
            found = make(request)
            return _error(404) if found is None else Response(msgspec.json.encode(found))

        return answer

    async def _refusal(self, request: Request) -> Response | None:
        self.requests.append(f"{request.method} {request.url.path.removeprefix('/agent/v1')}")
        await self.moved()
        if self.refuse:
            return _error(self.refuse)
        named = request.query_params.get("gateway_id")
        return None if request.headers.get("x-auth-token") == TOKEN and named else _error(401)

    def _goes_on(self, request: Request) -> bool:
        seen = request.query_params
        if "seen_database" not in seen:
            return True
        if seen["seen_database"] != self.database or seen["seen_opening"] not in self.openings:
            return False
        return int(seen["seen_cursor"]) <= len(self.changes)

    def _desired(self, request: Request) -> Desired:
        refs = (
            TunnelRef(id=t.id, router_id=t.router_id, revision=t.revision)
            for t in self.tunnels.values()
        )
        routers = tuple(self.routers.values())
        return Desired(
            cursor=len(self.changes),
            routers=routers,
            tunnels=tuple(refs),
            database=self.database,
            opening=self.openings[-1],
            goes_on=self._goes_on(request),
            replaces=self.replaces,
        )

    async def _lease(self, request: Request) -> Response:
        if refusal := await self._refusal(request):
            return refusal
        asked = msgspec.json.decode(await request.body())
        if asked["holds"]:
            self.holds.append(asked["holds"])
            return _error(409)
        if self.held or asked["epoch"] not in (None, self.epoch):
            return _error(409)
        if asked["epoch"] is None:
            self.epoch += 1
        lease = Lease(gateway_id=asked["gateway_id"], epoch=self.epoch, ttl=self.ttl)
        return Response(msgspec.json.encode(lease))

    async def _report(self, request: Request) -> Response:
        if refusal := await self._refusal(request):
            return refusal
        report = msgspec.json.decode(await request.body(), type=Report)
        if report.epoch != self.epoch:
            return _error(409)
        self.reports.append(report)
        await self.moved()
        return Response(status_code=204)

    async def _diagnosed(self, request: Request) -> Response:
        if refusal := await self._refusal(request):
            return refusal
        found = msgspec.json.decode(await request.body(), type=Diagnosis)
        self.diagnoses[request.path_params["id"]] = found
        await self.moved()
        return Response(status_code=204)

    async def _stream(self, request: Request) -> Response:
        if refusal := await self._refusal(request):
            return refusal
        cursor = int(request.query_params["cursor"])
        if cursor < self.oldest or not self._goes_on(request):
            return _error(410)
        return StreamingResponse(self._lines(cursor))

    async def _lines(self, cursor: int) -> AsyncIterator[bytes]:
        yield b"\n"
        while not self.refuse:
            while cursor < len(self.changes):
                yield msgspec.json.encode(self.changes[cursor]) + b"\n"
                cursor += 1
            try:
                async with asyncio.timeout(HEARTBEAT), self._moved:
                    await self._moved.wait()
            except TimeoutError:
                if self.heartbeats:
                    yield b"\n"


def _error(status: int) -> Response:
    body = {"NeutronError": {"type": "T", "message": f"injected {status}", "detail": ""}}
    return Response(msgspec.json.encode(body), status_code=status)
