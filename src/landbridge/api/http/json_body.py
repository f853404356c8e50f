"""JSON: request bodies, responses, the error envelope.

Rules this module keeps:
- The only module of the API that knows the shape of JSON responses.
- An error has the shape that clients of its path read: those of the Identity API know no
  ``NeutronError`` and would not show the message.
- Bodies are read whole, up to `LARGEST_BODY`, whatever their Content-Type says; a body that is
  nested deeper than `DEEPEST` is refused before it is processed.
- What msgspec refuses and the reference accepts (NaN, Infinity) is parsed by the standard library,
  so that the error names the attribute; what neither parses is `MalformedRequestBody`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from itertools import accumulate
from typing import Any, Final

import msgspec
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from landbridge import errors

IDENTITY: Final = "/identity"  # below it the Identity API is spoken
OWN: Final = "/landbridge/"  # below it errors say more than the Networking API's

LARGEST_BODY: Final = 114_688  # bytes, as oslo.middleware's sizelimit

LONGEST_MESSAGE: Final = 4096  # characters: a value that is repeated may be as long as a body

DEEPEST: Final = 32  # lists and objects inside each other
_STRING: Final = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"', re.DOTALL)
_BRACKETS: Final = b"[{]}"
_NO_BRACKETS: Final = bytes(set(range(256)) - set(_BRACKETS))
_STEPS: Final = bytes.maketrans(_BRACKETS, bytes((2, 2, 0, 0)))  # one more than the step

_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder()


class Json(Response):
    """An answer in JSON."""

    media_type = "application/json"

    def render(self, content: Any) -> bytes:
        return _encoder.encode(content)


def error_answer(
    error: errors.ApiError, headers: Mapping[str, str] | None = None, *, path: str = ""
) -> Json:
    """The error as the clients of `path` read it, with the headers that belong to its kind."""
    message = _shortened(error.message)
    extra = dict(headers or {})
    if isinstance(error, errors.MethodNotAllowed):
        extra["Allow"] = ", ".join(error.allowed)
    if error.retry_after:
        extra["Retry-After"] = str(error.retry_after)
    return Json(_envelope(error, message, path), error.status, extra)


def _shortened(message: str) -> str:
    return message if len(message) <= LONGEST_MESSAGE else f"{message[:LONGEST_MESSAGE]} ..."


def _envelope(error: errors.ApiError, message: str, path: str) -> dict[str, Any]:
    if path == IDENTITY or path.startswith(f"{IDENTITY}/"):
        return {"error": {"code": error.status, "title": error.type, "message": message}}
    told = {"type": error.type, "message": message, "detail": error.detail}
    return {"NeutronError": told | (_parts(error) if path.startswith(OWN) else {})}


def _parts(error: errors.ApiError) -> dict[str, Any]:
    """Of a request that makes several objects: which an error is about, and all that is wrong."""
    if not error.part:
        return {}
    every = [
        {
            "type": each.type,
            "message": _shortened(each.message),
            "detail": each.detail,
            "part": each.part,
            "attribute": each.attribute,
        }
        for each in (error, *error.others)
    ]
    return {"part": error.part, "attribute": error.attribute, "errors": every}


async def read_body(request: Request) -> bytes:
    """Raises: errors.RequestTooLarge, errors.BadPart."""
    if int(request.headers.get("Content-Length", "0")) > LARGEST_BODY:
        raise errors.RequestTooLarge(LARGEST_BODY)
    body = bytearray()
    try:
        async for chunk in request.stream():
            body += chunk
            if len(body) > LARGEST_BODY:
                raise errors.RequestTooLarge(LARGEST_BODY)
    except ClientDisconnect:
        raise errors.BadPart("body", "The body ended early") from None
    return bytes(body)


def decode(body: bytes) -> Any:
    """None for no body. Raises: errors.MalformedRequestBody, errors.BadPart."""
    if not body:
        return None
    try:
        value = _decoder.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        value = _decode_leniently(body)
    _refuse_nested(body)
    return value


def _refuse_nested(body: bytes) -> None:
    """Check the nesting of a body that is JSON. Raises: errors.BadPart."""
    opened = body.count(b"[") + body.count(b"{")
    if opened <= DEEPEST:
        return
    brackets = _STRING.sub(b"", body).translate(_STEPS, delete=_NO_BRACKETS)
    if max(accumulate(step - 1 for step in brackets), default=0) > DEEPEST:
        raise errors.BadPart("body", f"Its JSON is nested deeper than {DEEPEST}")


def _decode_leniently(body: bytes) -> Any:
    try:
        value = json.loads(body.decode())
        json.dumps(value, ensure_ascii=False).encode()  # refuses lone surrogates
    except (ValueError, RecursionError):
        raise errors.MalformedRequestBody from None
    return value
