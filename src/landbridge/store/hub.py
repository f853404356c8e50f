"""Wake-ups: tells the listeners of a topic, after a commit, that something is newer.

Rules this module keeps:
- A wake-up is a hint without content. A woken listener reads the database; a listener that misses a
  wake-up finds the change at its next periodic read.
- A topic is a gateway's id, `EVENTS`, or the topic of a diagnosis.
- Everything but `announce` belongs to the event loop; `announce` is safe from any thread.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress

EVENTS = "*events"
SOON = 0.01  # seconds
HELD = 0.25


class Wake:
    """One listener's flag. Wake-ups that come while it is busy count as one."""

    def __init__(self) -> None:
        self._flag = asyncio.Event()
        self._answered = 0.0

    def set(self) -> None:
        self._flag.set()

    async def wait(self, patience: float, *, apart: float = 0.0) -> bool:
        """Wait until woken (True) or for `patience` seconds (False); then the flag is cleared.

        Two returns are at least `apart` seconds apart: the first wake-up of a burst is answered at
        once, the following ones together.
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


class Patience:
    """How long a reader waits for its next wake-up: `most` seconds, or shortly, and then longer and
    longer, where something is committed that may not be read yet: what ends that may wake others
    only."""

    def __init__(self, most: float) -> None:
        self._most = most
        self._next = SOON

    def after(self, *, held: bool, got: bool) -> float:
        """After a read that found something (`got`), or found something `held` back."""
        if not held:
            self._next = SOON
            return self._most
        pause = SOON if got else self._next
        self._next = min(2 * pause, HELD, self._most)
        return pause


class Hub:
    """The listeners of this process, by topic."""

    def __init__(self) -> None:
        self._wakes: defaultdict[str, dict[Wake, asyncio.AbstractEventLoop]] = defaultdict(dict)

    @contextmanager
    def listen(self, topic: str) -> Iterator[Wake]:
        """Subscribe to a topic; do so before reading the database, so that no change is missed."""
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
        """Wakes all listeners after a reconnect, since notifications may have been missed."""
        self.announce(list(self._wakes))
