"""Wakes: "something is newer on this topic", told after the commit, to who listens here.

Rules this module keeps:
- A wake is a hint and carries nothing. Who is woken reads the database; who misses a wake
  finds the news at the next slow look.
- A topic is a gateway's id, or `EVENTS` for what consoles watch.
- Everything but `announce` belongs to the event loop; `announce` is safe from any thread.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress

EVENTS = "*events"


class Wake:
    """One listener's flag. Wakes that come while it is busy count as one."""

    def __init__(self) -> None:
        self._flag = asyncio.Event()
        self._answered = 0.0

    def set(self) -> None:
        self._flag.set()

    async def wait(self, patience: float, *, apart: float = 0.0) -> bool:
        """Until woken (True) or `patience` seconds have passed (False); then listen anew.

        Who was woken less than `apart` seconds ago is so no sooner than after them: the first
        of a burst of wakes is heard at once, and those that follow together.
        """
        try:
            async with asyncio.timeout(patience):
                await self._flag.wait()
        except TimeoutError:
            return False
        now = asyncio.get_running_loop().time()
        if now < self._answered + apart:
            await asyncio.sleep(self._answered + apart - now)
        self._answered = asyncio.get_running_loop().time()
        self._flag.clear()
        return True


class Hub:
    """The listeners of this process, by topic."""

    def __init__(self) -> None:
        self._wakes: defaultdict[str, dict[Wake, asyncio.AbstractEventLoop]] = defaultdict(dict)

    @contextmanager
    def listen(self, topic: str) -> Iterator[Wake]:
        """Listen first, then read the database: nothing falls between."""
        wake = Wake()
        self._wakes[topic][wake] = asyncio.get_running_loop()
        try:
            yield wake
        finally:
            del self._wakes[topic][wake]
            if not self._wakes[topic]:
                del self._wakes[topic]

    def announce(self, topics: Iterable[str]) -> None:
        for topic in topics:
            for wake, loop in list(self._wakes.get(topic, {}).items()):
                with suppress(RuntimeError):  # the loop is closed: nobody listens any more
                    loop.call_soon_threadsafe(wake.set)

    def announce_all(self) -> None:
        """After a time of deafness: everybody looks for himself."""
        self.announce(list(self._wakes))
