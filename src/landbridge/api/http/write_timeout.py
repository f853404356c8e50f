"""Ends connections whose other end does not read.

Rules this module keeps:
- A connection with more to send than its buffer takes is looked at every `PATIENCE` seconds; where
  nothing has gone meanwhile it is aborted, with what it still had to send. Closing it would
  wait for the reader: the server's own way, which keeps a socket and its buffer for ever.
- Who reads slowly, but reads, is served.
- It is longer than what a listener to events is given (`landbridge.api.events.stream`), so that who
  is let go of there is counted there.
"""

from __future__ import annotations

import asyncio
from typing import Final

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

PATIENCE: Final = 15.0  # seconds


class WriteTimeoutProtocol(HttpToolsProtocol):
    """uvicorn's, for ``Config(http=...)``."""

    _look: asyncio.TimerHandle | None = None

    def pause_writing(self) -> None:
        super().pause_writing()
        self._look_later()

    def resume_writing(self) -> None:
        super().resume_writing()
        self._stop_looking()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_looking()
        super().connection_lost(exc)

    def _look_later(self) -> None:
        self._stop_looking()
        waiting = self.transport.get_write_buffer_size()
        self._look = self.loop.call_later(PATIENCE, self._judge, waiting)

    def _stop_looking(self) -> None:
        if self._look is not None:
            self._look.cancel()
            self._look = None

    def _judge(self, waiting: int) -> None:
        if self.transport.get_write_buffer_size() >= waiting:
            self.transport.abort()
        else:
            self._look_later()
