"""``add_router_interface`` and ``remove_router_interface``: PUT without an envelope.

Rules this module keeps:
- As every change: scope, policy (the rule has the action's name), rules.
"""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import Connection
from starlette.requests import Request
from starlette.responses import Response

from landbridge import errors
from landbridge.api.http import json_body
from landbridge.api.requests.handlers import ApiContext, Handlers
from landbridge.api.requests.service import scope_of
from landbridge.api.schema.field_types import InvalidValue, Uuid
from landbridge.api.schema.masking import masked
from landbridge.api.schema.network import ROUTER
from landbridge.auth.caller import Caller
from landbridge.store.resource_rows import RouterRow
from landbridge.vpn.inventory import routers
from landbridge.vpn.resources.registry import ROUTER as ROUTER_RULES
from landbridge.vpn.rows import Attributes

_NAMES: Final = ("subnet_id", "port_id")
_ID: Final = Uuid()


class InterfaceHandlers(Handlers[RouterRow]):
    def __init__(self, context: ApiContext) -> None:
        super().__init__(context, ROUTER, ROUTER_RULES)

    async def add(self, request: Request, caller: Caller) -> Response:
        return await self._act(request, caller, "add_router_interface")

    async def remove(self, request: Request, caller: Caller) -> Response:
        return await self._act(request, caller, "remove_router_interface")

    async def _act(self, request: Request, caller: Caller, action: str) -> Response:
        body = _named(
            await self._worker.process(await json_body.read_body(request), json_body.decode)
        )
        content = await self._db.write(
            self._change, caller, str(request.path_params["id"]), action, body
        )
        return json_body.Json(content)

    def _change(
        self, tx: Connection, caller: Caller, id: str, action: str, body: dict[str, str]
    ) -> Attributes:
        row = self._service.act(tx, caller, id, action)
        change = {
            "add_router_interface": routers.add_interface,
            "remove_router_interface": routers.remove_interface,
        }[action]
        return change(tx, row, body, scope_of(caller))


def _named(body: Any) -> dict[str, str]:
    """The ids that the body names. Raises: BadPart."""
    given = [name for name in _NAMES if isinstance(body, dict) and name in body]
    if not given:
        raise errors.BadPart("router", "Either subnet_id or port_id must be specified")
    try:
        return {name: _ID.accept(masked(body[name])) for name in given}
    except InvalidValue as refused:
        raise errors.BadPart("router", str(refused)) from None
