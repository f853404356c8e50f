"""Work that takes its time, beside the event loop: one thread, so that it is done in turn.

Rules this module keeps:
- It is for pure functions: no database, no loop.
- One thread for all: whoever asks for much waits for itself, and the loop shares the processor with
  one other only.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final, TypeVar, TypeVarTuple

LARGE: Final = 4096  # bytes: what is smaller is judged faster than handed over

T = TypeVar("T")
Ts = TypeVarTuple("Ts")


class WorkerThread:
    """Of one process."""

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="aside")

    async def run(self, work: Callable[[*Ts], T], *args: *Ts) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, work, *args)

    async def process(self, content: bytes, work: Callable[[bytes, *Ts], T], *args: *Ts) -> T:
        """`work` on what a client sent: here where it is short."""
        if len(content) <= LARGE:
            return work(content, *args)
        return await self.run(work, content, *args)
