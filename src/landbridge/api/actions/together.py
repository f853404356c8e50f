"""``POST /landbridge/v1/connections``: a connection with all that it needs, in one transaction.

Rules this module keeps:
- Each part is created, or referred to, by the service of its own resource: its policy, quota, rules
  and words. Nothing of them is repeated here.
- All or nothing: what is wrong with any part ends the transaction in a rollback. All that can be
  told is told, since nothing of it is kept.
- The plan is the creation itself, undone (``docs/decisions/015``); it answers with no key, and with
  no id of what does not exist.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, NamedTuple

import msgspec
from sqlalchemy import Connection
from starlette.requests import Request
from starlette.responses import Response

from landbridge import errors
from landbridge.api.http import json_body
from landbridge.api.requests.handlers import ApiContext, service_of
from landbridge.api.requests.plan import DryRun, Planner
from landbridge.api.requests.serializer import View
from landbridge.api.requests.service import ResourceService, scope_of
from landbridge.api.schema import parts
from landbridge.api.schema.parts import CONNECTION, ENVELOPE, PARTS, Asked
from landbridge.api.schema.vpn import IPSEC_SITE_CONNECTION
from landbridge.auth.caller import Caller
from landbridge.impact.conflicts import Neighbours
from landbridge.impact.impact import impact
from landbridge.model.tunnel import Tunnel
from landbridge.store.resource_rows import SERVICES
from landbridge.vpn import rows
from landbridge.vpn.resources import connections
from landbridge.vpn.revisions import dependents

PATH: Final = "/landbridge/v1/connections"
PLAN: Final = f"{PATH}/plan"

#: What an object has only when it is there, and what no plan shows.
UNMADE: Final = frozenset(
    {"id", "created_at", "updated_at", "status_changed_at", "revision_number", "psk"}
)

Views = dict[str, View]


class Rehearsal(NamedTuple):
    """A creation that was undone: its answer, and the tunnel that there would have been."""

    views: Views
    tried: DryRun


class TogetherHandlers:
    def __init__(self, context: ApiContext) -> None:
        self._db = context.db
        self._worker = context.worker
        self._algorithms = context.algorithms
        resources = {part.name: part.resource for part in PARTS}
        self._services: dict[str, ResourceService[Any]] = {
            name: service_of(context, resource)
            for name, resource in (*resources.items(), (CONNECTION, IPSEC_SITE_CONNECTION))
        }

    async def create(self, request: Request, caller: Caller) -> Response:
        asked = await self._asked(request, caller)
        views = await self._db.write(self._create, caller, asked)
        return json_body.Json({ENVELOPE: views}, 201)

    async def plan(self, request: Request, caller: Caller) -> Response:
        asked = await self._asked(request, caller)
        rehearsed = await self._db.dry_run(self._rehearse, caller, asked)
        planner = Planner(self._services[CONNECTION])
        around = await self._db.read(planner.around, caller, rehearsed.tried)
        return json_body.Json({"plan": await self._worker.run(_told, rehearsed, around)})

    async def _asked(self, request: Request, caller: Caller) -> Asked:
        content = await json_body.read_body(request)
        return await self._worker.process(content, self._examine, caller)

    def _examine(self, content: bytes, caller: Caller) -> Asked:
        return parts.examine(json_body.decode(content), caller, self._algorithms)

    def _create(self, tx: Connection, caller: Caller, asked: Asked) -> Views:
        """The views of what was made, by part. Raises: the first error, with all others."""
        self._services[CONNECTION].rules.enter(tx, "create")
        making = _Making(self._services, tx, caller, asked)
        for part in PARTS:
            making.part(part.name)
        making.connection()
        if making.faults:
            raise parts.told(making.faults)
        return making.views

    def _rehearse(self, tx: Connection, caller: Caller, asked: Asked) -> Rehearsal:
        views = self._create(tx, caller, asked)
        made = views[CONNECTION]
        tunnels = dependents.connections(tx, CONNECTION, made["id"])
        return Rehearsal(views, DryRun(made, {}, tunnels, set()))


class _Making:
    """One request in its transaction. `ids`, `views`: by part, as far as it came."""

    def __init__(
        self,
        services: dict[str, ResourceService[Any]],
        tx: Connection,
        caller: Caller,
        asked: Asked,
    ) -> None:
        self._services = services
        self._tx = tx
        self._caller = caller
        self._asked = asked
        self._ids: dict[str, str] = {}
        self.views: Views = {}
        self.faults = list(asked.faults)

    def part(self, name: str) -> None:
        """Make it, or look up what is referred to; neither, if it was wrong before."""
        if name in self._asked.kept:
            self._told(name, self._refer, name)
        elif name in self._asked.made:
            self._told(name, self._make, name, self._asked.made[name])

    def connection(self) -> None:
        if self.faults:
            self.faults += self._further()
        else:
            asked = parts.completed(self._asked.made[CONNECTION], self._ids)
            self._told(CONNECTION, self._make, CONNECTION, asked)

    def _told(self, name: str, work: Callable[..., None], *args: Any) -> None:
        try:
            with errors.about(name):
                work(*args)
        except errors.ApiError as error:
            self._fault(error)

    def _fault(self, error: errors.ApiError) -> None:
        """What the connection's rules say of its reference is said of the part."""
        if error.attribute == f"{error.part}_id":
            error.attribute = "id" if error.part in self._asked.kept else ""
        self.faults.append(error)

    def _make(self, name: str, asked: Any) -> None:
        view = self._services[name].create(self._tx, self._caller, asked)
        self.views[name] = view
        self._ids[name] = view["id"]

    def _refer(self, name: str) -> None:
        rules, key = self._services[name].rules, self._asked.kept[name]
        with errors.about(attribute="id"):
            rows.refer(self._tx, rules.table, key, scope_of(self._caller), rules.not_found)
        self._ids[name] = key

    def _further(self) -> list[errors.ApiError]:
        """What is wrong with a connection that cannot be made, as far as it can be told."""
        service = self._ids.get("vpnservice")
        row = None if service is None else rows.get(self._tx, SERVICES, service)
        found = list(connections.faults(self._tx, self._asked.partly, row))
        for error in found:
            error.part = error.part or CONNECTION
        return found


def _told(rehearsed: Rehearsal, around: list[Tunnel]) -> View:
    """The plan; needs no transaction and may take long."""
    (owned,) = rehearsed.tried.after.values()
    tunnel = owned.tunnel
    off = msgspec.structs.replace(tunnel, admin_state_up=False)
    expected = impact(off, tunnel)
    return {
        ENVELOPE: {name: _unmade(view, rehearsed.views) for name, view in rehearsed.views.items()},
        "disruption": expected.disruption.value,
        "steps": msgspec.to_builtins(expected.steps),
        "collisions": msgspec.to_builtins(Neighbours(around).collisions(tunnel)),
    }


def _unmade(view: View, views: Views) -> View:
    """As it would be, without what it has only when it is there."""
    references = {part.reference for part in PARTS if part.name in views}
    return {name: value for name, value in view.items() if name not in UNMADE | references}
