"""A VICI connection over a Unix socket, for asyncio.

Rules this module keeps:
- Any number of tasks may use one session: requests are pipelined, each task gets its own
  answer. A task that is cancelled takes nothing from the others; the answer that comes for it
  is dropped. Cancelling does not stop a command that the daemon has begun.
- A streamed command goes out together with the registration of its event and the end of it,
  in one write: no cancellation can leave the event registered, and collects of one session
  follow each other by the order of the wire.
- When the connection ends, everybody who waits gets `Disconnected` at once; so does everybody
  who asks later. A session never reconnects: what has happened meanwhile is unknown, so the
  owner opens a new one and lists anew.
- Use one session for commands and one for events: a subscriber that falls far behind stops the
  reading of its socket, and with it the answers.
"""

from __future__ import annotations

import asyncio
import errno
import socket
from collections.abc import AsyncIterator
from types import TracebackType

from landbridge.vici.errors import Disconnected
from landbridge.vici.link import Link
from landbridge.vici.message import Encodable, Message
from landbridge.vici.protocol import Event, Packet, Request

#: The daemon is starting (no socket, nobody listens yet) or its backlog of 3 is full.
_RETRY = frozenset({errno.ENOENT, errno.ECONNREFUSED, errno.EAGAIN})
_RETRY_AFTER = 0.01  # seconds; a charon is ready 12-27 ms after its start


class Session:
    """One connection to a charon. Made by `open`; also an async context manager."""

    def __init__(self, link: Link) -> None:
        self._link = link

    @classmethod
    async def open(cls, path: str, *, timeout: float = 5.0) -> Session:  # noqa: ASYNC109 - names the last cause, which a cancellation could not
        """Connects, trying again for `timeout` seconds while the daemon is not there yet.

        Raises `Disconnected`, which names the path and the last cause.
        """
        loop = asyncio.get_running_loop()
        deadline = loop.time() + timeout
        while True:
            try:
                sock = _connect(path)
                break
            except OSError as error:
                if error.errno not in _RETRY or loop.time() >= deadline:
                    raise Disconnected(f"{path}: {error.strerror or error}") from error
            await asyncio.sleep(_RETRY_AFTER)
        _, link = await loop.create_unix_connection(Link, sock=sock)
        return cls(link)

    async def request(self, command: str, message: Encodable | None = None) -> Message:
        """The daemon's answer. Raises `CommandFailed` for ``success = no`` and for a command
        that it does not know, `Disconnected`, or `ProtocolError` for a message that is too
        long."""
        (answer,) = await self._link.exchange((Request(Packet.CMD_REQUEST, command), message))
        return answer

    async def collect(
        self, command: str, event: str, message: Encodable | None = None
    ) -> list[Message]:
        """All that a streaming command (``list-sas``: event ``list-sa``) tells, in order.

        Not for an event that this session subscribes to. Raises as `request` does.
        """
        request = Request(Packet.CMD_REQUEST, command, streams=event)
        with self._link.streaming(request) as results:
            await self._link.exchange(
                (Request(Packet.EVENT_REGISTER, event), None),
                (request, message),
                (Request(Packet.EVENT_UNREGISTER, event), None),
            )
        return results

    async def subscribe(self, *events: str) -> None:
        """Returns when the daemon has confirmed all of them: whatever happens from then on is
        in `events`. Raises `CommandFailed` for an event that the daemon does not know."""
        await self._link.exchange(
            *((Request(Packet.EVENT_REGISTER, name), None) for name in events)
        )

    async def events(self) -> AsyncIterator[Event]:
        """Events from the first `subscribe` on, each given once. Ends after `close`; raises
        `Disconnected` when the daemon goes away, after the last event that it sent."""
        while (event := await self._link.next_event()) is not None:
            yield event

    async def close(self) -> None:
        """Safe to call again, and while others wait: they get `Disconnected`."""
        await self._link.close()

    async def __aenter__(self) -> Session:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()


def _connect(path: str) -> socket.socket:
    """Connects at once or raises: on a Unix socket EAGAIN means a full backlog, which asyncio's
    own connecting takes for a connection under way."""
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        sock.setblocking(False)
        sock.connect(path)
    except BaseException:
        sock.close()
        raise
    return sock
