"""One HTTP connection within bounds: refuses what is too large, too slow or not HTTP.

Rules this module keeps:
- The head must arrive within a time from its first byte (on a new connection: from the start), the
  body within a time from the head; a long body that keeps arriving gets more. While a response is
  being sent, or reading is paused, no time runs. `RequestLimits` counts sizes.
- Every refusal is a response in the API's envelope, after the responses that are pending, and the
  last of its connection. A request with an unknown method is processed as all others, so that the
  answer can name the allowed methods.
- A response that begins before its request has ended is also the last of its connection: the rest
  of a body is never parsed as a request.
- An ordinary request costs a few attributes here: no timer, no copy.
"""

from __future__ import annotations

import asyncio
from typing import Any, Final, cast
from uuid import uuid4

import httptools
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, RequestResponseCycle

from landbridge import errors
from landbridge.api.http import json_body
from landbridge.api.http.connection_limits import Admission, ConnectionLimits
from landbridge.api.http.lingering import Lingering
from landbridge.api.http.metrics import ApiMetrics
from landbridge.api.http.middleware import REQUEST_ID
from landbridge.api.http.request_limits import (
    METHOD_LENGTH,
    OF_OTHER_PROTOCOLS,
    RequestLimits,
    RequestRefused,
    no_http,
    other_method,
    unknown_method,
)
from landbridge.api.http.write_timeout import WriteTimeoutProtocol
from landbridge.config.settings import LimitSettings

MOST_WAITING: Final = 16  # requests on one connection, behind the one that is answered
STEP: Final = 65_536  # bytes of a body that earn more time for it
_STAND_IN: Final = b"POST"  # for a method that the parser does not know; as it, it may have a body


class SharedLimits:
    """What the connections of one process share."""

    def __init__(self, limits: LimitSettings, metrics: ApiMetrics) -> None:
        self.limits = limits
        self.connections = ConnectionLimits(
            limits.connections, limits.connections_per_address, limits.proxies
        )
        self._metrics = metrics

    def admit(self, host: str | None) -> Admission:
        """Count a connection from `host`; a refusal is counted, too."""
        admission = self.connections.admit(host)
        if admission.error is not None:
            self.refused(admission.error)
        return admission

    def refused(self, error: errors.ApiError) -> None:
        self._metrics.refused.labels(error.status).inc()


