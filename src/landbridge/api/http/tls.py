"""TLS on a connection, below HTTP.

Rules this module keeps:
- A connection is counted from when it is accepted: who does not get on with TLS holds a place for
  `handshake_seconds` at the most, like one that does not send a head.
- Each connection gets the certificate that is in use when it begins.
- Who speaks plain HTTP is told so, in plain HTTP. Nothing that it sends is answered otherwise.
- HTTP sees the buffers of the socket itself: who reads slowly, or not at all, is treated as without
  TLS. (The event loop's own TLS hides what it has encrypted and not sent yet.)
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final

from landbridge import errors
from landbridge.api.http.certificate import Certificate
from landbridge.api.http.connection_limits import Admission

HANDSHAKE: Final = b"\x16"  # the type of the first TLS record
AT_ONCE: Final = 2**18  # bytes that are decrypted at a time
PLAIN: Final = "This is plain HTTP, and here the API speaks https: write https:// in the address."


class TlsProtocol(asyncio.Protocol):
    """For ``uvicorn.Config(http=partial(TlsProtocol, ...))``: `http` makes what speaks HTTP above
    it, `admit` counts a connection from a host."""

    def __init__(
        self,
        *,
        http: Callable[..., asyncio.Protocol],
        certificate: Certificate,
        admit: Callable[[str | None], Admission],
        handshake_seconds: float,
        **uvicorns: Any,
    ) -> None:
        self._make_http = http
        self._uvicorns = uvicorns
        self._certificate = certificate
        self._admit = admit
        self._seconds = handshake_seconds
        self._timer: asyncio.TimerHandle | None = None
        self._tls: TlsTransport | None = None
        self._http: asyncio.Protocol | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        self._transport = transport
        peer = transport.get_extra_info("peername")
        self._admission = self._admit(peer[0] if peer else None)
        if self._admission.error is not None and not self._admission.is_told:
            transport.abort()
            return
        loop = asyncio.get_running_loop()
        self._timer = loop.call_later(self._seconds, transport.abort)

    def data_received(self, data: bytes) -> None:
        if self._tls is None and self._http is None:
            self._begin(data[:1])
        if self._tls is not None:
            self._tls.decrypt(data)
        elif self._http is not None:
            self._http.data_received(data)

    def eof_received(self) -> None:
        if self._http is not None:
            self._http.eof_received()

    def pause_writing(self) -> None:
        if self._http is not None:
            self._http.pause_writing()

    def resume_writing(self) -> None:
        if self._http is not None:
            self._http.resume_writing()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_waiting()
        if self._http is not None:
            self._http.connection_lost(exc)
        self._admission.leave()

    def _begin(self, first: bytes) -> None:
        if first == HANDSHAKE:
            self._tls = TlsTransport(self._transport, self._certificate.context, self._agreed)
        else:
            self._admission.refuse(errors.BadRequest(PLAIN))
            self._agreed(self._transport)

    def _agreed(self, transport: asyncio.Transport) -> asyncio.Protocol:
        """From here on it is HTTP's connection."""
        self._stop_waiting()
        self._http = self._make_http(admission=self._admission, **self._uvicorns)
        self._http.connection_made(transport)
        return self._http

    def _stop_waiting(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


class TlsTransport(asyncio.Transport):
    """What HTTP writes to, above `transport`. `agreed` is called with it when TLS stands, and
    returns who gets what is read."""

    def __init__(
        self,
        transport: asyncio.Transport,
        context: ssl.SSLContext,
        agreed: Callable[[asyncio.Transport], asyncio.Protocol],
    ) -> None:
        super().__init__()
        self._transport = transport
        self._agreed = agreed
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._object = context.wrap_bio(self._incoming, self._outgoing, server_side=True)
        self._reader: asyncio.Protocol | None = None
        self._paused = False
        self._ended = False  # our end is said
        self.get_write_buffer_size = transport.get_write_buffer_size  # type: ignore[method-assign]

    def decrypt(self, data: bytes) -> None:
        """Pass on what has come."""
        if self._ended and self._reader is not None:  # it is counted and forgotten there
            self._reader.data_received(data)
            return
        self._incoming.write(data)
        try:
            if self._reader is None:
                self._object.do_handshake()
                self._reader = self._agreed(self)
            self._read()
        except ssl.SSLWantReadError:
            self._send()
        except ssl.SSLError:
            self._send()  # the alert that says why
            self._transport.close()

    def _read(self) -> None:
        """Raises: SSLError."""
        while not (self._paused or self._ended or self._reader is None):
            part = self._object.read(AT_ONCE)
            if not part:  # the other end has said its end
                self._reader.eof_received()
                self.close()
                return
            self._reader.data_received(part)
        self._send()

    def write(self, data: bytes | bytearray | memoryview) -> None:
        if self._ended:
            return
        rest = memoryview(data)
        with suppress(ssl.SSLError):  # the connection is lost; who reads is told
            while rest:
                rest = rest[self._object.write(rest) :]
        self._send()

    def _send(self) -> None:
        if self._outgoing.pending and not self._transport.is_closing():
            self._transport.write(self._outgoing.read())

    def _say_end(self) -> None:
        self._ended = True
        with suppress(ssl.SSLError):  # nobody waits for the other's
            self._object.unwrap()
        self._send()

    def write_eof(self) -> None:
        self._say_end()
        self._transport.write_eof()

    def close(self) -> None:
        if not self.is_closing():
            self._say_end()
            self._transport.close()

    def abort(self) -> None:
        self._transport.abort()

    def is_closing(self) -> bool:
        return self._transport.is_closing()

    def pause_reading(self) -> None:
        self._paused = True
        self._transport.pause_reading()

    def resume_reading(self) -> None:
        self._paused = False
        self._transport.resume_reading()
        asyncio.get_running_loop().call_soon(self.decrypt, b"")  # what is here already

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        if name == "sslcontext":
            return self._object.context
        return self._transport.get_extra_info(name, default)
