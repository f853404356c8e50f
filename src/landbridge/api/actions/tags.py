"""``.../{id}/tags`` and ``.../{id}/tags/{tag}`` of every resource.

Rules this module keeps:
- The way of every change: scope, policy (``update_network:tags``), the condition of If-Match.
- An object has each tag once, and at most `MOST_TAGS`; what changes nothing makes no revision.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypeVar

from starlette.requests import Request
from starlette.responses import Response

from landbridge import errors
from landbridge.api.http import json_body
from landbridge.api.requests import preconditions
from landbridge.api.requests.handlers import Handlers
from landbridge.api.requests.service import Retagging
from landbridge.api.schema.field_types import InvalidValue
from landbridge.api.schema.tag_types import MOST_TAGS, Tags, tag
from landbridge.auth.caller import Caller
from landbridge.store.resource_rows import ResourceRow

R = TypeVar("R", bound=ResourceRow)
Change = Callable[[set[str]], set[str]]

_TAGS: Final = Tags()


class TagHandlers(Handlers[R]):
    async def index(self, request: Request, caller: Caller) -> Response:
        return json_body.Json({"tags": await self._kept(request, caller)})

    async def has(self, request: Request, caller: Caller) -> Response:
        wanted = _named(request)
        if wanted not in await self._kept(request, caller):
            raise errors.TagNotFound(wanted)
        return Response(status_code=204)

    async def replace_all(self, request: Request, caller: Caller) -> Response:
        given = await self._given(request)
        await self._change(request, caller, "update", lambda _: set(given))
        return json_body.Json({"tags": given})

    async def add_many(self, request: Request, caller: Caller) -> Response:
        given = await self._given(request)
        await self._change(request, caller, "create", lambda kept: kept | set(given))
        return json_body.Json({"tags": given})

    async def add(self, request: Request, caller: Caller) -> Response:
        wanted = _named(request)
        await self._change(request, caller, "update", lambda kept: kept | {wanted})
        return json_body.Json(None, 201)

    async def remove(self, request: Request, caller: Caller) -> Response:
        unwanted = _named(request)

        def change(kept: set[str]) -> set[str]:
            if unwanted not in kept:
                raise errors.TagNotFound(unwanted)
            return kept - {unwanted}

        await self._change(request, caller, "delete", change)
        return Response(status_code=204)

    async def remove_all(self, request: Request, caller: Caller) -> Response:
        await self._change(request, caller, "delete", lambda _: set())
        return Response(status_code=204)

    async def _given(self, request: Request) -> list[str]:
        """The tags of the body, as they came. Raises: InvalidInput."""
        content = await json_body.read_body(request)
        body = await self._worker.process(content, json_body.decode)
        if not isinstance(body, dict) or "tags" not in body:
            raise errors.InvalidInput("Invalid tags body")
        try:
            _TAGS.convert(body["tags"])
        except InvalidValue as refused:
            raise errors.InvalidInput(str(refused)) from None
        given: list[str] = body["tags"]
        return given

    async def _kept(self, request: Request, caller: Caller) -> list[str]:
        return await self._db.read(self._service.tags, caller, _id(request))

    async def _change(self, request: Request, caller: Caller, verb: str, change: Change) -> None:
        asked = Retagging(
            verb=verb,
            change=lambda kept: _bounded(change(set(kept))),
            expected=preconditions.expected_revision(request.headers.get("If-Match")),
        )
        await self._db.write(self._service.retag, caller, _id(request), asked)


def _bounded(tags: set[str]) -> list[str]:
    """Raises: BadPart."""
    if len(tags) > MOST_TAGS:
        reason = f"The number of tags exceed the per-resource limit of {MOST_TAGS}"
        raise errors.BadPart("tags", reason)
    return sorted(tags)


def _named(request: Request) -> str:
    """The tag of the path. Raises: InvalidInput."""
    try:
        return tag(str(request.path_params["tag"]))
    except InvalidValue as refused:
        raise errors.InvalidInput(str(refused)) from None


def _id(request: Request) -> str:
    return str(request.path_params["id"])
