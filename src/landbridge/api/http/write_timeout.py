"""Write timeout: closes connections of clients that stopped reading.

Rules this module keeps:
- A connection whose output exceeds its buffer is checked every `PATIENCE` seconds. If nothing was
  sent meanwhile it is aborted and its output discarded. Closing it would wait for the client, as
  the server does by itself, and keep the socket and its buffer for ever.
- A client that reads slowly is served.
- The timeout is longer than that of event listeners (`landbridge.api.events.stream`), so that these
  are counted there.
"""

from __future__ import annotations

import asyncio
from typing import Final

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

PATIENCE: Final = 15.0  # seconds


class WriteTimeoutProtocol(HttpToolsProtocol):
    """uvicorn's protocol with a write timeout, for ``Config(http=...)``."""

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
