"""A connection that is closed before its other end has said all: the answer still arrives.

Rules this module keeps:
- To close a socket with something unread in it is a reset, and a reset may overtake the answer.
  So nothing more is sent, and what still comes is thrown away: for `LINGER` seconds, or up to
  `DISCARD` bytes, or until the other end closes.
- Who does not take its answer is `landbridge.api.http.write_timeout`'s: as long as there is
  something to send, time does not count here.
"""

from __future__ import annotations

import asyncio
from typing import Any, Final

LINGER: Final = 2.0  # seconds
DISCARD: Final = 4 * 2**20  # bytes


class Lingering(asyncio.Transport):
    """`transport`, but for `close`. `unread`: whether the other end has more to say."""

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
        """So much came while it lingers."""
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
