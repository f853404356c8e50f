"""``/agent/v1``: what gateways call. Down go revisions and tunnels, up goes what is true.

Rules this module keeps:
- Only holders of the role of agents come in; every call names its gateway, and gets that
  gateway's objects and no other's.
- A stream only says what is newer: who reads it fetches the object. It listens before it
  reads, so nothing falls between, and reads again at every heartbeat, so a lost wake costs
  seconds and never a change.
- The lease's epoch orders the holders: what an older one reports is refused.
- Nothing is decided here: rules are in `vpn`, order of changes in `store.changes`.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, Final, TypeVar

import msgspec
from sqlalchemy import Connection
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from landbridge import errors
from landbridge.access.door import Door
from landbridge.api.metrics import ApiMetrics
from landbridge.diagnosis import Diagnosis
from landbridge.model import Change, Lease, Report
from landbridge.store import changes
from landbridge.store.database import Database
from landbridge.vpn import desired, diagnostics, placement, status

PREFIX: Final = "/agent/v1"
HEARTBEAT: Final = 5.0  # seconds
APART: Final = 0.005  # seconds between two looks of a stream, where changes come fast
LEASE_TTL: Final = 15.0  # seconds
BATCH: Final = 500
LARGEST_REPORT: Final = 16 * 1024 * 1024  # bytes: ten thousand tunnels with their children
CURSOR_DIGITS: Final = 18
AGENT_RULE: Final = "landbridge_agent"

T = TypeVar("T")
Endpoint = Callable[[Request], Awaitable[Response]]

_encoder = msgspec.json.Encoder()


class CursorTooOld(errors.ApiError):
    """The stream cannot go on from there: fetch ``desired`` again."""

    status = 410


class LeaseRequest(msgspec.Struct, frozen=True, kw_only=True):
    gateway_id: str
    hostname: str
    version: str
    epoch: int | None = None
    capabilities: dict[str, Any] = {}


_lease_request = msgspec.json.Decoder(LeaseRequest)
_report = msgspec.json.Decoder(Report)
_diagnosis = msgspec.json.Decoder(Diagnosis)


def agent_routes(db: Database, door: Door, metrics: ApiMetrics) -> list[Route]:
    """The routes; the application maps `errors.ApiError` as for all others."""
    agents = _Agents(db, metrics)
    table: tuple[tuple[str, str, Endpoint], ...] = (
        ("POST", "/lease", agents.lease),
        ("GET", "/desired", agents.desired),
        ("GET", "/tunnels", agents.tunnels),
        ("GET", "/tunnels/{id}", agents.tunnel),
        ("GET", "/routers/{id}", agents.router),
        ("GET", "/stream", agents.stream),
        ("POST", "/report", agents.report),
        ("POST", "/diagnostics/{id}", agents.diagnosis),
    )
    return [
        Route(PREFIX + path, _ForAgents(door, PREFIX + path, endpoint), methods=[method])
        for method, path, endpoint in table
    ]


class _ForAgents:
    """A path that only holders of the role of agents come in by."""

    routine = True  # they ask every few seconds: for the log only when one looks closely

    def __init__(self, door: Door, template: str, endpoint: Endpoint) -> None:
        self.template = template
        self._door = door
        self._endpoint = endpoint

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive, send)
        caller = await self._door.admit(request.headers.get("x-auth-token"))
        self._door.policy.enforce(caller, AGENT_RULE, {})
        response = await self._endpoint(request)
        await response(scope, receive, send)


class _Agents:
    def __init__(self, db: Database, metrics: ApiMetrics) -> None:
        self._db = db
        self._metrics = metrics

    async def lease(self, request: Request) -> Response:
        asked = _decode(_lease_request, await _body(request))
        return _answer(await self._db.write(_take_lease, asked))

    async def desired(self, request: Request) -> Response:
        return _answer(await self._db.read(desired.desired, _gateway(request)))

    async def tunnels(self, request: Request) -> Response:
        return _answer(await self._db.read(desired.tunnels, _gateway(request)))

    async def tunnel(self, request: Request) -> Response:
        return await self._one(desired.tunnel, request)

    async def router(self, request: Request) -> Response:
        return await self._one(desired.router, request)

    async def report(self, request: Request) -> Response:
        report = _decode(_report, await _body(request))
        try:
            changed = await self._db.write(status.apply, _gateway(request), report)
        except status.StaleEpoch:
            self._metrics.reports.labels("stale").inc()
            raise
        self._metrics.reports.labels("taken").inc()
        self._measure(report, changed)
        return Response(status_code=204)

    async def diagnosis(self, request: Request) -> Response:
        found = _decode(_diagnosis, await _body(request))
        asked = str(request.path_params["id"])
        if not await self._db.write(diagnostics.answer, _gateway(request), asked, found):
            raise errors.NotFound("Nobody waits for this diagnosis.")
        return Response(status_code=204)

    def _measure(self, report: Report, changed: status.Changed) -> None:
        """How long what has changed took from the gateway's eye to here."""
        observed = {told.id: told.observed_at for told in report.tunnels}
        now = time.time()
        for row in changed.connections:
            self._metrics.reported.observe(max(0.0, now - observed[row["id"]]))

    async def stream(self, request: Request) -> Response:
        gateway, cursor = _gateway(request), _cursor(request)
        try:
            await self._db.read(changes.since, gateway, cursor, 1)
        except changes.TooOld as error:
            raise CursorTooOld(f"{error}: fetch {PREFIX}/desired again.") from None
        return StreamingResponse(self._lines(gateway, cursor), media_type="application/x-ndjson")

    async def _lines(self, gateway: str, cursor: int) -> AsyncIterator[bytes]:
        """Ends where the cursor has become too old: the reader comes again and is told."""
        with self._db.hub.listen(gateway) as wake, self._metrics.streams.track_inprogress():
            yield b"\n"  # the reader knows that it is heard
            asked: frozenset[str] = frozenset()
            while True:
                try:
                    batch, waiting = await self._db.read(_news, gateway, cursor)
                except changes.TooOld:
                    return
                if batch:
                    cursor = batch[-1].cursor
                    yield _encoder.encode_lines(batch)
                if fresh := [line for line in waiting if line.diagnosis_id not in asked]:
                    yield _encoder.encode_lines(fresh)
                asked = frozenset(line.diagnosis_id for line in waiting)
                if len(batch) < BATCH and not await wake.wait(HEARTBEAT, apart=APART):
                    yield b"\n"

    async def _one(
        self, fetch: Callable[[Connection, str, str], msgspec.Struct | None], request: Request
    ) -> Response:
        found = await self._db.read(fetch, _gateway(request), request.path_params["id"])
        if found is None:
            raise errors.NotFound("This gateway runs no such object.")
        return _answer(found)


