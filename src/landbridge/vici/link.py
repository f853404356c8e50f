"""The asyncio end of a connection: hands answers to those who wait, keeps events for readers.

Rules this module keeps:
- Bytes are understood by `protocol` alone; this module only pairs requests with futures.
- A request is registered and written in the same step of the event loop, so the order of the
  futures is the order of the wire.
- The first failure ends the link: every future and every later call gets it.
- No more than `EVENTS_HIGH` events (and one read's worth) wait here; beyond that the socket is
  not read, and the daemon keeps them.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from typing import cast

from landbridge.vici.errors import CommandFailed, Disconnected, ProtocolError, ViciError
from landbridge.vici.message import Encodable, Message
from landbridge.vici.protocol import (
    Answered,
    Connection,
    Event,
    Happening,
    Request,
    Streamed,
    Unknown,
)

EVENTS_HIGH = 4096
EVENTS_LOW = 1024


class Link(asyncio.Protocol):
    """Made by ``loop.create_unix_connection``."""

    def __init__(self) -> None:
        loop = asyncio.get_running_loop()
        self._connection = Connection()
        self._waiting: dict[Request, asyncio.Future[Message]] = {}
        self._streams: dict[Request, list[Message]] = {}
        self._events: deque[Event] = deque()
        self._arrived = asyncio.Event()
        self._paused = False
        self._failure: ViciError | None = None
        self._closing = False
        self._lost: asyncio.Future[None] = loop.create_future()
        self._transport: asyncio.Transport

    async def exchange(self, *requests: tuple[Request, Encodable | None]) -> list[Message]:
        """Sends them in one write, returns their answers; raises the first one's failure when
        all are answered. Nothing is sent when one of them cannot be encoded."""
        self._raise_failure()
        futures = self._send(requests)
        answers = await asyncio.gather(*futures, return_exceptions=True)
        for answer in answers:
            if isinstance(answer, BaseException):
                raise answer
        return [answer for answer in answers if not isinstance(answer, BaseException)]

    @contextmanager
    def streaming(self, request: Request) -> Iterator[list[Message]]:
        """Fills the list with the results of `request` while it runs."""
        results = self._streams[request] = []
        try:
            yield results
        finally:
            del self._streams[request]

    async def next_event(self) -> Event | None:
        """None after `close`. Raises `Disconnected`."""
        while not self._events:
            if self._closing:
                return None
            self._raise_failure()
            self._arrived.clear()
            await self._arrived.wait()
        event = self._events.popleft()
        if self._paused and len(self._events) <= EVENTS_LOW:
            self._paused = False
            self._transport.resume_reading()
        return event

    async def close(self) -> None:
        self._closing = True
        self._fail(Disconnected("the session is closed"))
        await asyncio.shield(self._lost)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's are no subclass

    def data_received(self, data: bytes) -> None:
        try:
            for happening in self._connection.receive(data):
                self._take(happening)
        except ProtocolError as error:
            self._fail(error)

    def connection_lost(self, exc: Exception | None) -> None:
        self._fail(Disconnected(str(exc) if exc else "the daemon closed the connection"))
        self._lost.set_result(None)

    def _send(
        self, requests: tuple[tuple[Request, Encodable | None], ...]
    ) -> list[asyncio.Future[Message]]:
        loop = asyncio.get_running_loop()
        data = self._connection.send(*requests)
        self._waiting.update((request, loop.create_future()) for request, _ in requests)
        self._transport.write(data)
        return [self._waiting[request] for request, _ in requests]

    def _take(self, happening: Happening) -> None:
        match happening:
            case Answered(request, message):
                self._answer(request, message, _refusal(request, message))
            case Unknown(request):
                self._answer(request, {}, CommandFailed(request.name, "unknown to the daemon"))
            case Streamed(request, message):
                if (results := self._streams.get(request)) is not None:
                    results.append(message)
            case Event():
                self._keep(happening)

    def _answer(self, request: Request, message: Message, failure: ViciError | None) -> None:
        future = self._waiting.pop(request)
        if future.done():  # cancelled: nobody waits
            return
        if failure is None:
            future.set_result(message)
        else:
            future.set_exception(failure)

    def _keep(self, event: Event) -> None:
        self._events.append(event)
        self._arrived.set()
        if len(self._events) >= EVENTS_HIGH and not self._paused:
            self._paused = True
            self._transport.pause_reading()

    def _fail(self, failure: ViciError) -> None:
        if self._failure is None:
            self._failure = failure
            self._transport.abort()
        self._arrived.set()
        for future in self._waiting.values():
            if not future.done():
                future.set_exception(type(failure)(str(failure)))
        self._waiting.clear()

    def _raise_failure(self) -> None:
        if self._failure is not None:
            raise Disconnected(str(self._failure))


def _refusal(request: Request, message: Message) -> CommandFailed | None:
    if message.get("success") != "no":
        return None
    return CommandFailed(request.name, str(message.get("errmsg", "refused without a reason")))
