"""Turns for what takes long: so many at a time in all, and so many of each project.

Rules this module keeps:
- Some threads of the database are always left for what is short: who shows one object waits for no
  list. A project that lists much waits for itself.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

AT_A_TIME: Final = 2  # of the database's four threads
OF_EACH: Final = 1


class FairQueue:
    """Of one process. First come, first served, within a project and among those whose turn in
    their project it is."""

    def __init__(self, at_a_time: int = AT_A_TIME, of_each: int = OF_EACH) -> None:
        self._all = asyncio.Semaphore(at_a_time)
        self._of_each = of_each
        self._projects: dict[str, _ProjectQueue] = {}

    @asynccontextmanager
    async def turn(self, project: str) -> AsyncIterator[None]:
        lane = self._projects.setdefault(project, _ProjectQueue(self._of_each))
        lane.users += 1
        try:
            async with lane.turn, self._all:
                yield
        finally:
            lane.users -= 1
            if not lane.users:
                self._projects.pop(project, None)


class _ProjectQueue:
    def __init__(self, at_a_time: int) -> None:
        self.turn = asyncio.Semaphore(at_a_time)
        self.users = 0
