"""The endpoints of gateways' agents, ``/agent/v1``.

Rules this module keeps:
- Only credentials of gateways are accepted. Every call names its gateway, which must be the
  credential's own, and concerns only what that gateway runs; otherwise 403, and nothing is changed.
- In a report, statuses of another gateway's objects are ignored and their ids returned (`Taken`): a
  router may have moved while the report was on its way.
- A stream sends ids and revisions; the agent fetches the objects. It subscribes before it reads the
  database, so no change is missed, and reads again at every heartbeat, so that a lost wake-up
  delays a change by seconds only.
- A stream ends when its credential is revoked (`landbridge.auth.recheck`), even while it is busy.
- The lease's epoch orders the holders: a report of an older epoch is refused.
- The number of streams per gateway is limited (`landbridge.api.http.stream_slots`), and so is the
  number of its long bodies and answers at a time; further ones wait without being read.
- No decision is made here: the rules are in `vpn`, the order of changes in `store.changes`.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from functools import partial
from typing import Any, Final, TypeVar

import msgspec
import structlog
from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from landbridge import errors
from landbridge.api.agents.messages import (
    LARGEST_DIAGNOSIS,
    LARGEST_LEASE,
    LARGEST_REPORT,
    GatewayNotAuthorized,
    LeaseRequest,
    RunsElsewhere,
    body,
    cursor_of,
    decode,
    gateway_of,
    its_own,
    seen_of,
)
from landbridge.api.http.endpoints import credentials
from landbridge.api.http.fair_queue import FairQueue
from landbridge.api.http.metrics import ApiMetrics
from landbridge.api.http.stream_slots import StreamSlots
from landbridge.api.http.worker_thread import WorkerThread
from landbridge.auth.authentication import Authentication
from landbridge.auth.caller import Caller
from landbridge.model.diagnosis import Diagnosis
from landbridge.model.gateway import Change, Lease, Position
from landbridge.model.status import Report, Taken
from landbridge.store import changes, identity
from landbridge.store.database import Database
from landbridge.store.hub import Patience
from landbridge.store.order import News
from landbridge.store.resource_rows import (
    CONNECTIONS,
    ROUTERS,
    R,
    ResourceTable,
)
from landbridge.vpn import rows
from landbridge.vpn.gateways import leases
from landbridge.vpn.revisions import desired
from landbridge.vpn.status import apply, diagnostics

PREFIX: Final = "/agent/v1"
HEARTBEAT: Final = 5.0  # seconds
APART: Final = 0.005  # seconds between two reads of a stream, where changes come fast
LEASE_TTL: Final = 15.0  # seconds
BATCH: Final = 500
AGENT_RULE: Final = "landbridge_agent"
OF_A_GATEWAY: Final = 2  # long bodies and answers at a time
IN_HAND: Final = 64  # of all gateways

T = TypeVar("T")

Endpoint = Callable[[Request, Caller], Awaitable[Response]]
Fetch = Callable[[Connection, str, str], msgspec.Struct | None]

log = structlog.get_logger("landbridge.api")
_encoder = msgspec.json.Encoder()


class CursorTooOld(errors.ApiError):
    """The stream cannot continue from there: fetch ``desired`` again."""

    status = 410


def agent_routes(
    db: Database,
    auth: Authentication,
    metrics: ApiMetrics,
    worker: WorkerThread,
    slots: StreamSlots,
) -> list[Route]:
    """The routes; the application maps `errors.ApiError` as for all others. `slots`: for streams,
    by the gateway."""
    agents = _AgentHandlers(db, auth, metrics, worker, slots)
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
        Route(PREFIX + path, _AgentEndpoint(auth, PREFIX + path, endpoint), methods=[method])
        for method, path, endpoint in table
    ]


class _AgentEndpoint:
    """One path, for callers with the role of agents."""

    routine = True  # they call every few seconds: logged at debug only

    def __init__(self, auth: Authentication, template: str, endpoint: Endpoint) -> None:
        self.template = template
        self._auth = auth
        self._endpoint = endpoint

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive, send)
        caller = await self._auth.admit(credentials(request)[0])
        self._auth.policy.enforce(caller, AGENT_RULE, {})
        if not caller.gateway_id:
            raise GatewayNotAuthorized(caller)
        response = await self._endpoint(request, caller)
        await response(scope, receive, send)


class _ChangeStream(StreamingResponse):
    """A gateway's stream, in one of its slots."""

    def __init__(self, slots: StreamSlots, gateway: str, lines: AsyncIterator[bytes]) -> None:
        super().__init__(lines, media_type="application/x-ndjson")
        self._slots = slots
        self._gateway = gateway

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        with self._slots.taken(self._gateway):
            await super().__call__(scope, receive, send)


