"""Returns results from database threads to the event loop: one wake-up for all that are done.

Rules this module keeps:
- Waking a loop from another thread costs a system call and an iteration of the loop. Transactions
  that shared a commit return with one wake-up.
- A caller that stops waiting does not stop the work: the transaction is committed or rolled back as
  a whole, and its thread continues.
"""

from __future__ import annotations

import asyncio
from collections import deque
from concurrent.futures import Future
from contextlib import suppress
from typing import Any


class LoopBridge:
    """The results of database threads for the callers on one event loop."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self._done: deque[tuple[asyncio.Future[Any], Future[Any]]] = deque()
        self._woken = False

    def expect(self, work: Future[Any]) -> asyncio.Future[Any]:
        """A future of the loop with the outcome of `work`."""
        waiting: asyncio.Future[Any] = self.loop.create_future()
        work.add_done_callback(lambda done: self._arrive(waiting, done))
        return waiting

    def _arrive(self, waiting: asyncio.Future[Any], done: Future[Any]) -> None:
        """Called on a database thread."""
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
