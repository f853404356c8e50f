"""Every error that the API can answer with: its type, its status, its words.

Rules this module keeps:
- An error knows how it looks to a client (`NeutronError` type, message, HTTP status) and
  nothing of HTTP libraries; `landbridge.api.http.json_body` writes the envelope.
- `type` is the class's own name unless it says otherwise: clients match on it.
- A message names what was wrong and where, never a secret's value.
- `attribute`: the attribute whose value was wrong, for forms; empty where it is not one's alone.
- `part`: which of the objects that a request makes together, or refers to, the error is about. It
  has the name of the reference: ``ikepolicy`` for `ikepolicy_id`. `others`: what else is wrong.
- `retry_after`: seconds after which the same request may do; 0: it will not by waiting.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import ClassVar


class ApiError(Exception):
    """Base of all. `status` is the HTTP status, `type` the NeutronError type."""

    status: ClassVar[int] = 400
    type: ClassVar[str] = "BadRequest"
    retry_after: int = 0
    attribute: str = ""
    part: str = ""
    others: tuple[ApiError, ...] = ()

    def __init_subclass__(cls) -> None:
        if "type" not in cls.__dict__:
            cls.type = cls.__name__

    def __init__(self, message: str, detail: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.detail = detail


@contextmanager
def about(part: str = "", attribute: str = "") -> Iterator[None]:
    """Errors raised inside are about this, as far as they do not say it themselves."""
    try:
        yield
    except ApiError as error:
        error.part = error.part or part
        error.attribute = error.attribute or attribute
        raise


class BadRequest(ApiError):
    """The request's content is invalid (reference: ``HTTPBadRequest``)."""

    type = "HTTPBadRequest"


class MalformedRequestBody(ApiError):
    def __init__(self) -> None:
        super().__init__("Malformed request body: Cannot understand JSON.")


class Unauthorized(ApiError):
    status = 401
    type = "HTTPUnauthorized"


class PolicyNotAuthorized(ApiError):
    status = 403

    def __init__(self, rule: str, *attribute_rules: str) -> None:
        words = f"rule:{rule}"
        nested = {inner for outer in attribute_rules for inner in _inside(outer, attribute_rules)}
        for further in attribute_rules:
            if further not in nested:
                words = f"({words} and {_with_members(further, attribute_rules)})"
        super().__init__(f"{words} is disallowed by policy")


def _inside(rule: str, rules: tuple[str, ...]) -> list[str]:
    """The rules of the members of an attribute that is a dictionary."""
    return [other for other in rules if other.startswith(f"{rule}:")]


def _with_members(rule: str, rules: tuple[str, ...]) -> str:
    members = " and ".join(f"rule:{member}" for member in _inside(rule, rules))
    return f"(rule:{rule} and ({members}))" if members else f"rule:{rule}"


class NotFound(ApiError):
    status = 404
    type = "HTTPNotFound"


class PathNotFound(NotFound):
    """Nothing is there, whoever asks."""

    type = NotFound.type

    def __init__(self, path: str) -> None:
        super().__init__(
            f"The API has no path {path}. Those that it has are in /openapi.json.",
        )


class ExtensionNotFound(NotFound):
    def __init__(self, alias: str) -> None:
        super().__init__(f"Extension with alias {alias} does not exist")


class TagNotFound(ApiError):
    status = 404

    def __init__(self, tag: str) -> None:
        super().__init__(f"Tag {tag} could not be found.")


class Conflict(ApiError):
    status = 409


class RevisionNumberConstraintFailed(ApiError):
    status = 412

    def __init__(self, expected: int, current: int) -> None:
        super().__init__(f"Constrained to {expected}, but current revision is {current}")


class ServiceUnavailable(ApiError):
    status = 503
    type = "HTTPServiceUnavailable"
    retry_after = 1


class RequestTimeout(ApiError):
    """The rest of a request did not come in time."""

    status = 408
    type = "HTTPRequestTimeout"


class AddressTooLong(ApiError):
    status = 414
    type = "HTTPRequestURITooLong"

    def __init__(self, limit: int) -> None:
        super().__init__(
            f"The address (path and query) is longer than {limit} bytes: ask for less at once."
        )


class HeadTooLarge(ApiError):
    status = 431
    type = "HTTPRequestHeaderFieldsTooLarge"

    def __init__(self, limit: str) -> None:
        super().__init__(f"The head of the request has more than {limit}.")


class TooManyRequests(ApiError):
    """The caller holds too much at a time already."""

    status = 429
    type = "HTTPTooManyRequests"
    retry_after = 5


class MethodNotAllowed(ApiError):
    """`allowed`: the methods that `path` takes; without a path: all that there are."""

    status = 405
    type = "HTTPMethodNotAllowed"

    def __init__(self, allowed: tuple[str, ...], method: str = "", path: str = "") -> None:
        only = f"only {', '.join(allowed)} {'is' if len(allowed) == 1 else 'are'}"
        of = f": {path}" if path else ""
        super().__init__(f"{method or 'This method'} is not allowed, {only}{of}")
        self.allowed = allowed


class RequestTooLarge(ApiError):
    status = 413
    type = "HTTPRequestEntityTooLarge"

    def __init__(self, limit: int) -> None:
        super().__init__(f"The request body is larger than {limit} bytes.")


class InvalidInput(ApiError):
    """A value that cannot be converted to what its attribute is."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"Invalid input for operation: {reason}.")


class BadPart(ApiError):
    """A part of the request other than an attribute: its body, `limit`, `if-match`."""

    type = "BadRequest"

    def __init__(self, part: str, reason: str) -> None:
        super().__init__(f"Bad {part} request: {reason}.")


class OverQuota(Conflict):
    def __init__(self, resource: str, limit: int) -> None:
        super().__init__(
            f"Quota exceeded for resources: ['{resource}']. There may be at most {limit}."
        )


class FlavorNotFound(NotFound):
    def __init__(self, id: str) -> None:
        super().__init__(f"Flavor {id} could not be found.")


class AdminRequired(ApiError):
    status = 403

    def __init__(self, reason: str) -> None:
        super().__init__(f"User does not have admin privileges: {reason}.")
