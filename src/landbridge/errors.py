"""Every error that the API can answer with: its type, its status, its words.

Rules this module keeps:
- An error knows how it looks to a client (`NeutronError` type, message, HTTP status) and
  nothing of HTTP libraries; `landbridge.api.wire` writes the envelope.
- `type` is the class's own name unless it says otherwise: clients match on it.
- A message names what was wrong and where, never a secret's value.
"""

from __future__ import annotations

from typing import ClassVar


class ApiError(Exception):
    """Base of all. `status` is the HTTP status, `type` the NeutronError type."""

    status: ClassVar[int] = 400
    type: ClassVar[str] = "BadRequest"

    def __init_subclass__(cls) -> None:
        if "type" not in cls.__dict__:
            cls.type = cls.__name__

    def __init__(self, message: str, detail: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.detail = detail


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
        for further in attribute_rules:
            words = f"({words} and rule:{further})"
        super().__init__(f"{words} is disallowed by policy")


class NotFound(ApiError):
    status = 404
    type = "HTTPNotFound"


class Conflict(ApiError):
    status = 409


class RevisionNumberConstraintFailed(ApiError):
    status = 412


class ServiceUnavailable(ApiError):
    status = 503
    type = "HTTPServiceUnavailable"
