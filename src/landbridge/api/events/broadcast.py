"""New events, read once per process and handed to everybody who listens here.

Rules this module keeps:
- It runs while somebody listens, and reads when something was committed (by any process).
- A listener's queue is bounded. Who does not keep up loses its queue and is told so; the
  events are in the store, so it comes back and goes on from there. So it is where events that
  somebody waits for are not kept any more, or where the numbers went back (a backup).
- Whatever goes wrong while it reads, it goes on from where it was: for those that listen already a
  start begins where the last one ended.
- An event is rendered once, however many listen; listeners are found by project. They are woken a
  few at a time, with turns of the loop for all others between: many listeners slow themselves
  down, and no request.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict, deque
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from time import monotonic
from typing import Final, NamedTuple

import msgspec
import structlog
from sqlalchemy import Connection

from landbridge import errors
from landbridge.api.http.metrics import ApiMetrics
from landbridge.store import events
from landbridge.store.database import Database
from landbridge.store.events import Event, Window
from landbridge.store.hub import EVENTS

BATCH: Final = 500
QUEUE: Final = 2 * BATCH  # events
SLICE: Final = 8  # listeners that are woken before others get their turn of the loop
SLOW_LOOK: Final = 5.0  # seconds, where a wake was lost
APART: Final = 0.005  # seconds between two looks, where events come fast
MOST_APART: Final = 0.5  # where there are many to tell: as long as that takes
PAUSE: Final = 1.0  # seconds, while the database is away

Scope = str | None

log = structlog.get_logger(__name__)
_encode = msgspec.json.Encoder().encode


class RenderedEvent(NamedTuple):
    """An event and how it looks on the wire."""

    event: Event
    wire: bytes


class Listener:
    """One reader's queue. `since`: the number up to which it must read the store itself."""

    __slots__ = ("_flag", "_queue", "lagging", "since")

    def __init__(self, since: int) -> None:
        self.since = since
        self.lagging = False
        self._queue: deque[RenderedEvent] = deque()
        self._flag = asyncio.Event()

    def lose(self) -> None:
        self.lagging = True
        self._queue.clear()
        self._flag.set()

    def put(self, told: Sequence[RenderedEvent]) -> None:
        if len(self._queue) + len(told) > QUEUE:
            self.lose()
        if not self.lagging:
            self._queue.extend(told)
        self._flag.set()

    def take(self) -> list[RenderedEvent]:
        self._flag.clear()
        taken = list(self._queue)
        self._queue.clear()
        return taken

    async def wait(self, seconds: float) -> bool:
        """Until there is something to take (True), or `seconds` have passed."""
        try:
            async with asyncio.timeout(seconds):
                return await self._flag.wait()
        except TimeoutError:
            return False


class EventBroadcast:
    """Of one process; `listen` starts and stops it."""

    def __init__(self, db: Database, metrics: ApiMetrics) -> None:
        self._db = db
        self._metrics = metrics
        self._listeners: defaultdict[Scope, set[Listener]] = defaultdict(set)
        self._count = 0
        self._position = 0
        self._task: asyncio.Task[None] | None = None
        self._starting = asyncio.Lock()

    @property
    def position(self) -> int:
        """The number of the newest event that was handed out."""
        return self._position

    @property
    def runs(self) -> bool:
        return self._task is not None and not self._task.done()

    @asynccontextmanager
    async def listen(self, scope: Scope) -> AsyncIterator[Listener]:
        """Hear of one project's events, or of all (None). Raises: ServiceUnavailable."""
        self._count += 1
        try:
            await self._start()
            listener = Listener(self._position)
            self._listeners[scope].add(listener)
            try:
                with self._metrics.listeners.track_inprogress():
                    yield listener
            finally:
                self._listeners[scope].discard(listener)
                if not self._listeners[scope]:
                    del self._listeners[scope]
        finally:
            self._count -= 1
            if not self._count and self._task is not None:
                self._task.cancel()
                self._task = None

    async def _start(self) -> None:
        async with self._starting:
            if self.runs:
                return
            if not self._listeners:
                self._position = (await self._db.read(events.window)).newest
            self._task = asyncio.create_task(self._run(), name="events")

    async def _run(self) -> None:
        with self._db.hub.listen(EVENTS) as wake:
            while True:
                began = monotonic()
                try:
                    more = await self._look()
                except Exception as error:
                    unforeseen = None if isinstance(error, errors.ApiError) else error
                    log.warning("events not read", reason=str(error), exc_info=unforeseen)
                    await asyncio.sleep(PAUSE)
                    continue
                if not more:
                    took = monotonic() - began
                    await wake.wait(SLOW_LOOK, apart=min(max(APART, took), MOST_APART))

    async def _look(self) -> bool:
        """Whether there may be more at once."""
        window, batch = await self._db.read(_news, self._position)
        if not window.oldest <= self._position <= window.newest:
            self._lose(window)
            return True
        if batch:
            await self._hand_out(batch)
        return len(batch) == BATCH

    def _lose(self, window: Window) -> None:
        """What comes next is not what these listeners miss: each is to come again, and be told."""
        log.warning("events are missing", position=self._position, **window._asdict())
        self._position = window.newest
        for listeners in self._listeners.values():
            for listener in listeners:
                listener.lose()

    async def _hand_out(self, batch: list[Event]) -> None:
        """To everybody, also when this ends meanwhile: the position says that it is done."""
        self._position = batch[-1].number
        told: defaultdict[Scope, list[RenderedEvent]] = defaultdict(list)
        for event in batch:
            self._metrics.events.labels(event.kind).inc()
            wire = RenderedEvent(event, rendered(event))
            for scope in (event.project_id, None):
                told[scope].append(wire)
        rest = iter([(each, told[scope]) for scope in told for each in self._of(scope)])
        try:
            for number, (listener, news) in enumerate(rest, 1):
                listener.put(news)
                if number % SLICE == 0:
                    await asyncio.sleep(0)
        finally:
            for listener, news in rest:
                listener.put(news)

    def _of(self, scope: Scope) -> list[Listener]:
        return list(self._listeners.get(scope, ()))


def _news(tx: Connection, position: int) -> tuple[Window, list[Event]]:
    """One snapshot: what is kept, and what of it is newer."""
    return events.window(tx), events.since(tx, position, None, BATCH)


def rendered(event: Event) -> bytes:
    """As Server-Sent Events have it: number, kind, and the rest as JSON on one line."""
    data = {
        "at": event.at,
        "kind": event.kind,
        "resource": event.resource,
        "id": event.resource_id,
        "project_id": event.project_id,
    }
    return b"id: %d\nevent: %s\ndata: %s\n\n" % (
        event.number,
        event.kind.encode(),
        _encode(data | event.content),
    )
