"""An event loop whose time passes only when nothing is left to do: a minute takes no time, and the
same work has the same order on every machine.

Rules this module keeps:
- Time jumps to the next timer; work itself takes none. Waiting for ever is an error that says so.
- What a thread would do is done at once. No sockets: nobody outside answers in no time.
"""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from typing import Any
from unittest import mock

import structlog

BEGINNING = 1_700_000_000.0  # of the wall clock, in seconds since the epoch


class _Jumping(selectors.DefaultSelector):
    """Waits by setting the clock."""

    def __init__(self, loop: VirtualLoop) -> None:
        super().__init__()
        self._loop = loop

    def select(self, timeout: float | None = None) -> Any:
        ready = super().select(0)
        if ready or timeout == 0:
            return ready
        if timeout is None:
            waiting = sorted(task.get_name() for task in asyncio.all_tasks(self._loop))
            raise AssertionError(f"all wait for ever: {', '.join(waiting)}")
        self._loop.now += timeout
        return []


class VirtualLoop(asyncio.SelectorEventLoop):
    def __init__(self) -> None:
        self.now = 0.0
        super().__init__(_Jumping(self))

    def time(self) -> float:
        return self.now

    def run_in_executor(  # type: ignore[override]
        self, _executor: Any, work: Callable[..., Any], *args: Any
    ) -> asyncio.Future[Any]:
        done: asyncio.Future[Any] = self.create_future()
        try:
            done.set_result(work(*args))
        except Exception as error:
            done.set_exception(error)
        return done


@contextmanager
def virtual_time() -> Iterator[asyncio.Runner]:
    """A runner on such a loop; `time.monotonic` and `time.time` go with it. Logs are not shown."""
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        loop = runner.get_loop()

        def wall_clock() -> float:
            return BEGINNING + loop.time()

        with (
            mock.patch("time.monotonic", loop.time),
            mock.patch("time.time", wall_clock),
            structlog.testing.capture_logs(),
        ):
            yield runner


def play(scenario: Callable[[], Coroutine[Any, Any, None]]) -> None:
    with virtual_time() as runner:
        runner.run(scenario())


async def turns(number: int) -> None:
    """So many times every task that can go on does."""
    for _ in range(number):
        await asyncio.sleep(0)


def others() -> set[asyncio.Task[Any]]:
    """The tasks beside the one that asks."""
    return asyncio.all_tasks() - {asyncio.current_task()}
