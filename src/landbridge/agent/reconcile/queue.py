"""Which tunnels want a look, and when: a router's inbox and its timers in one.

Rules this module keeps:
- A tunnel is looked at once however often it was marked meanwhile.
- A timer is only a reason to look; an earlier look makes it void, and the look sets a new one.
- Single-threaded: used by the tasks of one event loop.
"""

from __future__ import annotations

import asyncio
import heapq


class WorkQueue:
    """Times are those of the running loop's clock."""

    def __init__(self) -> None:
        self._marked: dict[str, None] = {}  # in the order of marking
        self._timers: list[tuple[float, str]] = []
        self._due: dict[str, float] = {}
        self._wake = asyncio.Event()

    def mark(self, key: str) -> None:
        """Look at `key` as soon as possible."""
        self._marked[key] = None
        self._wake.set()

    def at(self, key: str, when: float) -> None:
        """Look at `key` at that time, instead of any time set before."""
        self._due[key] = when
        heapq.heappush(self._timers, (when, key))

    def forget(self, key: str) -> None:
        self._marked.pop(key, None)
        self._due.pop(key, None)

    async def next(self) -> tuple[str, ...]:
        """Waits for something to look at, and takes all of it."""
        loop = asyncio.get_running_loop()
        while not (ready := self._take(loop.time())):
            self._wake.clear()
            try:
                async with asyncio.timeout_at(self._timers[0][0] if self._timers else None):
                    await self._wake.wait()
            except TimeoutError:
                continue
        return ready

    def _take(self, now: float) -> tuple[str, ...]:
        while self._timers and self._timers[0][0] <= now:
            when, key = heapq.heappop(self._timers)
            if self._due.get(key) == when:
                self._marked[key] = None
        ready = tuple(self._marked)
        self._marked.clear()
        for key in ready:
            self._due.pop(key, None)
        return ready
