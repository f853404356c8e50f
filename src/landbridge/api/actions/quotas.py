"""``/v2.0/quotas``: reads and sets a project's limits.

Rules this module keeps:
- The policy decides (``get_quota``, ``update_quota``, ``delete_quota`` on the project in the path),
  before a body is read. Projects are no secret: a refusal is 403, never 404.
- Counting and limits are in `landbridge.api.schema.quotas`.
"""

from __future__ import annotations

from typing import Any, Final

from starlette.requests import Request
from starlette.responses import Response

from landbridge import errors
from landbridge.api.http import json_body
from landbridge.api.requests.handlers import ApiContext
from landbridge.api.schema import quotas
from landbridge.api.schema.field_types import TEXT_LENGTH
from landbridge.auth.caller import Caller

READ: Final = "get_quota"
_NO_PROJECT: Final = ""  # all of them are nobody's own
_NOT_YOURS: Final = "Only admin is authorized to access quotas for another project"


class QuotaHandlers:
    def __init__(self, context: ApiContext) -> None:
        self._db = context.db
        self._policy = context.auth.policy
        self._defaults = context.quotas
        self._worker = context.worker

    async def index(self, request: Request, caller: Caller) -> Response:
        self._enforce(caller, READ, _NO_PROJECT)
        found = await self._db.read(quotas.all_projects, self._defaults)
        return json_body.Json({"quotas": found})

    async def show(self, request: Request, caller: Caller) -> Response:
        project = _project(request)
        if project in ("tenant", "project"):  # clients ask this way who they are
            own = {"project_id": caller.project_id, "tenant_id": caller.project_id}
            return json_body.Json({project: own})
        self._enforce(caller, READ, project)
        limits = await self._db.read(quotas.limits, project, self._defaults)
        return json_body.Json({"quota": {**limits, "project_id": project, "tenant_id": project}})

    async def default(self, request: Request, caller: Caller) -> Response:
        project = _project(request)
        self._enforce(caller, READ, project)
        limits = {**self._defaults, "project_id": project, "tenant_id": project}
        return json_body.Json({"quota": limits})

    async def details(self, request: Request, caller: Caller) -> Response:
        project = _project(request)
        if not self._policy.check(caller, READ, {"project_id": project}):
            raise errors.AdminRequired(_NOT_YOURS)
        found = await self._db.read(quotas.details, project, self._defaults)
        return json_body.Json({"quota": found})

    async def update(self, request: Request, caller: Caller) -> Response:
        project = _project(request)
        self._enforce(caller, "update_quota", project)
        wanted = quotas.parse(await self._body(request), self._defaults)
        limits = await self._db.write(quotas.change, project, wanted, self._defaults)
        return json_body.Json({"quota": limits})

    async def delete(self, request: Request, caller: Caller) -> Response:
        project = _project(request)
        self._enforce(caller, "delete_quota", project)
        await self._db.write(quotas.reset, project)
        return Response(status_code=204)

    async def _body(self, request: Request) -> Any:
        return await self._worker.process(await json_body.read_body(request), json_body.decode)

    def _enforce(self, caller: Caller, rule: str, project: str) -> None:
        self._policy.enforce(caller, rule, {"project_id": project})


def _project(request: Request) -> str:
    """Raises: BadPart."""
    project = str(request.path_params["id"])
    if len(project) > TEXT_LENGTH:
        raise errors.BadPart("quota", f"No project's id is longer than {TEXT_LENGTH} characters")
    return project
