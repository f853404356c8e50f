"""From the database's threads back to the event loop: one wake for all that is done by then.

Rules this module keeps:
- To wake a loop from another thread costs a system call and a turn of the loop. Transactions
  that shared a commit come back with one wake.
- Who stops waiting does not stop the work: a transaction is kept or undone as a whole, and
  its thread goes on to the next.
"""

from __future__ import annotations

import asyncio
from collections import deque
from concurrent.futures import Future
from contextlib import suppress
from typing import Any


class LoopBridge:
    """What database threads have done for those who wait on one loop."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self._done: deque[tuple[asyncio.Future[Any], Future[Any]]] = deque()
        self._woken = False

    def expect(self, work: Future[Any]) -> asyncio.Future[Any]:
        """To be awaited on the loop: the outcome of `work`."""
        waiting: asyncio.Future[Any] = self.loop.create_future()
        work.add_done_callback(lambda done: self._arrive(waiting, done))
        return waiting

    def _arrive(self, waiting: asyncio.Future[Any], done: Future[Any]) -> None:
        """On a database thread."""
        self._done.append((waiting, done))
        if not self._woken:
            self._woken = True
            with suppress(RuntimeError):  # the loop is closed: nobody waits any more
                self.loop.call_soon_threadsafe(self._hand_over)

    def _hand_over(self) -> None:
        self._woken = False  # first: what arrives from here on may miss the turn below
        while self._done:
            waiting, done = self._done.popleft()
            if waiting.done():
                continue
            if (error := done.exception()) is not None:
                waiting.set_exception(error)
            else:
                waiting.set_result(done.result())