class _AgentHandlers:
    def __init__(
        self,
        db: Database,
        auth: Authentication,
        metrics: ApiMetrics,
        worker: WorkerThread,
        slots: StreamSlots,
    ) -> None:
        self._db = db
        self._auth = auth
        self._metrics = metrics
        self._worker = worker
        self._slots = slots
        self._queue = FairQueue(IN_HAND, OF_A_GATEWAY)

    async def lease(self, request: Request, caller: Caller) -> Response:
        asked = decode(LeaseRequest, await body(request, LARGEST_LEASE))
        its_own(caller, asked.gateway_id, *request.query_params.getlist("gateway_id"))
        if asked.holds:
            held = (asked.gateway_id, asked.holds, asked.holder, asked.epoch)
            await self._db.write(leases.hold, *held)
            raise leases.GatewayHolds(asked.gateway_id, asked.holds)
        return _answer(await self._db.write(_take_lease, asked))

    async def desired(self, request: Request, caller: Caller) -> Response:
        gateway, seen = gateway_of(request, caller), seen_of(request)
        async with self._queue.turn(gateway):
            return await self._db.read(_all_desired, gateway, seen)

    async def tunnels(self, request: Request, caller: Caller) -> Response:
        gateway = gateway_of(request, caller)
        async with self._queue.turn(gateway):
            return await self._db.read(_all_tunnels, gateway)

    async def tunnel(self, request: Request, caller: Caller) -> Response:
        return await self._one(desired.tunnel, CONNECTIONS, request, caller)

    async def router(self, request: Request, caller: Caller) -> Response:
        return await self._one(desired.router, ROUTERS, request, caller)

    async def report(self, request: Request, caller: Caller) -> Response:
        gateway = gateway_of(request, caller)
        async with self._queue.turn(gateway):
            return await self._report(request, gateway)

    async def _report(self, request: Request, gateway: str) -> Response:
        report = await self._sent(Report, request, LARGEST_REPORT)
        try:
            changed = await self._db.write(apply.apply, gateway, report)
        except apply.StaleEpoch:
            self._metrics.reports.labels("stale").inc()
            raise
        except (errors.Conflict, SQLAlchemyError, ValueError) as error:
            raise _unfit(gateway, error) from error
        self._metrics.reports.labels("taken").inc()
        self._measure(report, changed)
        if not changed.elsewhere:
            return Response(status_code=204)
        log.warning("report on what another gateway runs", gateway=gateway, of=changed.elsewhere)
        return _answer(Taken(elsewhere=tuple(changed.elsewhere)))

    async def diagnosis(self, request: Request, caller: Caller) -> Response:
        gateway = gateway_of(request, caller)
        async with self._queue.turn(gateway):
            found = await self._sent(Diagnosis, request, LARGEST_DIAGNOSIS)
            await self._db.write(_answer_question, gateway, str(request.path_params["id"]), found)
        return Response(status_code=204)

    async def _sent(self, kind: type[T], request: Request, largest: int) -> T:
        """Decode a body that may be long, in the worker thread."""
        content = await body(request, largest)
        return await self._worker.process(content, partial(decode, kind))

    def _measure(self, report: Report, changed: apply.Changed) -> None:
        """Measure the time from the gateway's observation to the database."""
        observed = {told.id: told.observed_at for told in report.tunnels}
        now = time.time()
        for row in changed.connections:
            self._metrics.reported.observe(max(0.0, now - observed[row.id]))

    async def stream(self, request: Request, caller: Caller) -> Response:
        gateway, cursor = gateway_of(request, caller), cursor_of(request)
        try:
            await self._db.read(_is_newer_than, gateway, cursor, seen_of(request))
        except changes.TooOld as error:
            raise CursorTooOld(f"{error}: fetch {PREFIX}/desired again.") from None
        lines = self._lines(credentials(request)[0], caller, cursor)
        return _ChangeStream(self._slots, gateway, lines)

    async def _lines(self, token: str, caller: Caller, cursor: int) -> AsyncIterator[bytes]:
        """The stream's lines. It ends when the credential is revoked, or when the cursor has become
        too old: the agent gets that answer when it reconnects."""
        gateway, refused = caller.gateway_id, asyncio.Event()
        with (
            self._db.hub.listen(gateway) as wake,
            self._metrics.streams.track_inprogress(),
            self._auth.recheck.during(token, "", caller, refused.set, wake.set),
        ):
            yield b"\n"  # at once: the agent knows that the stream is open
            asked: frozenset[str] = frozenset()
            patience, quiet = Patience(HEARTBEAT), 0.0
            while not refused.is_set():
                try:
                    (batch, held), waiting = await self._db.read(_news, gateway, cursor)
                except changes.TooOld:
                    return
                if batch:
                    cursor = batch[-1].cursor
                    yield _encoder.encode_lines(batch)
                if fresh := [line for line in waiting if line.diagnosis_id not in asked]:
                    yield _encoder.encode_lines(fresh)
                asked = frozenset(line.diagnosis_id for line in waiting)
                if len(batch) >= BATCH:
                    continue
                pause = patience.after(held=held, got=bool(batch))
                if not await wake.wait(pause, apart=APART):
                    quiet += pause
                if quiet >= HEARTBEAT:
                    quiet = 0.0
                    yield b"\n"

    async def _one(
        self, fetch: Fetch, table: ResourceTable[R], request: Request, caller: Caller
    ) -> Response:
        gateway, asked = gateway_of(request, caller), str(request.path_params["id"])
        return _answer(await self._db.read(_found, fetch, table, gateway, asked))


