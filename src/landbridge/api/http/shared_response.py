"""Shares one computation among all who ask for it at the same time.

Rules this module keeps:
- At most one computation runs; callers that come meanwhile get its outcome. The outcome, also an
  error, is kept for `seconds`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from time import monotonic
from typing import Generic, TypeVar

T = TypeVar("T")


class Shared(Generic[T]):
    def __init__(self, make: Callable[[], Awaitable[T]], seconds: float) -> None:
        self._make = make
        self._seconds = seconds
        self._until = 0.0
        self._task: asyncio.Task[T] | None = None

    async def get(self) -> T:
        """Raises: what `make` raises."""
        if self._task is None or (self._task.done() and monotonic() >= self._until):
            self._task = asyncio.create_task(self._run())
        return await asyncio.shield(self._task)

    async def _run(self) -> T:
        try:
            return await self._make()
        finally:
            self._until = monotonic() + self._seconds
