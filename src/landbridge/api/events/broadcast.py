"""Broadcasts new events to the listeners of this process; reads each event once.

Rules this module keeps:
- It runs while there are listeners, and reads after a commit of any process.
- A listener's queue is bounded. A listener that does not keep up loses its queue and is told so;
  the events are in the store, and it continues from there after it reconnects. The same happens
  where events that a listener waits for are not kept any more, or where the numbers went back (a
  backup).
- After any error it continues from its position: for existing listeners a restart begins where the
  last run ended.
- An event is rendered once for all listeners; listeners are indexed by project. They are woken a
  few at a time, and the event loop runs other tasks in between, so that many listeners delay each
  other and no request.
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
from landbridge.store.hub import EVENTS, Patience
from landbridge.store.order import News

BATCH: Final = 500
QUEUE: Final = 2 * BATCH  # events
SLICE: Final = 8  # listeners that are woken before the event loop runs other tasks
SLOW_LOOK: Final = 5.0  # seconds, in case a wake-up was lost
APART: Final = 0.005  # seconds between two reads, where events come fast
MOST_APART: Final = 0.5  # with many listeners: as long as waking them takes
AFTER: Final = 0.003  # seconds, in which who has made a change is answered first
PAUSE: Final = 1.0  # seconds, while the database is away

Scope = str | None

log = structlog.get_logger(__name__)
_encode = msgspec.json.Encoder().encode


class RenderedEvent(NamedTuple):
    """An event, and its rendering as Server-Sent Events."""

    event: Event
    wire: bytes


class _Seen(NamedTuple):
    """`at_once`: there may be more already. `held`: there is more, which may not be read yet."""

    at_once: bool
    held: bool
    some: bool


class Listener:
    """One listener's queue. `since`: the number up to which it must read the store itself."""

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
        """Wait for something to take (True), or for `seconds` (False)."""
        try:
            async with asyncio.timeout(seconds):
                return await self._flag.wait()
        except TimeoutError:
            return False


class EventBroadcast:
    """The broadcast of one process; `listen` starts and stops it."""

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
        """The number of the newest event that was broadcast."""
        return self._position

    @property
    def runs(self) -> bool:
        return self._task is not None and not self._task.done()

    @asynccontextmanager
    async def listen(self, scope: Scope) -> AsyncIterator[Listener]:
        """Subscribe to one project's events, or to all (None). Raises: ServiceUnavailable."""
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
            patience = Patience(SLOW_LOOK)
            while True:
                began = monotonic()
                try:
                    more = await self._look()
                except Exception as error:
                    unforeseen = None if isinstance(error, errors.ApiError) else error
                    log.warning("events not read", reason=str(error), exc_info=unforeseen)
                    await asyncio.sleep(PAUSE)
                    continue
                if not more.at_once:
                    took = monotonic() - began
                    pause = patience.after(held=more.held, got=more.some)
                    if await wake.wait(pause, apart=min(max(APART, took), MOST_APART)):
                        await asyncio.sleep(AFTER)

    async def _look(self) -> _Seen:
        """Read and broadcast once."""
        window, (batch, held) = await self._db.read(_news, self._position)
        if not window.has(self._position):
            self._lose(window)
            return _Seen(at_once=True, held=held, some=False)
        if batch:
            await self._hand_out(batch)
        return _Seen(at_once=len(batch) == BATCH, held=held, some=bool(batch))

    def _lose(self, window: Window) -> None:
        """The next event does not follow what these listeners have: each must reconnect."""
        log.warning("events are missing", position=self._position, **window._asdict())
        self._position = window.newest
        for listeners in self._listeners.values():
            for listener in listeners:
                listener.lose()

    async def _hand_out(self, batch: list[Event]) -> None:
        """Put the events into all queues, even if this task ends meanwhile, and move the
        position."""
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


def _news(tx: Connection, position: int) -> tuple[Window, News[Event]]:
    """The window of kept events and the newer ones, of one snapshot."""
    return events.window(tx), events.news(tx, position, None, BATCH)


def rendered(event: Event) -> bytes:
    """As a Server-Sent Event: number, kind, and the rest as JSON on one line."""
    return b"id: %d\nevent: %s\ndata: %s\n\n" % (
        event.number,
        event.kind.encode(),
        _encode(events.shown(event)),
    )
