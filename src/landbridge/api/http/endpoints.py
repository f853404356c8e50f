"""Dispatches a path's requests to its handlers by method: one endpoint per path.

Rules this module keeps:
- Every guarded endpoint authenticates the caller before anything else is checked.
- A method that a path does not have is answered 405 with Allow, also HEAD. OPTIONS answers as GET
  does, with Allow (as the reference). A method that no path has is answered without a token.
- Endpoints are plain ASGI applications, so that no framework adds methods.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from landbridge import errors
from landbridge.auth.authentication import Authentication
from landbridge.auth.caller import Caller

METHODS: Final = ("GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH")

Handler = Callable[[Request, Caller], Awaitable[Response]]
Objection = Callable[[Request, Caller], Awaitable[None]]
OpenHandler = Callable[[Request], Awaitable[Response]]


class Endpoint:
    """The methods of one path that needs a token.

    `refused`: methods that are refused after a check of their own. `otherwise`: the handler of all
    other methods where the path does not exist.
    """

    def __init__(
        self,
        auth: Authentication,
        template: str,
        handlers: Mapping[str, Handler],
        refused: Mapping[str, Objection],
        otherwise: Handler | None,
    ) -> None:
        self.template = template
        self._auth = auth
        self._otherwise = otherwise
        known = dict(handlers)
        if "GET" in handlers:
            known["OPTIONS"] = handlers["GET"]
        self._allowed = tuple(known)
        self._handlers = known
        self._refused = refused

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        handler = self._handlers.get(request.method, self._otherwise)
        if handler is None and request.method not in METHODS:
            raise self._not_allowed(request)
        caller = await admit(self._auth, request)
        if handler is None:
            await self._object(request, caller)
            raise self._not_allowed(request)
        response = await handler(request, caller)
        if request.method == "OPTIONS":
            response.headers["Allow"] = ", ".join(self._allowed)
        await response(scope, receive, send)

    def _not_allowed(self, request: Request) -> errors.MethodNotAllowed:
        return errors.MethodNotAllowed(self._allowed, request.method, request.scope["path"])

    async def _object(self, request: Request, caller: Caller) -> None:
        if objection := self._refused.get(request.method):
            await objection(request, caller)


class PublicEndpoint:
    """A path that needs no token; it shows no project's data. `more`: handlers of further methods,
    which ask for a token themselves."""

    def __init__(
        self, template: str, handler: OpenHandler, more: Mapping[str, OpenHandler] | None = None
    ) -> None:
        self.template = template
        self._handlers = {"GET": handler, "HEAD": handler, **(more or {})}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        handler = self._handlers.get(request.method)
        if handler is None:
            allowed = tuple(self._handlers)
            raise errors.MethodNotAllowed(allowed, request.method, request.scope["path"])
        response = await handler(request)
        await response(scope, receive, send)


async def admit(auth: Authentication, request: Request) -> Caller:
    """Raises: errors.Unauthorized, errors.ServiceUnavailable."""
    return await auth.admit(*credentials(request))


def credentials(request: Request) -> tuple[str, str]:
    """The token and the service token; empty where there is none."""
    headers = request.headers
    return headers.get("X-Auth-Token", ""), headers.get("X-Service-Token", "")
