"""``GET .../{id}/history``, ``.../{id}/diagnostics`` and ``.../{id}/traffic`` of a connection.

Rules this module keeps:
- A caller who may see the connection may see these; others get the answer for one that does not
  exist.
- A gateway that does not answer is no error of the API: the answer is 200 with ``"answered":
  false`` and all that is known here.
- No secret is in it: neither the key nor anything derived from it.
"""

from __future__ import annotations

from time import perf_counter
from typing import Any, Final

import msgspec
from sqlalchemy import Connection
from starlette.requests import Request
from starlette.responses import Response

from landbridge import errors
from landbridge.api.actions.questions import answer_to
from landbridge.api.http import json_body
from landbridge.api.http.metrics import ApiMetrics
from landbridge.api.requests.handlers import ApiContext, Handlers
from landbridge.api.schema.vpn import IPSEC_SITE_CONNECTION
from landbridge.auth.caller import Caller
from landbridge.impact import identities
from landbridge.impact.identity_types import WORDS, NoIdentity
from landbridge.model.diagnosis import Diagnosis, TrafficSeries
from landbridge.store import events
from landbridge.store.resource_rows import ConnectionRow
from landbridge.vpn.resources.registry import CONNECTION
from landbridge.vpn.status import diagnostics
from landbridge.vpn.status.findings import Evidence, findings

RECENT: Final = 10  # events of the history with a diagnosis
_SHOWN: Final = (
    "id",
    "name",
    "project_id",
    "admin_state_up",
    "status",
    "status_reason",
    "status_message",
    "status_changed_at",
    "selector_mode",
    "child_sas",
    "peer_address",
)
ADDRESS: Final = "address of the gateway"
View = dict[str, Any]


class InspectionHandlers(Handlers[ConnectionRow]):
    def __init__(self, context: ApiContext, metrics: ApiMetrics) -> None:
        super().__init__(context, IPSEC_SITE_CONNECTION, CONNECTION)
        self._metrics = metrics

    async def history(self, request: Request, caller: Caller) -> Response:
        limit = _limit(request.query_params.get("limit"))
        told = await self._db.read(self._history, caller, _id(request), limit)
        return json_body.Json({"history": told})

    async def diagnostics(self, request: Request, caller: Caller) -> Response:
        began = perf_counter()
        found = await self._look(caller, _id(request))
        took = round(perf_counter() - began, 4) if found else None
        view = await self._db.read(self._view, caller, _id(request), found)
        view["gateway"]["answered_in"] = took
        return json_body.Json({"diagnostics": view})

    async def traffic(self, request: Request, caller: Caller) -> Response:
        found = await self._look(caller, _id(request))
        series = found.traffic if found else TrafficSeries()
        known = {"connection_id": _id(request), "answered": found is not None}
        return json_body.Json({"traffic": known | msgspec.to_builtins(series)})

    async def _look(self, caller: Caller, id: str) -> Diagnosis | None:
        asked = await self._db.write(self._ask, caller, id)
        found = await answer_to(self._db, asked) if asked else None
        outcome = "answered" if found else "silent" if asked else "not asked"
        self._metrics.diagnoses.labels(outcome).inc()
        return found

    def _history(self, tx: Connection, caller: Caller, id: str, limit: int) -> list[events.Content]:
        return events.history(tx, self._service.see(tx, caller, id).id, limit)

    def _ask(self, tx: Connection, caller: Caller, id: str) -> str | None:
        return diagnostics.ask(tx, self._service.see(tx, caller, id))

    def _view(self, tx: Connection, caller: Caller, id: str, found: Diagnosis | None) -> View:
        row = self._service.see(tx, caller, id)
        gateway = diagnostics.gateway_of(tx, row)
        told = findings(Evidence(row, gateway.id, gateway.alive, found))
        return {
            "connection": {name: getattr(row, name) for name in _SHOWN},
            "identities": {
                "local": _identity(row.local_id),
                "peer": _identity(row.peer_id or row.peer_address),
            },
            "desired": {"revision": row.revision},
            "applied": {
                "revision": row.applied_revision,
                "in_effect": row.applied_revision >= row.revision,
            },
            "gateway": {
                "id": gateway.id,
                "hostname": gateway.hostname,
                "version": gateway.version,
                "backend": gateway.backend,
                "router_id": gateway.router_id,
                "router_ready": gateway.router_ready,
                "reports": gateway.alive,
                "answered": found is not None,
            },
            "findings": msgspec.to_builtins(told),
            "tunnel": _tunnel(found),
            "history": events.history(tx, row.id, RECENT),
        }


def _tunnel(found: Diagnosis | None) -> View | None:
    """Without what has an address of its own: its traffic, and what was initiated."""
    if found is None:
        return None
    told: View = msgspec.to_builtins(found)
    del told["traffic"], told["initiation"]
    return told


def _identity(typed: str) -> View:
    """What it is to charon; empty: the gateway's address."""
    if not typed:
        return {"id": "", "type": ADDRESS}
    try:
        made = identities.parse(typed)
    except NoIdentity:
        return {"id": typed, "type": ""}
    return {"id": made.text, "type": WORDS[made.type]}


def _id(request: Request) -> str:
    return str(request.path_params["id"])


def _limit(text: str | None) -> int:
    """Raises: BadPart."""
    if text is None:
        return events.KEPT_HISTORY
    if not (text.isascii() and text.isdigit() and len(text) <= 9) or not int(text):  # noqa: PLR2004
        raise errors.BadPart("limit", f"{text!r} is not a whole number greater than 0")
    return min(int(text), events.KEPT_HISTORY + events.KEPT_ROUTINE)
