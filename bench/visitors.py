"""Browsers without a screen, in a process of their own: ``python -m bench.visitors``.

Rules this module keeps:
- Each does what a page of the console does (`console.js`): follows the stream of events, takes each
  as a hint, and asks for its fragment again once per `apart` seconds at most, `settle` after the
  hint; with pauses of its own, as pages have them.
- A `Visit` comes as JSON on the first line of stdin; "ready" is said when all streams are open and
  all pages are there. They go on until stdin ends; then what was seen is told as JSON.
- Each has connections and an address of its own, and what it cost is part of the result.
"""

from __future__ import annotations

import asyncio
import os
import random
import sys
from collections import Counter
from time import perf_counter
from typing import Final, cast

import httptools
import msgspec
import uvloop

NICENESS: Final = 10
_EVENT: Final = b"\nevent: "


class Visit(msgspec.Struct, frozen=True, kw_only=True):
    """`cookies`: of the sessions, which the browsers share evenly."""

    host: str
    port: int
    browsers: int
    cookies: list[str]
    page: str = "/console/"
    apart: float = 2.0
    settle: float = 1.1
    spread: float = 1.0


class Seen(msgspec.Struct, frozen=True, kw_only=True):
    """`pages`: seconds of each, sorted. `cost`: processor time of all browsers."""

    pages: list[float]
    events: int
    statuses: dict[int, int]
    ended: int
    cost: float


class _Fetched(asyncio.Protocol):
    """One keep-alive connection, on which one request at a time is answered."""

    def __init__(self) -> None:
        self.parser = httptools.HttpResponseParser(self)
        self.transport: asyncio.WriteTransport
        self._answered: asyncio.Future[int] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.WriteTransport, transport)

    def data_received(self, data: bytes) -> None:
        self.parser.feed_data(data)

    def on_message_complete(self) -> None:
        if self._answered is not None and not self._answered.done():
            self._answered.set_result(self.parser.get_status_code())

    def connection_lost(self, exc: Exception | None) -> None:
        if self._answered is not None and not self._answered.done():
            self._answered.set_exception(ConnectionError("the connection has ended"))

    async def get(self, request: bytes) -> int:
        self.parser = httptools.HttpResponseParser(self)
        self._answered = asyncio.get_running_loop().create_future()
        self.transport.write(request)
        return await self._answered


class Visitors:
    def __init__(self, visit: Visit) -> None:
        self.visit = visit
        self.pages: list[float] = []
        self.statuses: Counter[int] = Counter()
        self.events = self.ended = self.here = 0

    async def browse(self, number: int) -> None:
        visit = self.visit
        cookie = visit.cookies[number % len(visit.cookies)]
        source = (f"127.0.1.{1 + number % 200}", 0)
        common = f"Host: {visit.host}:{visit.port}\r\nCookie: {cookie}\r\n"
        loop = asyncio.get_running_loop()
        _, pages = await loop.create_connection(_Fetched, visit.host, visit.port, local_addr=source)
        reader, writer = await asyncio.open_connection(visit.host, visit.port, local_addr=source)
        ask = f"GET {visit.page} HTTP/1.1\r\n{common}HX-Request: true\r\n"
        fragment = f"{ask}HX-Request-Type: partial\r\nAccept: text/html\r\n\r\n".encode()
        await self._page(pages, fragment)
        stream = f"GET /console/live HTTP/1.1\r\n{common}Accept: text/event-stream\r\n\r\n"
        writer.write(stream.encode())
        await reader.readuntil(b"\r\n\r\n")
        self.here += 1
        asked, waiting = loop.time(), False

        async def again() -> None:
            nonlocal asked, waiting
            pause = max(visit.settle, visit.apart - (loop.time() - asked))
            await asyncio.sleep(pause + random.random() * visit.spread)  # noqa: S311
            waiting, asked = False, loop.time()
            await self._page(pages, fragment)

        tasks = set()
        while data := await reader.read(65536):
            self.events += (heard := data.count(_EVENT))
            if heard and not waiting:
                waiting = True
                tasks.add(task := asyncio.create_task(again()))
                task.add_done_callback(tasks.discard)
        self.ended += 1

    async def _page(self, pages: _Fetched, request: bytes) -> None:
        began = perf_counter()
        self.statuses[await pages.get(request)] += 1
        self.pages.append(perf_counter() - began)

    async def run(self) -> Seen:
        every = [asyncio.create_task(self.browse(each)) for each in range(self.visit.browsers)]
        while self.here < self.visit.browsers:
            await asyncio.sleep(0.02)
            for task in every:
                if task.done():
                    task.result()
        print("ready", flush=True)
        self.pages.clear()
        began = sum(os.times()[:2])
        await asyncio.to_thread(sys.stdin.buffer.read)
        seen = Seen(
            pages=sorted(self.pages),
            events=self.events,
            statuses=dict(self.statuses),
            ended=self.ended,
            cost=sum(os.times()[:2]) - began,
        )
        for task in every:
            task.cancel()
        await asyncio.gather(*every, return_exceptions=True)
        return seen


def _come_after() -> None:
    """Where they want the same processor as what is measured; with the priorities of real time too,
    under which niceness is nothing."""
    os.nice(NICENESS)
    priority = os.sched_getparam(0).sched_priority
    if priority > 1:
        os.sched_setscheduler(0, os.sched_getscheduler(0), os.sched_param(priority - 1))


def main() -> None:
    _come_after()
    visit = msgspec.json.decode(sys.stdin.buffer.readline(), type=Visit)
    seen = uvloop.run(Visitors(visit).run())
    sys.stdout.buffer.write(msgspec.json.encode(seen))


if __name__ == "__main__":
    main()
