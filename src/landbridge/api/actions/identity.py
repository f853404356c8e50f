"""As much of an identity service as clients need that cannot do without one (``/identity/v3``).

Rules this module keeps:
- With landbridge's own tokens only; with Keystone there is Keystone.
- It makes no token and knows no password: who comes with a token is told whose it is, where the
  API is, and gets the same token back.
- Projects are words in tokens: a caller sees its own, an administrator any.
- Paths, bodies, statuses and errors are those of the Identity API v3.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, Final

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from landbridge import errors
from landbridge.api.http import json_body
from landbridge.api.http.endpoints import admit
from landbridge.api.http.json_body import IDENTITY
from landbridge.api.http.query import base_url
from landbridge.auth.authentication import Authentication
from landbridge.auth.caller import Caller

TOKENS: Final = f"{IDENTITY}/v3/auth/tokens"
PROJECTS: Final = f"{IDENTITY}/v3/projects"
REGION: Final = "RegionOne"
VALID_FOR: Final = timedelta(
    hours=12
)  # as clients see it: they ask again then, with the same token
_DOMAIN: Final = {"id": "default", "name": "Default"}
View = dict[str, Any]


class _Id(msgspec.Struct, frozen=True):
    id: str = ""


class _Project(msgspec.Struct, frozen=True):
    id: str = ""
    name: str = ""


class _Methods(msgspec.Struct, frozen=True):
    methods: list[str]
    token: _Id = _Id()


class _Scope(msgspec.Struct, frozen=True):
    project: _Project | None = None


class _Asked(msgspec.Struct, frozen=True):
    identity: _Methods
    scope: _Scope | str | None = None


class _Body(msgspec.Struct, frozen=True):
    auth: _Asked


class IdentityHandlers:
    def __init__(self, auth: Authentication) -> None:
        self._auth = auth

    async def versions(self, request: Request) -> Response:
        return json_body.Json({"versions": {"values": [_version(request)]}}, 300)

    async def version(self, request: Request) -> Response:
        return json_body.Json({"version": _version(request)})

    async def issue(self, request: Request) -> Response:
        """POST of a token. Raises: Unauthorized, PolicyNotAuthorized, BadPart."""
        asked = _asked(await json_body.read_body(request))
        if asked.identity.methods != ["token"]:
            reason = "There are no passwords here, log in with a token (auth_type v3token)"
            raise errors.BadPart("auth", reason)
        token = asked.identity.token.id
        caller = _person(await self._auth.admit(token))
        _check_scope(asked.scope, caller)
        return json_body.Json(_token(request, caller), 201, {"X-Subject-Token": token})

    async def show(self, request: Request) -> Response:
        """GET of a token, by the one who has it. Raises: Unauthorized, PolicyNotAuthorized,
        NotFound."""
        caller = _person(await admit(self._auth, request))
        token = request.headers.get("X-Auth-Token", "")
        if request.headers.get("X-Subject-Token") != token:
            raise errors.NotFound("A token is shown to the one who has it.")
        return json_body.Json(_token(request, caller), 200, {"X-Subject-Token": token})

    async def projects(self, request: Request, caller: Caller) -> Response:
        caller = _person(caller)
        name = request.query_params.get("name", caller.project_id)
        seen = [_project(name)] if _sees(caller, name) else []
        return json_body.Json({"projects": seen, "links": {"next": None, "previous": None}})

    async def project(self, request: Request, caller: Caller) -> Response:
        """Raises: NotFound."""
        wanted = str(request.path_params["id"])
        if not _sees(_person(caller), wanted):
            raise errors.NotFound(f"Could not find project: {wanted}.")
        return json_body.Json({"project": _project(wanted)})


def _asked(content: bytes) -> _Asked:
    """Raises: BadPart."""
    try:
        return msgspec.json.decode(content, type=_Body).auth
    except msgspec.MsgspecError as error:
        raise errors.BadPart("auth", str(error)) from None


def _person(caller: Caller) -> Caller:
    """Raises: PolicyNotAuthorized, for a gateway's credential."""
    if caller.is_agent:
        raise errors.PolicyNotAuthorized("identity")
    return caller


def _check_scope(scope: _Scope | str | None, caller: Caller) -> None:
    """Raises: Unauthorized: a token is of one project, and cannot be had for another."""
    if scope is None or scope == "unscoped":
        return
    asked = scope.project if isinstance(scope, _Scope) else None
    if asked is None or caller.project_id not in (asked.id, asked.name):
        raise errors.Unauthorized(f"The token is of the project '{caller.project_id}' only.")


def _sees(caller: Caller, project: str) -> bool:
    return bool(project) and (caller.is_admin or project == caller.project_id)


def _project(name: str) -> View:
    return {
        "id": name,
        "name": name,
        "domain_id": _DOMAIN["id"],
        "parent_id": _DOMAIN["id"],
        "description": "",
        "enabled": True,
        "is_domain": False,
        "options": {},
        "tags": [],
        "links": {},
    }


def _version(request: Request) -> View:
    links = [{"rel": "self", "href": f"{base_url(request)}{IDENTITY}/v3/"}]
    types = [{"base": "application/json", "type": "application/vnd.openstack.identity-v3+json"}]
    return {
        "id": "v3.14",
        "status": "stable",
        "updated": "2020-04-07T00:00:00Z",
        "links": links,
        "media-types": types,
    }


def _token(request: Request, caller: Caller) -> View:
    now = datetime.now(UTC)
    base = base_url(request)
    return {
        "token": {
            "methods": ["token"],
            "user": {
                "id": caller.user_id,
                "name": caller.user_id,
                "domain": _DOMAIN,
                "password_expires_at": None,
            },
            "project": {"id": caller.project_id, "name": caller.project_id, "domain": _DOMAIN},
            "is_domain": False,
            "roles": [{"id": role, "name": role} for role in sorted(caller.roles)],
            "issued_at": _time(now),
            "expires_at": _time(now + VALID_FOR),
            "audit_ids": [],
            "catalog": [
                _service("network", "landbridge", base),
                _service("identity", "landbridge-identity", f"{base}{IDENTITY}"),
            ],
        }
    }


def _service(type: str, name: str, url: str) -> View:
    endpoints = [
        {
            "id": f"{type}-{interface}",
            "interface": interface,
            "region": REGION,
            "region_id": REGION,
            "url": url,
        }
        for interface in ("public", "internal", "admin")
    ]
    return {"id": type, "type": type, "name": name, "endpoints": endpoints}


def _time(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
