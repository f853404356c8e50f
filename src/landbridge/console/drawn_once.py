"""What many look at is drawn once: a fragment that depends on what it shows, and on nobody.

Rules this module keeps:
- A drawing is known by all that goes into it, so that who is shown it was given the same; it is
  drawn without a `Frame`, in which the viewer's own is.
- It is bounded in number; who comes while one is being drawn waits for that one.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from typing import Any, Final

import msgspec

from landbridge.api.http.worker_thread import WorkerThread
from landbridge.console.render import Frame, Renderer

MOST: Final = 32
_encode: Final = msgspec.json.Encoder().encode


class DrawnOnce:
    def __init__(self, renderer: Renderer, thread: WorkerThread) -> None:
        self._renderer = renderer
        self._thread = thread
        self._drawn: OrderedDict[bytes, asyncio.Task[str]] = OrderedDict()

    async def page(self, template: str, key: Any, **values: Any) -> str:
        """`key`: what `values` were made of."""
        known = _encode([template, key])
        task = self._drawn.get(known)
        if task is None or (task.done() and (task.cancelled() or task.exception() is not None)):
            render = self._renderer.page
            drawing = self._thread.run(lambda: render(template, Frame(), **values))
            task = self._drawn[known] = asyncio.ensure_future(drawing)
            while len(self._drawn) > MOST:
                self._drawn.popitem(last=False)
        self._drawn.move_to_end(known)
        return await asyncio.shield(task)
