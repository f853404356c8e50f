"""The outermost middleware: request ids, times, log lines, and responses to errors.

Rules this module keeps:
- Every response has ``X-Openstack-Request-Id``, also those of the framework.
- Errors become responses here only. An unexpected error is logged with the request's id and
  answered with 500, without its cause.
- A log line has method, route, status and time; never a body, a query or a message, which may
  contain what a caller typed. `landbridge.api.http.request_log` decides which requests are logged.
- A request's time ends when its response begins, since streams last for hours.
"""

from __future__ import annotations

from time import perf_counter
from typing import Final
from uuid import uuid4

import structlog
from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from landbridge import errors, telemetry
from landbridge.api.http import json_body
from landbridge.api.http.metrics import ApiMetrics
from landbridge.api.http.query import MOST_PARAMETERS, too_many
from landbridge.api.http.request_log import RequestLog, RequestRecord
from landbridge.auth.authentication import Authentication

REQUEST_ID: Final = "X-Openstack-Request-Id"


class Unforeseen(errors.ApiError):
    status = 500
    type = "HTTPInternalServerError"

    def __init__(self) -> None:
        super().__init__("Request Failed: internal server error while processing your request.")


class ErrorHandlers:
    """The framework's exception handlers: errors as responses."""

    def __init__(self, auth: Authentication) -> None:
        self._auth = auth

    async def api_error(self, request: Request, error: Exception) -> Response:
        path = request.scope["path"]
        if isinstance(error, errors.Unauthorized):
            challenge = {"WWW-Authenticate": self._auth.challenge}
            return json_body.error_answer(error, challenge, path=path)
        if isinstance(error, errors.ApiError):
            return json_body.error_answer(error, path=path)
        raise error

    async def no_route(self, request: Request, error: Exception) -> Response:
        """The framework's 404. Of its other errors it can raise 405 only, see `no_method`."""
        path = request.scope["path"]
        return json_body.error_answer(errors.PathNotFound(path), path=path)

    async def no_method(self, request: Request, error: Exception) -> Response:
        """The framework's 405, for paths that leave their methods to it."""
        headers = (error.headers if isinstance(error, HTTPException) else None) or {}
        allowed = tuple(headers.get("Allow", "").split(", "))
        path = request.scope["path"]
        refusal = errors.MethodNotAllowed(allowed, request.method, path)
        return json_body.error_answer(refusal, path=path)


class RequestMiddleware:
    """The outermost ASGI application."""

    def __init__(self, app: ASGIApp, metrics: ApiMetrics, told: RequestLog) -> None:
        self._app = app
        self._metrics = metrics
        self._told = told
        self._log = structlog.get_logger("landbridge.api")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = f"req-{uuid4()}"
        telemetry.bind_request(request_id)
        answer = _RecordingSend(send, request_id)
        try:
            await self._run(scope, receive, answer)
        finally:
            self._tell(scope, answer.status, answer.seconds)

    async def _run(self, scope: Scope, receive: Receive, answer: _RecordingSend) -> None:
        try:
            if "\0" in scope["path"] or b"%00" in scope["query_string"]:
                raise errors.BadRequest("The address holds a NUL character.")  # noqa: TRY301
            if (asked := scope["query_string"].count(b"&") + 1) > MOST_PARAMETERS:
                raise too_many(asked)  # noqa: TRY301
            await self._app(scope, receive, answer)
        except errors.ApiError as error:
            await json_body.error_answer(error, path=scope["path"])(scope, receive, answer)
        except ClientDisconnect:
            return  # nobody to answer
        except Exception:
            self._log.exception("unforeseen error", method=scope["method"], route=_route(scope))
            if answer.status:
                raise
            failure = json_body.error_answer(Unforeseen(), path=scope["path"])
            await failure(scope, receive, answer)

    def _tell(self, scope: Scope, status: int, seconds: float) -> None:
        route = _route(scope)
        self._metrics.request(scope["method"], route, status, seconds)
        self._told.tell(
            RequestRecord(
                method=scope["method"],
                route=route,
                status=status,
                seconds=seconds,
                routine=bool(getattr(scope.get("endpoint"), "routine", False)),
            )
        )


class _RecordingSend:
    """`send`, with the request's id on the first message; remembers the status and the time."""

    def __init__(self, send: Send, request_id: str) -> None:
        self._send = send
        self._request_id = request_id
        self._asked_at = perf_counter()
        self._answered_at: float | None = None
        self.status = 0

    @property
    def seconds(self) -> float:
        """From the request to the beginning of its answer; without one, until now."""
        return (self._answered_at or perf_counter()) - self._asked_at

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            self._answered_at = perf_counter()
            MutableHeaders(scope=message)[REQUEST_ID] = self._request_id
        await self._send(message)


def _route(scope: Scope) -> str:
    """The route's template, never a path with ids."""
    return str(getattr(scope.get("endpoint"), "template", "other"))