def _found(
    tx: Connection, fetch: Fetch, table: ResourceTable[R], gateway: str, id: str
) -> msgspec.Struct:
    """Raises: NotFound, RunsElsewhere."""
    found = fetch(tx, gateway, id)
    if found is None:
        if rows.get(tx, table, id) is not None:
            raise RunsElsewhere
        raise errors.NotFound("There is no such object.")
    return found


def _answer_question(tx: Connection, gateway: str, asked: str, found: Diagnosis) -> None:
    """Raises: NotFound, RunsElsewhere, BadRequest."""
    question = diagnostics.find(tx, asked)
    if question is None:
        raise errors.NotFound("Nobody waits for this diagnosis.")
    if question.gateway_id != gateway:
        raise RunsElsewhere
    if found.tunnel_id != question.connection_id:
        raise errors.BadRequest("tunnel_id: the question is about another tunnel.")
    diagnostics.answer(tx, asked, found)


def _unfit(gateway: str, error: Exception) -> errors.ApiError:
    """A status that the database refuses. The gateway then sends the other statuses without it
    (`landbridge.agent.link.reporter`)."""
    log.error("report refused", gateway=gateway, reason=type(error).__name__, exc_info=error)
    return errors.BadRequest("A status of this report cannot be kept.")


def _is_newer_than(tx: Connection, gateway: str, cursor: int, seen: Position | None) -> None:
    """Check that a stream can continue from there. Raises: changes.TooOld."""
    changes.since(tx, gateway, cursor, 1)
    if seen is not None and not desired.goes_on(tx, gateway, seen):
        raise changes.TooOld(f"cursor {cursor} of another history")


def _news(tx: Connection, gateway: str, cursor: int) -> tuple[News[Change], list[Change]]:
    """The newer changes, and the open requests for a diagnosis. Raises: changes.TooOld."""
    found, held = changes.news(tx, gateway, cursor, BATCH)
    if found:
        opening = identity.position(tx, gateway).opening
        found = [msgspec.structs.replace(change, opening=opening) for change in found]
    return News(found, held), diagnostics.waiting(tx, gateway)


def _take_lease(tx: Connection, asked: LeaseRequest) -> Lease:
    return leases.lease(
        tx,
        asked.gateway_id,
        hostname=asked.hostname,
        holder=asked.holder,
        version=asked.version,
        capabilities=asked.capabilities,
        epoch=asked.epoch,
        ttl=LEASE_TTL,
    )


def _all_desired(tx: Connection, gateway: str, seen: Position | None) -> Response:
    return _answer(desired.desired(tx, gateway, seen))


def _all_tunnels(tx: Connection, gateway: str) -> Response:
    """The whole answer, as encoding many tunnels takes as long as reading them."""
    return _answer(desired.tunnels(tx, gateway))


def _answer(content: Any) -> Response:
    return Response(
        _encoder.encode(content),
        media_type="application/json",
        headers={"Cache-Control": "no-store"},
    )
