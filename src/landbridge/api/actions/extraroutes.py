"""``add_extraroutes`` and ``remove_extraroutes``: some of a router's routes, the others left alone.

Rules this module keeps:
- The same way as every change: scope, policy (the rule has the action's name), rules.
- What is there already, or is not there any more, is no error: two callers may do the same.
"""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import Connection
from starlette.requests import Request
from starlette.responses import Response

from landbridge import errors
from landbridge.api.http import json_body
from landbridge.api.requests.handlers import ApiContext, Handlers
from landbridge.api.requests.serializer import View
from landbridge.api.requests.service import scope_of
from landbridge.api.schema.address_types import Routes
from landbridge.api.schema.field_types import InvalidValue
from landbridge.api.schema.network import ROUTER
from landbridge.auth.caller import Caller
from landbridge.store.resource_rows import HostRoute, RouterRow
from landbridge.vpn.inventory import routers, routes
from landbridge.vpn.resources.registry import ROUTER as ROUTER_RULES

_ROUTES: Final = Routes()
_CHANGES: Final = {"add_extraroutes": routes.with_more, "remove_extraroutes": routes.without}


class ExtraRouteHandlers(Handlers[RouterRow]):
    def __init__(self, context: ApiContext) -> None:
        super().__init__(context, ROUTER, ROUTER_RULES)

    async def add(self, request: Request, caller: Caller) -> Response:
        return await self._act(request, caller, "add_extraroutes")

    async def remove(self, request: Request, caller: Caller) -> Response:
        return await self._act(request, caller, "remove_extraroutes")

    async def _act(self, request: Request, caller: Caller, action: str) -> Response:
        content = await json_body.read_body(request)
        given = await self._worker.process(content, _routes)
        router_id = str(request.path_params["id"])
        view = await self._db.write(self._change, caller, router_id, action, given)
        return json_body.Json({self._resource.name: view})

    def _change(
        self, tx: Connection, caller: Caller, id: str, action: str, given: list[HostRoute]
    ) -> View:
        row = self._service.act(tx, caller, id, action)
        changed = {"routes": _CHANGES[action](row.routes, given)}
        routers.update(tx, row, changed, scope_of(caller))
        return self._service.show(tx, caller, id, frozenset())


def _routes(content: bytes) -> list[HostRoute]:
    """The routes of the body. Raises: BadRequest."""
    body: Any = json_body.decode(content)
    router = body.get("router") if isinstance(body, dict) else None
    if not isinstance(router, dict) or "routes" not in router:
        raise errors.BadRequest("Unable to find 'routes' of 'router' in request body")
    given = router["routes"]
    if isinstance(given, list):  # a route twice is no error here
        given = [each for number, each in enumerate(given) if each not in given[:number]]
    try:
        accepted: list[HostRoute] = _ROUTES.convert(given)
    except InvalidValue as refused:
        raise errors.BadRequest(f"Invalid input for routes. Reason: {refused}.") from None
    return accepted
