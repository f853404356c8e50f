"""Delays closing a connection until the client has got the answer.

Rules this module keeps:
- Closing a socket with unread input sends a reset, which may overtake the answer. So after the
  answer input is discarded, for `LINGER` seconds, or up to `DISCARD` bytes, or until the client
  closes.
- While there is output to send, this time does not run: clients that do not read are handled by
  `landbridge.api.http.write_timeout`.
"""

from __future__ import annotations

import asyncio
from typing import Any, Final

LINGER: Final = 2.0  # seconds
DISCARD: Final = 4 * 2**20  # bytes


class Lingering(asyncio.Transport):
    """`transport` with a delayed `close`. `unread`: whether more input may come."""

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__()
        self._transport = transport
        self._loop = loop
        self._paused = False
        self._lingers = False
        self._left = DISCARD
        self._end: asyncio.TimerHandle | None = None
        self.unread = False
        self.write = transport.write  # type: ignore[method-assign]  # no call on the way of an answer
        self.get_write_buffer_size = transport.get_write_buffer_size  # type: ignore[method-assign]

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return self._transport.get_extra_info(name, default)

    def is_closing(self) -> bool:
        return self._lingers or self._transport.is_closing()

    def pause_reading(self) -> None:
        if not self._paused and not self.is_closing():
            self._paused = True
            self._transport.pause_reading()

    def resume_reading(self) -> None:
        if self._paused:
            self._paused = False
            self._transport.resume_reading()

    def close(self) -> None:
        if self.is_closing():
            return
        if not self.unread:
            self._transport.close()
            return
        self.resume_reading()
        self._lingers = True
        self._transport.write_eof()
        self._wait()

    def abort(self) -> None:
        self.forget()
        self._transport.abort()

    def discard(self, size: int) -> None:
        """Count `size` bytes of input that came while lingering."""
        self._left -= size
        if self._left < 0:
            self.abort()

    def forget(self) -> None:
        """The connection is lost."""
        if self._end is not None:
            self._end.cancel()
            self._end = None

    def _wait(self) -> None:
        self._end = self._loop.call_later(LINGER, self._waited)

    def _waited(self) -> None:
        if self.get_write_buffer_size():
            self._wait()
        else:
            self.abort()