def _news(tx: Connection, gateway: str, cursor: int) -> tuple[list[Change], list[Change]]:
    """What is newer, and what is asked. Raises: changes.TooOld."""
    return changes.since(tx, gateway, cursor, BATCH), diagnostics.waiting(tx, gateway)


def _take_lease(tx: Connection, asked: LeaseRequest) -> Lease:
    return placement.lease(
        tx,
        asked.gateway_id,
        hostname=asked.hostname,
        version=asked.version,
        capabilities=asked.capabilities,
        epoch=asked.epoch,
        ttl=LEASE_TTL,
    )


def _answer(content: Any) -> Response:
    return Response(
        _encoder.encode(content),
        media_type="application/json",
        headers={"Cache-Control": "no-store"},
    )


def _gateway(request: Request) -> str:
    gateway = request.query_params.get("gateway_id", "")
    if not gateway:
        raise errors.BadRequest("gateway_id: which gateway asks is missing.")
    return gateway


def _cursor(request: Request) -> int:
    text = request.query_params.get("cursor", "0")
    if not (text.isascii() and text.isdigit() and len(text) <= CURSOR_DIGITS):
        raise errors.BadRequest(f"cursor: {text!r} is not a whole number.")
    return int(text)


def _decode(decoder: msgspec.json.Decoder[T], body: bytes) -> T:
    try:
        return decoder.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise errors.BadRequest(f"The body is not what agents send: {error}") from None


async def _body(request: Request) -> bytes:
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > LARGEST_REPORT:
            raise errors.BadRequest(f"The body is larger than {LARGEST_REPORT} bytes.")
    return bytes(body)
