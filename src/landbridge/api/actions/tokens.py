"""``/landbridge/v1/tokens``: tokens of landbridge's own, for administrators.

Rules this module keeps:
- With landbridge's own tokens only; with Keystone there is Keystone.
- A token is in the answer to its creation, once, and in no log; what was made and revoked, and by
  whom, is a line of the log.
- Whoever the policy lets make tokens and is no administrator gives its own project and roles only.
- A token of another project is not found by who sees its own project only.
"""

from __future__ import annotations

from datetime import UTC, datetime
from functools import partial
from typing import Any, Final, NoReturn

import structlog
from msgspec.structs import asdict
from sqlalchemy import Connection
from starlette.requests import Request
from starlette.responses import Response

from landbridge import errors
from landbridge.api.http import json_body, query
from landbridge.api.requests import select
from landbridge.api.requests.handlers import ApiContext
from landbridge.api.requests.serializer import Serializer, View
from landbridge.api.requests.service import scope_of
from landbridge.api.schema import validate
from landbridge.api.schema.tokens import TOKEN
from landbridge.auth import local_tokens, roles
from landbridge.auth.caller import AGENT_ROLE, Caller
from landbridge.auth.local_tokens import Token
from landbridge.auth.token_cache import digest
from landbridge.store.resource_rows import TOKENS, TokenRow

_VIEWS: Final = Serializer(TOKEN)

log = structlog.get_logger("landbridge.tokens")


class TokenHandlers:
    def __init__(self, context: ApiContext) -> None:
        self._db = context.db
        self._auth = context.auth
        self._policy = context.auth.policy
        self._worker = context.worker
        self._terms = context.algorithms

    async def index(self, request: Request, caller: Caller) -> Response:
        self._enforce(caller, "get_token")
        listing = query.parse(TOKEN, request.query_params.multi_items())
        found = await self._db.read(_page, listing, scope_of(caller), _asking(request))
        views = [_VIEWS.view(each, listing.fields) for each in found]
        content: dict[str, Any] = {"tokens": views}
        if beside := query.links(request, listing, [each["id"] for each in found]):
            content["tokens_links"] = beside
        return json_body.Json(content)

    async def create(self, request: Request, caller: Caller) -> Response:
        self._enforce(caller, "create_token")
        body = await self._worker.process(await json_body.read_body(request), json_body.decode)
        values = validate.for_create(TOKEN, body, caller, self._terms).values
        held = self._held(caller, values["roles"])
        if not values["project_id"].strip():
            _refuse("project_id", "it must not be empty")
        secret = local_tokens.new_secret()
        given = {name: values[name] for name in ("name", "project_id", "expires_at")}
        made = await self._db.write(partial(_add, roles=held, **given), secret)
        _tell("token created", caller, made)
        view = _VIEWS.view(_presented(made), frozenset())
        headers = {"Cache-Control": "no-store"}
        return json_body.Json({"token": {**view, "secret": secret}}, 201, headers)

    async def delete(self, request: Request, caller: Caller) -> Response:
        self._enforce(caller, "delete_token")
        gone = await self._db.write(_revoke, str(request.path_params["id"]), scope_of(caller))
        self._auth.forget()
        _tell("token revoked", caller, gone)
        return Response(status_code=204)

    def _enforce(self, caller: Caller, rule: str) -> None:
        self._policy.enforce(caller, rule, {"project_id": caller.project_id})

    def _held(self, caller: Caller, given: list[str]) -> frozenset[str]:
        """Raises: BadRequest."""
        if AGENT_ROLE in given:
            _refuse("roles", f"{AGENT_ROLE} is of gateways' credentials: landbridge gateway add")
        try:
            held = roles.held(given, roles.known(self._policy.roles))
        except roles.UnknownRole as error:
            _refuse("roles", str(error))
        if not caller.is_admin and (beyond := sorted(held - caller.roles)):
            _refuse("roles", f"you do not have {', '.join(beyond)} yourself")
        return held


def _page(
    tx: Connection, listing: query.Listing, scope: str | None, asking: str
) -> list[dict[str, Any]]:
    found: list[TokenRow] = select.page(tx, TOKENS, listing, scope)
    return [_presented(_token(row)) | {"asking": row.digest == asking} for row in found]


def _token(row: TokenRow) -> Token:
    return Token(
        id=row.id, name=row.name, user_id=row.user_id, project_id=row.project_id,
        roles=tuple(row.roles), created_at=row.created_at, expires_at=row.expires_at,
        gateway_id=row.gateway_id,
    )  # fmt: skip


def _add(tx: Connection, secret: str, **values: Any) -> Token:
    """Raises: Conflict."""
    try:
        return local_tokens.add_named(tx, secret, **values)
    except local_tokens.NameTaken as error:
        taken = errors.Conflict(
            f"The token {error.id} has the name '{values['name']}': give this one another, or "
            "revoke that one."
        )
        taken.attribute = "name"
        raise taken from None


def _revoke(tx: Connection, id: str, scope: str | None) -> Token:
    """Raises: NotFound."""
    row: TokenRow | None = select.one(tx, TOKENS, id, scope, change=True)
    if row is None:
        raise errors.NotFound(f"There is no token {id}.")
    local_tokens.revoke(tx, row.id)
    return _token(row)


def _asking(request: Request) -> str:
    return digest(request.headers.get("X-Auth-Token", ""))


def _presented(token: Token) -> View:
    ends = token.expires_at
    return asdict(token) | {
        "expires_at": None if ends is None else _time(ends),
        "state": "expired" if token.expired else "valid",
        "asking": False,
    }


def _time(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _tell(what: str, caller: Caller, token: Token) -> None:
    log.info(
        what, id=token.id, name=token.name, project=token.project_id, roles=list(token.roles),
        gateway=token.gateway_id, by=caller.user_id,
    )  # fmt: skip


def _refuse(attribute: str, reason: str) -> NoReturn:
    error = errors.BadRequest(f"Invalid input for {attribute}. Reason: {reason}.")
    error.attribute = attribute
    raise error
