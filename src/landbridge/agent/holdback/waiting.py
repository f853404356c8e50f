"""The packets that wait, by SPI; pure.

Rules this module keeps:
- Packets of one SPI leave in the order in which they came.
- The first of an SPI waits as long as it is asked to, those behind it until then; what comes
  later does not wait at all.
- At most `LIMIT` packets wait: with one more all of them go.
"""

from __future__ import annotations

from typing import Final

LIMIT: Final = 20_000
KNOWN: Final = 10_000  # SPIs; old ones are settled in the packet filter anyway


class Waiting:
    """`now`: seconds of any clock that does not go back."""

    def __init__(self) -> None:
        self._queues: dict[int, list[bytes]] = {}
        self._until: dict[int, float] = {}
        self._settled: dict[int, None] = {}
        self._count = 0
        self._news: set[int] = set()

    def take(self, spi: int, packet: bytes, now: float, patience: float) -> list[bytes]:
        """What may go at once: the packet itself, or nothing, or too many. `patience`: how long
        the first packet of an SPI has to wait, in seconds."""
        if spi in self._settled:
            return [packet]
        self._until.setdefault(spi, now + patience)
        self._queues.setdefault(spi, []).append(packet)
        self._count += 1
        return self._release(list(self._queues)) if self._count > LIMIT else []

    def due(self, now: float) -> list[bytes]:
        """What has waited for long enough."""
        return self._release([spi for spi, until in self._until.items() if until <= now])

    def take_news(self) -> frozenset[int]:
        """The SPIs that have settled since the last time."""
        news, self._news = frozenset(self._news), set()
        return news

    @property
    def next_due(self) -> float | None:
        return min(self._until.values(), default=None)

    def _release(self, spis: list[int]) -> list[bytes]:
        packets = []
        for spi in spis:
            packets += self._queues.pop(spi)
            del self._until[spi]
            self._settled[spi] = None
            self._news.add(spi)
        while len(self._settled) > KNOWN:
            del self._settled[next(iter(self._settled))]
        self._count -= len(packets)
        return packets
