"""Work queue of one router: which tunnels want a look, and when.

Rules this module keeps:
- A tunnel is looked at once however often it was marked meanwhile.
- A timer is only a reason to look. An earlier look cancels it and sets a new one.
- A tunnel that rests is not looked at for what is only heard of it (`hear`); what is wanted of it
  is not held up (`mark`).
- Single-threaded: used by the tasks of one event loop.
"""

from __future__ import annotations

import asyncio
import heapq
import math


class WorkQueue:
    """Times are those of the running loop's clock."""

    def __init__(self) -> None:
        self._marked: dict[str, None] = {}  # in the order of marking
        self._timers: list[tuple[float, str]] = []
        self._due: dict[str, float] = {}
        self._rests: dict[str, float] = {}
        self._heard: set[str] = set()  # those that are marked for nothing else
        self._wake = asyncio.Event()

    def mark(self, key: str) -> None:
        """Look at `key` as soon as possible."""
        self._heard.discard(key)
        self._marked[key] = None
        self._wake.set()

    def hear(self, key: str) -> None:
        """Look at `key` as soon as its rest is over."""
        until = self._rests.get(key)
        if key in self._marked:
            return
        if until is None:
            self.mark(key)
            self._heard.add(key)
        elif self._due.get(key, math.inf) > until:
            self.at(key, until)
            self._wake.set()

    def rest(self, key: str, until: float) -> None:
        """What is heard of `key` before that time is no reason to look at it sooner."""
        self._rests[key] = until
        if key in self._heard:  # during the look that makes it rest
            self._heard.remove(key)
            del self._marked[key]
            self.at(key, min(until, self._due.get(key, until)))

    def at(self, key: str, when: float) -> None:
        """Look at `key` at that time, instead of any time set before."""
        self._due[key] = when
        heapq.heappush(self._timers, (when, key))

    def forget(self, key: str) -> None:
        self._marked.pop(key, None)
        self._due.pop(key, None)
        self._rests.pop(key, None)
        self._heard.discard(key)

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
        self._heard.clear()
        for key in ready:
            self._due.pop(key, None)
            self._rests.pop(key, None)
        return ready
