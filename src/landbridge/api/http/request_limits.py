"""Counts the size of a request while it arrives, and refuses what is too large.

Rules this module keeps:
- Addresses, header lines and heads have a limit each; chunks and the framing of a body have one by
  the body's size. Bodies are limited where they are read.
- It counts and says why (`RequestRefused`); it keeps nothing of a request.
"""

from __future__ import annotations

import re
from typing import Final

from landbridge import errors
from landbridge.api.http.endpoints import METHODS
from landbridge.config.settings import LimitSettings

OVERHEAD: Final = 32_768  # bytes around a body that comes in chunks, and twice its size
FINE_CHUNKS: Final = 2_048  # chunks that may be smaller than
CHUNK: Final = 8  # bytes on the average
METHOD_LENGTH: Final = 64
#: Methods that the parser takes for the beginning of another protocol (RTSP, HTTP/2).
OF_OTHER_PROTOCOLS: Final = frozenset(
    {b"DESCRIBE", b"ANNOUNCE", b"SETUP", b"PLAY", b"PAUSE", b"TEARDOWN", b"GET_PARAMETER",
     b"SET_PARAMETER", b"REDIRECT", b"RECORD", b"FLUSH", b"PRI"}
)  # fmt: skip
_METHOD: Final = re.compile(rb"(?:\r?\n)*([!#$%&'*+\-.^_`|~0-9A-Za-z]+)( ?)")


class RequestRefused(Exception):
    """The request is refused; `error` is the answer."""

    def __init__(self, error: errors.ApiError) -> None:
        super().__init__(error.message)
        self.error = error


class RequestLimits:
    """The limits of the request that a connection reads. All methods raise: RequestRefused."""

    def __init__(self, limits: LimitSettings) -> None:
        self._limits = limits
        self.begin()

    def begin(self) -> None:
        """The first byte of a head."""
        self._address = self._head = self._lines = 0
        self._unfinished = 0  # bytes of a head that is not there yet
        self.body = self._raw = self._chunks = 0

    def address(self, size: int) -> None:
        self._address += size
        if self._address > self._limits.address_size:
            raise RequestRefused(errors.AddressTooLong(self._limits.address_size))

    def line(self, size: int) -> None:
        """A header line or a trailer."""
        self._head += size
        self._lines += 1
        if self._head > self._limits.head_size:
            self._object_to_head()
        if self._lines > self._limits.head_lines:
            raise RequestRefused(errors.HeadTooLarge(f"{self._limits.head_lines} lines"))

    def unfinished(self, size: int, *, of_head: bool) -> None:
        """`size` bytes have come and the head is incomplete. `of_head`: all of them are of the
        head."""
        if of_head or self._unfinished:
            self._unfinished += size
        self._unfinished = self._unfinished or 1
        if self._unfinished - self._address > self._limits.head_size:
            self._object_to_head()

    def _object_to_head(self) -> None:
        raise RequestRefused(errors.HeadTooLarge(f"{self._limits.head_size} bytes"))

    def chunk(self) -> None:
        self._chunks += 1
        if self._chunks > max(FINE_CHUNKS, self.body // CHUNK):
            raise RequestRefused(errors.BadRequest("The body comes in too many chunks."))

    def around_body(self, size: int) -> None:
        """`size` bytes have come and the body is incomplete; `body` of them are content."""
        self._raw += size
        if self._raw - self.body > OVERHEAD + 2 * self.body:
            raise RequestRefused(errors.BadRequest("There is more around the body than in it."))


def other_method(head: bytes) -> tuple[bytes, bytes] | None:
    """A head's method that the parser does not know, and what follows it; None: incomplete.

    Raises: RequestRefused.
    """
    found = _METHOD.match(head)
    if found is None or len(found[1]) > METHOD_LENGTH:
        raise no_http("it does not begin with a method")
    if found[2]:
        return found[1], head[found.end(1) :]
    if found.end() == len(head):
        return None
    raise no_http("there is no space after the method")


def no_http(why: object) -> RequestRefused:
    return RequestRefused(errors.BadRequest(f"This is no HTTP: {why}."))


def unknown_method() -> RequestRefused:
    """The refusal of a method whose path is not known."""
    return RequestRefused(errors.MethodNotAllowed(METHODS))