class BoundedProtocol(WriteTimeoutProtocol):
    """uvicorn's, for ``Config(http=partial(BoundedProtocol, shared=...))``. `admission`: where the
    connection was counted before (`landbridge.api.http.tls`)."""

    _line: Lingering
    _refused: bool = False  # nothing more is read
    _ending: bool = False  # the server is
    _timer: asyncio.TimerHandle | None = None
    _running: RequestResponseCycle | None = None  # the one that is answered
    # the request that is read:
    _begun: int = 0  # how many were, on this connection
    _in_head: bool = False
    _in_body: bool = False
    _start: bytes = b""  # of the head, until its method is known
    _held: bool = False  # the parser has not seen `_start`
    _method: bytes = b""  # where the parser was told of another
    _keeps: bool = True  # the connection may be used again
    _looked: int = 0  # how long the body was when the time for more of it began

    def __init__(
        self,
        *given: Any,
        shared: SharedLimits,
        admission: Admission | None = None,
        **named: Any,
    ) -> None:
        super().__init__(*given, **named)
        self._shared = shared
        self._admission = admission
        self._limits = shared.limits
        self._bounds = RequestLimits(shared.limits)

    # The connection

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        self._line = Lingering(transport, self.loop)
        super().connection_made(self._line)
        if self._admission is None:
            self._admission = self._shared.admit(self.client[0] if self.client else None)
        if self._admission.error is None:
            self._arm_head()
            return
        self._refused = True
        if self._admission.is_told:
            self._answer(self._admission.error)
        else:
            self._line.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        self._disarm()
        self._line.forget()
        if self._admission is not None:
            self._admission.leave()
        super().connection_lost(exc)

    def shutdown(self) -> None:
        self._ending = True
        super().shutdown()

    def data_received(self, data: bytes) -> None:
        if self._refused or self._line.is_closing():
            self._line.discard(len(data))
            return
        self._unset_keepalive_if_required()
        if self._held:
            data, self._start, self._held, self._in_head = self._start + data, b"", False, False
        begun, in_body = self._begun, self._in_body
        fresh = not (self._in_head or in_body)
        try:
            self._feed(data, fresh or bool(self._start))
            if self._in_body:
                self._bounds.around_body(len(data) if in_body else 0)
                self._arm(self._limits.body_seconds, self._body_is_late)
            elif self._in_head:
                self._keep_start(data, fresh)
                self._bounds.unfinished(len(data), of_head=fresh)
                self._arm_head()
            elif begun == self._begun:  # empty lines
                self._arm_head()
        except RequestRefused as objection:
            self._refuse(objection.error)
        except httptools.HttpParserError as error:
            cause = error.__context__
            self._refuse((cause if isinstance(cause, RequestRefused) else no_http(error)).error)

    # A method that the parser does not know

    def _feed(self, data: bytes, at_start: bool) -> None:
        """Raises: HttpParserError, RequestRefused."""
        begun, rest, is_other = self._begun, b"", False
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade as error:  # to something that nobody speaks here
            rest = data[error.args[0] :]
        except httptools.HttpParserInvalidMethodError:
            is_other = True
        except httptools.HttpParserCallbackError:
            raise
        except httptools.HttpParserError:
            if self.parser.get_method() not in OF_OTHER_PROTOCOLS:
                raise
            is_other = True
        if rest:
            self._feed(rest, at_start=False)
        elif is_other and at_start and self._begun <= begun + 1:
            self._feed_other_method(self._start + data)
        elif is_other:
            raise unknown_method()

    def _feed_other_method(self, head: bytes) -> None:
        """`head` from its first byte on."""
        found = other_method(head)
        self.parser = httptools.HttpRequestParser(self)
        self.parser.set_dangerous_leniencies(lenient_data_after_close=True)
        if found is None:
            self._start, self._held, self._in_head = head, True, True
        else:
            self._start, self._method = b"", found[0]
            self._feed(_STAND_IN + found[1], at_start=False)

    def _keep_start(self, data: bytes, fresh: bool) -> None:
        if self.url:
            self._start = b""
        elif not self._held and (fresh or self._start):
            self._start = (self._start + data)[: METHOD_LENGTH + 1]

    # What the parser finds

    def on_message_begin(self) -> None:
        if len(self.pipeline) >= MOST_WAITING:
            error = errors.TooManyRequests("Too many requests wait on this connection.")
            raise RequestRefused(error)
        super().on_message_begin()
        self._begun += 1
        self._in_head = True
        self._bounds.begin()

    def on_url(self, url: bytes) -> None:
        self._bounds.address(len(url))
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        """Also called for trailers after a chunked body, which are dropped."""
        self._bounds.line(len(name) + len(value))
        if self._in_head:
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        try:
            super().on_headers_complete()
        except (httptools.HttpParserInvalidURLError, ValueError, AttributeError):
            if self.parser.get_method() == b"CONNECT":  # to a host and a port, which is no path
                raise unknown_method() from None
            raise no_http("its address cannot be read") from None
        if self._method:
            self.cycle.scope["method"] = self._method.decode("ascii")
        self._start = self._method = b""
        self._in_head, self._in_body, self._looked = False, True, 0
        self._disarm()
        self._keeps, self.cycle.keep_alive = self.cycle.keep_alive, False
        self._line.unread = True

    def on_chunk_header(self) -> None:
        self._bounds.chunk()

    def on_body(self, body: bytes) -> None:
        self._bounds.body += len(body)
        super().on_body(body)

    def on_message_complete(self) -> None:
        self._in_body = self._line.unread = False
        self._disarm()
        if not self.cycle.response_started:
            self.cycle.keep_alive = self._keeps and not self._ending
        super().on_message_complete()

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        self._running = cycle
        super()._start_asgi_task(cycle, app)

    # Too slow

    def _arm_head(self) -> None:
        self._arm(self._limits.head_seconds, self._head_is_late)

    def _arm(self, seconds: float, late: Any) -> None:
        if self._timer is None:
            self._timer = self.loop.call_later(seconds, late)

    def _disarm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _head_is_late(self) -> None:
        self._timer = None
        if self._is_answering():
            self._arm_head()
        elif self._in_head:
            self._refuse(_late("head", self._limits.head_seconds))
        else:
            self._line.close()

    def _body_is_late(self) -> None:
        self._timer = None
        if not self._in_body or self._line.is_closing():
            return
        if self.flow.read_paused or self._bounds.body - self._looked >= STEP:
            self._looked = self._bounds.body
            self._arm(self._limits.body_seconds, self._body_is_late)
        else:
            self._refuse(_late("body", self._limits.body_seconds))

    def _is_answering(self) -> bool:
        return self._running is not None and not self._running.response_complete

    # The refusal

    def _refuse(self, error: errors.ApiError) -> None:
        self._refused = True
        self._disarm()
        self._shared.refused(error)
        if self._in_body and self.pipeline:  # nobody has begun to answer it
            self.pipeline.popleft()
        elif self._in_body:
            self._abandon(self.cycle, error)
            return
        if self.pipeline or self._is_answering():
            last = self.pipeline[0][0] if self.pipeline else self._running
            cast(RequestResponseCycle, last).keep_alive = False
        else:
            self._answer(error)

    def _abandon(self, cycle: RequestResponseCycle, error: errors.ApiError) -> None:
        """The application is told that the client has disconnected."""
        begun = cycle.response_started
        cycle.disconnected = True
        cycle.message_event.set()
        if begun:
            self._line.close()
        else:
            self._answer(error)

    def _answer(self, error: errors.ApiError) -> None:
        self._line.unread = True
        headers = {REQUEST_ID: f"req-{uuid4()}", "Connection": "close"}
        answer = json_body.error_answer(error, headers)
        lines = [*self.server_state.default_headers, *answer.raw_headers]
        head = b"".join(b"%s: %s\r\n" % line for line in lines)
        self._line.write(STATUS_LINE[answer.status_code] + head + b"\r\n" + bytes(answer.body))
        self._line.close()


def _late(part: str, seconds: float) -> errors.RequestTimeout:
    why = f"The {part} of the request did not arrive in {seconds:g} seconds."
    return errors.RequestTimeout(why)
