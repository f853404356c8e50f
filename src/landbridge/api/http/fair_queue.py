"""Limits long work: so many at a time in all, and so many per project.

Rules this module keeps:
- Some database threads always remain for short work: requests for one object wait for no list.
- A project that sends many lists waits for its own lists.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

AT_A_TIME: Final = 2  # of the database's four threads
OF_EACH: Final = 1


class FairQueue:
    """The queue of one process: first come, first served, within a project and then among the
    projects' first ones."""

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
