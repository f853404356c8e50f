"""Handlers of create, read, update and delete, for every resource of the table.

Rules this module keeps:
- Every request: authenticate the caller, validate by the attribute table, then one transaction in
  which the object is looked up in the caller's scope, the policy is checked and the rules run.
- A caller who may not see an object gets the answer for one that does not exist.
- One hop to a database thread per request; `ResourceService` has the functions that run in it.
- Nothing long runs on the event loop: long bodies are validated, plans made and lists encoded in
  other threads; lists wait for their turn (`landbridge.api.http.fair_queue`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Final, Generic

import msgspec
from sqlalchemy import Connection
from starlette.requests import Request
from starlette.responses import Response

from landbridge import errors
from landbridge.api.http import json_body, query
from landbridge.api.http.fair_queue import FairQueue
from landbridge.api.http.worker_thread import WorkerThread
from landbridge.api.requests import preconditions
from landbridge.api.requests import service as operations
from landbridge.api.requests.plan import Planner
from landbridge.api.requests.serializer import Serializer
from landbridge.api.schema import validate
from landbridge.api.schema.resource import Resource
from landbridge.api.schema.validate import AlgorithmPolicy, Input
from landbridge.auth.authentication import Authentication
from landbridge.auth.caller import Caller
from landbridge.store.database import Database
from landbridge.store.resource_rows import R
from landbridge.vpn.resources.registry import RULES, Rules

Links = Callable[[list[str]], list[dict[str, str]]]

_NO_KEY: Final = 4  # bytes, ``null``: a body so short is repeated, as the reference does


class ApiContext(msgspec.Struct, frozen=True):
    """What all handlers share. `quotas`: the operator's defaults, by resource."""

    db: Database
    auth: Authentication
    algorithms: AlgorithmPolicy
    quotas: Mapping[str, int]
    worker: WorkerThread
    queue: FairQueue


def service_of(context: ApiContext, resource: Resource) -> operations.ResourceService[Any]:
    return _service(context, resource, RULES[resource.name])


def _service(
    context: ApiContext, resource: Resource, rules: Rules[R]
) -> operations.ResourceService[R]:
    return operations.ResourceService(
        resource=resource,
        rules=rules,
        serializer=Serializer(resource),
        policy=context.auth.policy,
        quota=context.quotas.get(resource.name, -1),
    )


class Handlers(Generic[R]):
    """The handlers of one resource."""

    def __init__(self, context: ApiContext, resource: Resource, rules: Rules[R]) -> None:
        self._db = context.db
        self._terms = context.algorithms
        self._worker = context.worker
        self._queue = context.queue
        self._resource = resource
        self._service = _service(context, resource, rules)

    async def index(self, request: Request, caller: Caller) -> Response:
        listing = query.parse(self._resource, request.query_params.multi_items())
        links = partial(query.links, request, listing)
        async with self._queue.turn(caller.project_id):
            return await self._db.read(self._page, caller, listing, links)

    def _page(
        self, tx: Connection, caller: Caller, listing: query.Listing, links: Links
    ) -> Response:
        """The whole response, as encoding a long list takes as long as reading it."""
        views, ids = self._service.page(tx, caller, listing)
        content: dict[str, Any] = {self._resource.collection: views}
        if beside := links(ids):
            content[f"{self._resource.collection}_links"] = beside
        return json_body.Json(content)

    async def show(self, request: Request, caller: Caller) -> Response:
        fields = query.fields(request.query_params.multi_items())
        read = self._db.read_one if self._service.rules.whole else self._db.read
        view = await read(self._service.show, caller, _id(request), fields)
        return json_body.Json({self._resource.name: view})

    async def create(self, request: Request, caller: Caller) -> Response:
        content = await json_body.read_body(request)
        asked = await self._worker.process(content, self._for_create, caller)
        view = await self._db.write(self._service.create, caller, asked)
        return json_body.Json({self._resource.name: view}, 201)

    async def update(self, request: Request, caller: Caller) -> Response:
        asked, expected = await self._asked(request, caller)
        view = await self._db.write(self._service.update, caller, _id(request), asked, expected)
        return json_body.Json({self._resource.name: view})

    async def plan(self, request: Request, caller: Caller) -> Response:
        """The answer of `update` and its cost; nothing is changed."""
        asked, expected = await self._asked(request, caller)
        planner = Planner(self._service)
        tried = await self._db.dry_run(planner.dry_run, caller, _id(request), asked, expected)
        around = await self._db.read(planner.around, caller, tried)
        return json_body.Json({"plan": await self._worker.run(planner.plan, tried, around)})

    async def delete(self, request: Request, caller: Caller) -> Response:
        expected = preconditions.expected_revision(request.headers.get("If-Match"))
        if body := await json_body.read_body(request):
            await self._worker.process(body, json_body.decode)
            raise errors.BadRequest("Request body is not supported in DELETE.")
        await self._db.write(self._service.delete, caller, _id(request), expected)
        return Response(status_code=204)

    async def _asked(self, request: Request, caller: Caller) -> tuple[Input, int | None]:
        """The update of the request, and the revision in its If-Match."""
        expected = preconditions.expected_revision(request.headers.get("If-Match"))
        content = await json_body.read_body(request)
        return await self._worker.process(content, self._for_update, caller), expected

    async def object_to_post(self, request: Request, caller: Caller) -> None:
        """POST on one object: its body is validated as for a creation, as the reference does."""
        await self._worker.process(await json_body.read_body(request), self._for_create, caller)

    def _for_create(self, content: bytes, caller: Caller) -> Input:
        return validate.for_create(self._resource, json_body.decode(content), caller, self._terms)

    def _for_update(self, content: bytes, caller: Caller) -> Input:
        body = json_body.decode(content)
        if not isinstance(body, dict):
            told = repr(content) if len(content) <= _NO_KEY else "not a JSON object"
            raise errors.BadPart("body", f"Invalid format: {told}")
        return validate.for_update(self._resource, body, caller, self._terms)


def _id(request: Request) -> str:
    return str(request.path_params["id"])
