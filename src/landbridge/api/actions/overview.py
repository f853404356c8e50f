"""``GET /landbridge/v1/summary`` and ``/landbridge/v1/gateways``: how everything is, counted.

Rules this module keeps:
- It is counted in SQL, whatever there is; no connection is read.
- The counts are those of a scope (a project, or all for an administrator), and made once a second
  for all who ask for that scope; so are those of gateways. Who may not see connections is refused.
- Events are shown each by its own policy. Gateways are for administrators (``get_gateway``).
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, Final, NamedTuple

from sqlalchemy import Connection, Select, func, select
from starlette.requests import Request
from starlette.responses import Response

from landbridge.api.http import json_body
from landbridge.api.http.metrics import Share, shares
from landbridge.api.http.shared_response import Shared
from landbridge.api.requests.handlers import ApiContext
from landbridge.api.requests.service import scope_of
from landbridge.auth.caller import Caller
from landbridge.store import events
from landbridge.store import tables as t
from landbridge.store.columns import database_clock
from landbridge.store.events import Event
from landbridge.vpn.rows import Scope

SUMMARY: Final = "/landbridge/v1/summary"
GATEWAYS: Final = "/landbridge/v1/gateways"
KEPT: Final = 1.0  # seconds
MOST_SCOPES: Final = 512
NEWEST: Final = 12  # events
RECENT: Final = timedelta(hours=1)

_g, _connections, _services, _routers = (
    t.gateways,
    t.ipsec_site_connections,
    t.vpnservices,
    t.routers,
)
_LEFT: Final = (_g.c.lease_expires - database_clock()).label("left")
_OF_GATEWAYS: Final = select(
    _g.c.id, _g.c.hostname, _g.c.version, _g.c.epoch, _g.c.silent, _g.c.holds, _LEFT
).order_by(_g.c.id)
_ROUTERS: Final = (
    select(_routers.c.gateway_id, func.count())
    .where(_routers.c.gateway_id.is_not(None))
    .group_by(_routers.c.gateway_id)
)
_TUNNELS: Final = (
    select(_routers.c.gateway_id, func.count())
    .select_from(_connections)
    .join(_services, _services.c.id == _connections.c.vpnservice_id)
    .join(_routers, _routers.c.id == _services.c.router_id)
    .where(_routers.c.gateway_id.is_not(None))
    .group_by(_routers.c.gateway_id)
)


class Summary(NamedTuple):
    """`changed`: how many events there were in the last hour; `newest` of them are kept."""

    connections: list[Share]
    changed: int
    newest: list[Event]


class OverviewHandlers:
    def __init__(self, context: ApiContext) -> None:
        self._db = context.db
        self._policy = context.auth.policy
        self._counted: dict[Scope, Shared[Summary]] = {}
        self._gateways = Shared(partial(context.db.read, _gateways), KEPT)

    async def summary(self, request: Request, caller: Caller) -> Response:
        target = {"project_id": caller.project_id}
        self._policy.enforce(caller, "get_ipsec_site_connection", target)
        found = await self._of(scope_of(caller)).get()
        seen = [each for each in found.newest if self._sees(caller, each)]
        content = {
            "connections": [share._asdict() for share in found.connections],
            "changed_in_last_hour": found.changed,
            "events": [_shown(event) for event in seen],
        }
        return json_body.Json({"summary": content})

    async def gateways(self, request: Request, caller: Caller) -> Response:
        self._policy.enforce(caller, "get_gateway", {"project_id": caller.project_id})
        return json_body.Json({"gateways": await self._gateways.get()})

    def _of(self, scope: Scope) -> Shared[Summary]:
        found = self._counted.get(scope)
        if found is None:
            if len(self._counted) >= MOST_SCOPES:
                self._counted.clear()
            found = Shared(partial(self._db.read, _summary, scope), KEPT)
            self._counted[scope] = found
        return found

    def _sees(self, caller: Caller, event: Event) -> bool:
        owner = {"project_id": event.project_id}
        return self._policy.check(caller, f"get_{event.resource}", owner)


def _summary(tx: Connection, scope: Scope) -> Summary:
    since = (datetime.now(UTC) - RECENT).strftime("%Y-%m-%dT%H:%M:%S")
    return Summary(
        shares(tx, scope),
        events.count_since(tx, since, scope),
        events.newest(tx, since, scope, NEWEST),
    )


def _gateways(tx: Connection) -> list[dict[str, Any]]:
    routers = _numbers(tx, _ROUTERS)
    tunnels = _numbers(tx, _TUNNELS)
    return [
        {
            "id": row.id,
            "hostname": row.hostname,
            "version": row.version,
            "reports": row.left >= 0 and not row.silent,
            "lease_seconds": round(row.left, 1) if row.left >= 0 else 0,
            "epoch": row.epoch,
            "holds": row.holds,
            "routers": routers.get(row.id, 0),
            "connections": tunnels.get(row.id, 0),
        }
        for row in tx.execute(_OF_GATEWAYS)
    ]


def _numbers(tx: Connection, query: Select[Any]) -> dict[str, int]:
    return {str(gateway): number for gateway, number in tx.execute(query).all()}


def _shown(event: Event) -> dict[str, Any]:
    return {"number": event.number} | events.shown(event)
