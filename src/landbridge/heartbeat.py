"""Signs of life: what a process says to its supervisor, ``landbridge serve`` or systemd.

Rules this module keeps:
- `serve` gets them through a pipe that it has made, a byte each: no port, no request, nothing that
  a flood of clients could hold up.
- They come from the child's event loop, so one that hangs says nothing either. Before that loop
  runs (a schema is brought up to date, which may take its time) they come from a thread.
- A process that nobody supervises says nothing to anybody.
- A supervisor that does not listen is no trouble of the child's.
"""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Final, NoReturn

EVERY: Final = 0.5  # seconds
_BYTE: Final = b"."


class Heartbeat:
    """`pipe`: the end to write to; None: `serve` does not supervise this process. `watchdog`: says
    the same to systemd."""

    def __init__(self, pipe: int | None, watchdog: Callable[[], None] | None = None) -> None:
        self._pipe = pipe
        self._watchdog = watchdog
        self._loop_runs = threading.Event()
        if pipe is not None:
            os.set_inheritable(pipe, False)
            os.set_blocking(pipe, False)
            threading.Thread(target=self._start, name="heartbeat", daemon=True).start()

    async def run(self) -> NoReturn:
        """From now on the event loop speaks for the process. Until cancelled."""
        self._loop_runs.set()
        while True:
            self._beat()
            if self._watchdog is not None:
                self._watchdog()
            await asyncio.sleep(EVERY)

    def _start(self) -> None:
        while not self._loop_runs.wait(EVERY):
            self._beat()

    def _beat(self) -> None:
        if self._pipe is not None:
            with suppress(OSError):
                os.write(self._pipe, _BYTE)


class Pulse:
    """The supervisor's end: when the child was heard of last. `now`: of the caller's clock.

    Whoever was stopped itself has heard nobody meanwhile: a gap between two looks is not blamed
    on the child. `began`: whether it has been heard of at all; Python takes its time to load.
    """

    def __init__(self, pipe: int, now: float) -> None:
        os.set_blocking(pipe, False)
        self.began = False
        self._pipe = pipe
        self._heard = self._looked = now

    def look(self, now: float, *, every: float) -> float:
        """Take in what has come; for how many seconds nothing has. `every`: between two looks."""
        gap, self._looked = now - self._looked, now
        came = self._came()
        self.began |= came
        if came or gap > 2 * every + EVERY:
            self._heard = now
        return now - self._heard

    def _came(self) -> bool:
        try:
            return bool(os.read(self._pipe, 65536))
        except BlockingIOError:
            return False
