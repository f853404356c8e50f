"""``GET /landbridge/v1/events``: events as they happen (Server-Sent Events).

Rules this module keeps:
- A caller gets the events of the objects that it may see: those of its project (an administrator:
  all), each checked against the policy. The stream ends when its token is revoked
  (`landbridge.auth.recheck`), even while it is busy.
- ``Last-Event-ID`` continues an earlier stream. If the store does not keep the missed events any
  more, the event `reset` tells the client to read everything again.
- The number of listeners is limited (`landbridge.api.http.stream_slots`). The output for one caller
  is rendered once for all of its streams.
- It subscribes before it reads the store, so no event is missed. Heartbeats carry the newest
  number, so that a listener that gets few events can continue from a recent number.
- A client that does not read is disconnected; what it missed is in the store. Its connection is
  closed by `landbridge.api.http.write_timeout`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Sequence
from contextlib import suppress
from functools import partial
from typing import Any, Final, NamedTuple

import structlog
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from landbridge import errors
from landbridge.api.events.broadcast import BATCH, EventBroadcast, Listener, RenderedEvent, rendered
from landbridge.api.http.endpoints import credentials
from landbridge.api.http.fair_queue import FairQueue
from landbridge.api.http.metrics import ApiMetrics
from landbridge.api.http.stream_slots import StreamSlots
from landbridge.api.requests.service import scope_of
from landbridge.auth.authentication import Authentication
from landbridge.auth.caller import Caller
from landbridge.auth.token_cache import digest
from landbridge.store import events
from landbridge.store.database import Database
from landbridge.store.events import Event

PATH: Final = "/landbridge/v1/events"
HEARTBEAT: Final = 15.0  # seconds
PATIENCE: Final = 10.0  # seconds in which a client must read what it is sent
RETRY: Final = b"retry: 1000\n"  # milliseconds after which a browser reconnects
NUMBER_DIGITS: Final = 18
REMEMBERED: Final = 256  # renderings of the latest events

log = structlog.get_logger("landbridge.api")


class StreamContext(NamedTuple):
    """What the event streams of one process share."""

    db: Database
    auth: Authentication
    metrics: ApiMetrics
    broadcast: EventBroadcast
    queue: FairQueue
    slots: StreamSlots
    views: EventViews


class EventViews:
    """Renders events for callers: once for all streams of one caller."""

    def __init__(self, auth: Authentication) -> None:
        self._auth = auth
        self._made: dict[tuple[Caller, int, int], bytes] = {}

    def seen(self, caller: Caller, told: Sequence[RenderedEvent]) -> bytes:
        """What the caller sees of consecutive events of the broadcast."""
        if not told:
            return b""
        key = caller, told[0].event.number, told[-1].event.number
        made = self._made.get(key)
        if made is None:
            if len(self._made) >= REMEMBERED:
                self._made.clear()
            made = b"".join(each.wire for each in told if self.sees(caller, each.event))
            self._made[key] = made
        return made

    def sees(self, caller: Caller, event: Event) -> bool:
        owner = {"project_id": event.project_id}
        return self._auth.policy.check(caller, f"get_{event.resource}", owner)


class EventHandlers:
    """The handlers of one process."""

    def __init__(
        self,
        db: Database,
        auth: Authentication,
        metrics: ApiMetrics,
        queue: FairQueue,
        slots: StreamSlots,
    ) -> None:
        broadcast = EventBroadcast(db, metrics)
        self._context = StreamContext(db, auth, metrics, broadcast, queue, slots, EventViews(auth))

    async def stream(self, request: Request, caller: Caller) -> Response:
        if request.method == "OPTIONS":
            return Response(status_code=204)
        last = _last(request)
        return EventStream(self._context, caller, last)


class EventStream(Response):
    """The response to one listener; it does not end by itself."""

    def __init__(self, context: StreamContext, caller: Caller, last: int | None) -> None:
        super().__init__(
            media_type="text/event-stream",
            headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
        )
        del self.headers["Content-Length"]
        self._context = context
        self._db, self._auth, self._metrics, self._broadcast = context[:4]
        self._caller = caller
        self._last = last

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        token, service_token = credentials(Request(scope))
        with self._context.slots.taken(digest(token), self._caller.project_id):
            await self._stream(token, service_token, receive, send)

    async def _stream(self, token: str, service_token: str, receive: Receive, send: Send) -> None:
        refused = asyncio.Event()
        async with self._broadcast.listen(scope_of(self._caller)) as listener:
            with self._auth.recheck.during(token, service_token, self._caller, refused.set):
                start = {"type": "http.response.start", "status": 200, "headers": self.raw_headers}
                await send(start)
                reads = await _first_of(
                    self._tell(listener, send), _gone(receive), _told_of(refused)
                )
        if reads:
            with suppress(TimeoutError):
                await _write(send, b"", more=False)

    async def _tell(self, listener: Listener, send: Send) -> bool:
        """Send events until the client must reconnect. False: the client does not read."""
        try:
            await self._catch_up(listener, send)
            await self._follow(listener, send)
        except errors.ServiceUnavailable as error:
            log.info("event stream ends", reason=str(error))
        except TimeoutError:
            self._let_go()
            return False
        return True

    async def _catch_up(self, listener: Listener, send: Send) -> None:
        """Send what was missed, from the store, and the number to continue from."""
        if self._last is None:
            await _write(send, RETRY + _position(listener.since))
            return
        window = await self._db.read(events.window)
        if not window.has(self._last):
            await _write(send, RETRY + b"event: reset\n" + _position(listener.since, b"{}"))
            return
        number = self._last
        while number < listener.since:
            async with self._context.queue.turn(self._caller.project_id):
                batch = await self._db.read(events.since, number, scope_of(self._caller), BATCH)
            sees = partial(self._context.views.sees, self._caller)
            missed = [each for each in batch if each.number <= listener.since and sees(each)]
            await _write(send, b"".join(map(rendered, missed)))
            if len(batch) < BATCH:
                break
            number = batch[-1].number
        await _write(send, RETRY + _position(listener.since))

    async def _follow(self, listener: Listener, send: Send) -> None:
        while self._broadcast.runs:
            woken = await listener.wait(HEARTBEAT)
            newest = self._broadcast.position
            told = listener.take()
            if listener.lagging:
                self._let_go()
                return
            await _write(send, self._context.views.seen(self._caller, told))
            if not woken:
                await _write(send, b": alive\n" + _position(newest))

    def _let_go(self) -> None:
        self._metrics.dropped.inc()
        log.info("event listener was too slow")


def _position(number: int, data: bytes = b"") -> bytes:
    """A message that sets the client's last event id; without data it is no event."""
    return b"id: %d\n%s\n" % (number, b"data: %s\n" % data if data else b"")


def _last(request: Request) -> int | None:
    """Raises: BadRequest."""
    text = request.headers.get("Last-Event-ID") or request.query_params.get("last_event_id")
    if text is None:
        return None
    if not (text.isascii() and text.isdigit() and len(text) <= NUMBER_DIGITS):
        raise errors.BadRequest("Last-Event-ID: not a number that this stream has given.")
    return int(text)


async def _write(send: Send, content: bytes, *, more: bool = True) -> None:
    """Raises: TimeoutError: the client does not read."""
    if content or not more:
        async with asyncio.timeout(PATIENCE):
            await send({"type": "http.response.body", "body": content, "more_body": more})


async def _first_of(*works: Coroutine[Any, Any, bool]) -> bool:
    """The result of the first coroutine to finish (of several: whether all are true); the others
    are cancelled."""
    tasks = [asyncio.create_task(work) for work in works]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
    return all(task.result() for task in done)


async def _gone(receive: Receive) -> bool:
    """Wait until the client has disconnected."""
    while (await receive())["type"] != "http.disconnect":
        pass
    return False


async def _told_of(refused: asyncio.Event) -> bool:
    return await refused.wait()
