"""Runs long pure computations beside the event loop, in one thread.

Rules this module keeps:
- Pure functions only: no database, no event loop.
- One thread for all: a caller with much work waits for itself, and the event loop shares the
  processor with one thread only.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final, TypeVar, TypeVarTuple

LARGE: Final = 4096  # bytes: shorter content is processed faster than handed over

T = TypeVar("T")
Ts = TypeVarTuple("Ts")


class WorkerThread:
    """The thread of one process."""

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="aside")

    async def run(self, work: Callable[[*Ts], T], *args: *Ts) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, work, *args)

    async def process(self, content: bytes, work: Callable[[bytes, *Ts], T], *args: *Ts) -> T:
        """`work` on what a client sent; short content is processed on the event loop."""
        if len(content) <= LARGE:
            return work(content, *args)
        return await self.run(work, content, *args)
