"""Parses and checks the requests of gateways' agents (``/agent/v1``).

Rules this module keeps:
- A credential is valid for its own gateway only; a call that names another gateway is answered 403
  before its body is read.
- Bodies are the structs of `landbridge.model`, with the bounds of their fields. A body that does
  not fit is answered 400 with the name of the field.
- No database, no decision beyond these checks.
"""

from __future__ import annotations

import json
import re
from typing import Annotated, Any, Final, TypeVar

import msgspec
from msgspec import Meta
from starlette.requests import ClientDisconnect, Request

from landbridge import errors
from landbridge.auth.caller import Caller
from landbridge.model.fields import Number, Short, Text
from landbridge.model.gateway import ELSEWHERE, Position

LARGEST_REPORT: Final = 16 * 1024 * 1024  # bytes: ten thousand tunnels with their children
LARGEST_DIAGNOSIS: Final = 4 * 1024 * 1024
LARGEST_LEASE: Final = 64 * 1024
CURSOR_DIGITS: Final = 18
MOST_WORDS: Final = 300

Fraction = Annotated[float, Meta(ge=-1e300, le=1e300)]
Capability = Text | bool | Annotated[int, Meta(ge=-(2**63), le=2**63 - 1)] | Fraction | None
_HALVES: Final = re.compile("[\ud800-\udfff]")  # of a character

T = TypeVar("T")


class GatewayNotAuthorized(errors.ApiError):
    """The call names another gateway than the credential."""

    status = 403

    def __init__(self, caller: Caller) -> None:
        super().__init__(
            f"This credential is that of gateway {caller.gateway_id!r} and of no other."
            if caller.gateway_id
            else "This token is no gateway's credential: `landbridge gateway add NAME` makes one."
        )


class RunsElsewhere(errors.ApiError):
    """The object exists, but another gateway runs it."""

    status = 403
    type = ELSEWHERE

    def __init__(self) -> None:
        super().__init__("This gateway does not run the object.")


class LeaseRequest(msgspec.Struct, frozen=True, kw_only=True):
    """`holder` identifies the agent; empty: an agent of an older release."""

    gateway_id: Short
    hostname: Short
    holder: Annotated[str, Meta(max_length=64, pattern=r"^[!-~]*\Z")] = ""
    version: Short
    epoch: Number | None = None
    capabilities: Annotated[dict[Short, Capability], Meta(max_length=100)] = {}
    holds: Text = ""


def gateway_of(request: Request, caller: Caller) -> str:
    """The gateway that calls. Raises: BadRequest, GatewayNotAuthorized."""
    named = request.query_params.getlist("gateway_id")
    if not named:
        raise errors.BadRequest("gateway_id: which gateway asks is missing.")
    its_own(caller, *named)
    return caller.gateway_id


def its_own(caller: Caller, *named: str) -> None:
    """Raises: GatewayNotAuthorized."""
    if any(name != caller.gateway_id for name in named):
        raise GatewayNotAuthorized(caller)


def cursor_of(request: Request, name: str = "cursor") -> int:
    """Raises: BadRequest."""
    text = request.query_params.get(name, "0")
    if not (text.isascii() and text.isdigit() and len(text) <= CURSOR_DIGITS):
        raise errors.BadRequest(f"{name}: not a whole number of {CURSOR_DIGITS} digits at most.")
    return int(text)


def seen_of(request: Request) -> Position | None:
    """The gateway's position in its stream; None: not given. Raises: BadRequest."""
    database, opening = (request.query_params.get(f"seen_{n}", "") for n in ("database", "opening"))
    if not database:
        return None
    asked = {"database": database, "opening": opening, "cursor": cursor_of(request, "seen_cursor")}
    try:
        return msgspec.convert(asked, Position)
    except msgspec.ValidationError as error:
        raise errors.BadRequest(f"seen_database, seen_opening: {error}") from None


def decode(kind: type[T], content: bytes) -> T:
    """Raises: BadRequest."""
    try:
        return msgspec.json.decode(content, type=kind)
    except msgspec.ValidationError as error:
        raise _refused(error) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        _name_invalid_json(kind, content)
        raise _refused(error) from None


def _name_invalid_json(kind: type[Any], content: bytes) -> None:
    """Name the field that holds what other JSON libraries accept (NaN, a lone surrogate).

    Raises: BadRequest.
    """
    try:
        text = json.dumps(json.loads(content), ensure_ascii=False)
        msgspec.convert(json.loads(_HALVES.sub(r"\\u0000", text)), kind)
    except msgspec.ValidationError as error:
        raise _refused(error) from None
    except (ValueError, RecursionError):
        return  # no JSON at all: as the first reader said


def _refused(error: Exception) -> errors.BadRequest:
    """The error's last part names the field; a value that is repeated before it may be long."""
    words = str(error)
    if len(words) > MOST_WORDS:
        words = f"{words[: MOST_WORDS // 2]}...{words[-MOST_WORDS // 2 :]}"
    return errors.BadRequest(f"The body is not what agents send: {words}")


async def body(request: Request, largest: int) -> bytes:
    """Raises: BadRequest, RequestTooLarge."""
    if int(request.headers.get("Content-Length", "0")) > largest:
        raise errors.RequestTooLarge(largest)
    content = bytearray()
    try:
        async for chunk in request.stream():
            content += chunk
            if len(content) > largest:
                raise errors.RequestTooLarge(largest)
    except ClientDisconnect:
        raise errors.BadRequest("The body ended early.") from None
    return bytes(content)
