"""The packets that wait, by SPI; pure.

Rules this module keeps:
- Packets of one SPI leave in the order in which they came.
- The first of an SPI waits as long as it is asked to, those behind it until then; what comes when
  none waits any more does not wait at all.
- They leave `BATCH` at a time, `PAUSE` seconds apart: a peer whose IPsec is a process reads them
  from a socket of some hundred kilobytes.
- At most `LIMIT` packets wait: with one more all of them go.
"""

from __future__ import annotations

from collections import deque
from typing import Final, Generic, TypeVar

T = TypeVar("T")  # a packet
BATCH: Final = 32
PAUSE: Final = 0.001
LIMIT: Final = 20_000
KNOWN: Final = 10_000  # SPIs; old ones are settled in the packet filter anyway


class Waiting(Generic[T]):
    """`now`: seconds of any clock that does not go back."""

    def __init__(self) -> None:
        self._queues: dict[int, deque[T]] = {}
        self._until: dict[int, float] = {}
        self._settled: dict[int, None] = {}
        self._count = 0
        self._news: set[int] = set()

    def take(self, spi: int, packet: T, now: float, patience: float) -> list[T]:
        """What may go at once: the packet itself, or nothing, or too many. `patience`: how long
        the first packet of an SPI has to wait, in seconds."""
        if spi in self._settled:
            return [packet]
        self._until.setdefault(spi, now + patience)
        self._queues.setdefault(spi, deque()).append(packet)
        self._count += 1
        if self._count <= LIMIT:
            return []
        return [each for waiting in tuple(self._queues) for each in self._leave(waiting, LIMIT)]

    def due(self, now: float) -> list[T]:
        """What has waited for long enough, as much of it as may go at once."""
        released: list[T] = []
        for spi in [spi for spi, until in self._until.items() if until <= now]:
            self._until[spi] = now + PAUSE
            released += self._leave(spi, BATCH)
        return released

    def take_news(self) -> frozenset[int]:
        """The SPIs that have settled since the last time."""
        news, self._news = frozenset(self._news), set()
        return news

    @property
    def next_due(self) -> float | None:
        return min(self._until.values(), default=None)

    def _leave(self, spi: int, most: int) -> list[T]:
        queue = self._queues[spi]
        leaving = [queue.popleft() for _ in range(min(most, len(queue)))]
        self._count -= len(leaving)
        if not queue:
            self._settle(spi)
        return leaving

    def _settle(self, spi: int) -> None:
        del self._queues[spi], self._until[spi]
        self._settled[spi] = None
        self._news.add(spi)
        while len(self._settled) > KNOWN:
            del self._settled[next(iter(self._settled))]
