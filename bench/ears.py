"""Hears a charon's events from beside: a thread with a loop of its own.

Rules this module keeps:
- It listens and asks nothing; each event is kept with the time when it was heard.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from landbridge.vici import Event, Session


class Ears:
    """``child-updown`` of one charon."""

    def __init__(self) -> None:
        self._heard: list[tuple[float, Event]] = []
        self._ready = threading.Event()

    def first_up(self, tunnel_id: str, since: float) -> float | None:
        """Seconds after `since` (perf_counter) until a CHILD_SA of the tunnel was installed."""
        for at, event in tuple(self._heard):
            up = event.message.get("up") == "yes"
            if at >= since and up and any(name.startswith(tunnel_id) for name in event.message):
                return at - since
        return None

    async def listen(self, socket: Path) -> None:
        async with await Session.open(str(socket)) as session:
            await session.subscribe("child-updown")
            self._ready.set()
            async for event in session.events():
                self._heard.append((time.perf_counter(), event))

    def wait(self) -> None:
        if not self._ready.wait(10):
            raise TimeoutError("charon does not take a subscription")


@contextmanager
def listening(socket: Path) -> Iterator[Ears]:
    loop, ears = asyncio.new_event_loop(), Ears()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    task = asyncio.run_coroutine_threadsafe(ears.listen(socket), loop)
    try:
        ears.wait()
        yield ears
    finally:
        task.cancel()
        loop.call_soon_threadsafe(loop.call_later, 0.1, loop.stop)
        thread.join()
        loop.close()
