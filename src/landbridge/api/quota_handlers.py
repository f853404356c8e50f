"""``/v2.0/quotas``: read and set a project's limits.

Rules this module keeps:
- Who may, the policy says: ``get_quota``, ``update_quota``, ``delete_quota`` on the project
  in the path. Whose quota one may not see, there is none.
- Counting and limits are in `quotas`.
"""

from __future__ import annotations

from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from landbridge import errors
from landbridge.access.caller import Caller
from landbridge.api import quotas, wire
from landbridge.api.handlers import Service

READ: Final = "get_quota"


class QuotaHandlers:
    def __init__(self, service: Service) -> None:
        self._db = service.db
        self._policy = service.door.policy
        self._defaults = service.quotas

    async def index(self, request: Request, caller: Caller) -> Response:
        if not caller.is_admin:
            raise errors.AdminRequired("Only admin can view or configure quota")
        found = await self._db.read(quotas.all_projects, self._defaults)
        return wire.Json({"quotas": found})

    async def show(self, request: Request, caller: Caller) -> Response:
        project = _project(request)
        if project in ("tenant", "project"):  # clients ask this way who they are
            own = {"project_id": caller.project_id, "tenant_id": caller.project_id}
            return wire.Json({project: own})
        self._enforce(caller, READ, project)
        limits = await self._db.read(quotas.limits, project, self._defaults)
        return wire.Json({"quota": {**limits, "project_id": project, "tenant_id": project}})

    async def default(self, request: Request, caller: Caller) -> Response:
        project = _project(request)
        self._enforce(caller, READ, project)
        limits = {**self._defaults, "project_id": project, "tenant_id": project}
        return wire.Json({"quota": limits})

    async def details(self, request: Request, caller: Caller) -> Response:
        project = _project(request)
        self._enforce(caller, READ, project)
        found = await self._db.read(quotas.details, project, self._defaults)
        return wire.Json({"quota": found})

    async def update(self, request: Request, caller: Caller) -> Response:
        project = _project(request)
        wanted = quotas.parse(wire.decode(await wire.read_body(request)), self._defaults)
        self._enforce(caller, "update_quota", project)
        limits = await self._db.write(quotas.change, project, wanted, self._defaults)
        return wire.Json({"quota": limits})

    async def delete(self, request: Request, caller: Caller) -> Response:
        project = _project(request)
        self._enforce(caller, "delete_quota", project)
        await self._db.write(quotas.reset, project)
        return Response(status_code=204)

    def _enforce(self, caller: Caller, rule: str, project: str) -> None:
        target = {"project_id": project}
        try:
            self._policy.enforce(caller, rule, target)
        except errors.PolicyNotAuthorized:
            if rule != READ and self._policy.check(caller, READ, target):
                raise
            raise errors.NotFound("The resource could not be found.") from None


def _project(request: Request) -> str:
    return str(request.path_params["id"])
