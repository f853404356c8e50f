"""Versions, resources, extensions and health: what clients read before anything else.

Rules this module keeps:
- Shapes are the reference's; addresses are those by which the client reached us.
- Only what is implemented is listed.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from landbridge import errors
from landbridge.api.http import json_body
from landbridge.api.http.query import base_url
from landbridge.api.schema.catalogue import RESOURCES
from landbridge.api.schema.extensions import BY_ALIAS, Extension
from landbridge.auth.caller import Caller

_WEAK_REFUSED = "vpn-no-sha1-3des"


class Discovery:
    """`weak_algorithms`: the extension that announces their absence is then not listed."""

    def __init__(self, *, weak_algorithms: bool) -> None:
        hidden = {_WEAK_REFUSED} if weak_algorithms else set()
        self._extensions: Mapping[str, Extension] = {
            alias: extension for alias, extension in BY_ALIAS.items() if alias not in hidden
        }

    async def versions(self, request: Request) -> Response:
        links = [{"rel": "self", "href": f"{base_url(request)}/v2.0/"}]
        return json_body.Json({"versions": [{"id": "v2.0", "status": "CURRENT", "links": links}]})

    async def health(self, request: Request) -> Response:
        return json_body.Json({"detailed": False, "reasons": ["OK"]})

    async def resources(self, request: Request, caller: Caller) -> Response:
        return json_body.Json({"resources": [_resource(request, r) for r in RESOURCES]})

    async def extensions(self, request: Request, caller: Caller) -> Response:
        return json_body.Json({"extensions": [e.view() for e in self._extensions.values()]})

    async def extension(self, request: Request, caller: Caller) -> Response:
        alias = str(request.path_params["id"])
        extension = self._extensions.get(alias)
        if extension is None:
            raise errors.ExtensionNotFound(alias)
        return json_body.Json({"extension": extension.view()})


def _resource(request: Request, resource: Any) -> dict[str, Any]:
    links = [{"rel": "self", "href": f"{base_url(request)}{resource.path}"}]
    return {"name": resource.name, "collection": resource.collection, "links": links}
