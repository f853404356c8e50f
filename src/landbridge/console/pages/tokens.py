"""Tokens of landbridge's own, for administrators: listed, made, revoked.

Rules this module keeps:
- A new token is on the page that answers the form, this once; it is in no address and no log, and
  no page shows it again.
- How long a token is good is chosen; for ever is one of the choices and not the first.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

import msgspec
from starlette.responses import RedirectResponse, Response

from landbridge import errors
from landbridge.auth import roles
from landbridge.console import lists, references, words
from landbridge.console.ask import View
from landbridge.console.endpoint import Visit
from landbridge.console.fields import Field, Option
from landbridge.console.references import Part
from landbridge.console.sections import TOKENS

COLUMNS: Final = (
    ("name", "Name"), ("project_id", "Project"), ("roles", "Roles"), ("state", "State"),
    ("created_at", "Made"), ("expires_at", "Ends"),
)  # fmt: skip
#: What roles mean, of those that everybody has.
MEANINGS: Final = {
    "admin": "everything, of all projects",
    "member": "makes and changes what its project has",
    "reader": "sees what its project has, as far as the policy lets readers",
}
#: Days; 0: for ever.
VALID: Final = (("90", "90 days"), ("30", "30 days"), ("7", "a week"), ("1", "a day"),
                ("365", "a year"), ("0", "ever, until it is revoked"))  # fmt: skip
_STATES: Final = {
    "valid": words.State("Good", words.Kind.GOOD),
    "expired": words.State("Expired", words.Kind.OFF),
}


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """`revoke` empty: the viewer may not."""

    name: str
    project: str
    roles: str
    gateway: Part | None
    state: words.State
    asking: bool
    made: str
    ends: str
    revoke: str


class Role(msgspec.Struct, frozen=True):
    name: str
    meaning: str
    chosen: bool


async def show(visit: Visit) -> Response:
    query = lists.parse(TOKENS, visit.request.query_params.multi_items())
    page = await lists.fetch(visit.ask, TOKENS, query)
    template = "tokens_fragment.html" if visit.partial else "tokens.html"
    may_revoke = visit.may("delete_token")
    return await visit.page(
        template,
        here=TOKENS.slug,
        section=TOKENS,
        query=query,
        rows=[row(view, may_revoke=may_revoke) for view in page.views],
        orders=[lists.order(TOKENS, query, name, title) for name, title in COLUMNS],
        around=lists.around(TOKENS, query, page),
        here_path=lists.address(TOKENS, query),
        may_create=visit.may("create_token"),
        may_revoke=may_revoke,
    )


def row(view: View, *, may_revoke: bool) -> Row:
    gateway = view["gateway_id"]
    return Row(
        name=view["name"] or references.name_of(TOKENS, view),
        project=view["project_id"],
        roles=", ".join(view["roles"]),
        gateway=references.gateway(gateway) if gateway else None,
        state=_STATES[view["state"]],
        asking=view["asking"],
        made=view["created_at"],
        ends=view["expires_at"] or "",
        revoke=f"{TOKENS.of(view['id'])}/revoke" if may_revoke else "",
    )


async def new(visit: Visit) -> Response:
    _refuse(visit, "create_token")
    return await _form(visit)


async def create(visit: Visit) -> Response:
    _refuse(visit, "create_token")
    given = {
        "name": visit.field("name"),
        "project_id": visit.field("project_id") or visit.viewer.project_id,
        "roles": visit.fields.get("role", []),
        "expires_at": _ends(visit.field("valid")),
    }
    try:
        made = (await visit.ask.send("POST", TOKENS.resource.path, {"token": given}))["token"]
    except errors.ApiError as error:
        return await _form(visit, error)
    return await visit.page(
        "token_made.html", here=TOKENS.slug, section=TOKENS, made=made,
        row=row(made, may_revoke=False),
    )  # fmt: skip


async def confirm(visit: Visit) -> Response:
    _refuse(visit, "delete_token")
    return await _confirm(visit, await _one(visit))


async def revoke(visit: Visit) -> Response:
    view = await _one(visit)
    try:
        await visit.ask.send("DELETE", f"{TOKENS.resource.path}/{view['id']}")
    except errors.ApiError as error:
        return await _confirm(visit, view, error.message, error.status)
    return RedirectResponse(TOKENS.path, 303)


def _refuse(visit: Visit, rule: str) -> None:
    """Raises: PolicyNotAuthorized."""
    if not visit.may(rule):
        raise errors.PolicyNotAuthorized(rule)


def _ends(days: str) -> str | None:
    known = {each for each, _ in VALID}
    number = int(days) if days in known else int(VALID[0][0])
    until = datetime.now(UTC) + timedelta(days=number)
    return until.strftime("%Y-%m-%dT%H:%M:%SZ") if number else None


async def _one(visit: Visit) -> View:
    """Raises: NotFound."""
    found = await visit.ask.every(TOKENS.resource, [("id", visit.path)])
    if not found:
        raise errors.NotFound("There is no such token.")
    return found[0]


async def _form(visit: Visit, error: errors.ApiError | None = None) -> Response:
    about = error.attribute if error else ""
    wrong = error.message if error else ""
    fields = [
        Field(name="name", title="Name", widget="text", value=visit.field("name"),
              about="To tell it from others; what it does is told under this name.",
              wrong=wrong if about == "name" else ""),
        Field(name="project_id", title="Project", widget="text", mono=True,
              value=visit.field("project_id") or visit.viewer.project_id,
              about="The id of the project that it acts in.",
              wrong=wrong if about == "project_id" else ""),
    ]  # fmt: skip
    valid = Field(
        name="valid", title="Good for", widget="choice", value=visit.field("valid") or VALID[0][0],
        options=tuple(Option(*each) for each in VALID), about="It can be revoked at any time.",
        wrong=wrong if about == "expires_at" else "",
    )  # fmt: skip
    placed = {"name", "project_id", "roles", "expires_at"}
    return await visit.page(
        "token_new.html",
        here=TOKENS.slug,
        status=error.status if error else 200,
        section=TOKENS,
        fields=fields,
        valid=valid,
        roles=_roles(visit),
        wrong_roles=wrong if about == "roles" else "",
        wrong="" if about in placed else wrong,
    )


def _roles(visit: Visit) -> list[Role]:
    """Those that the viewer can give: of the policy, those that mean something to people first."""
    known = roles.known(visit.console.auth.policy.roles)
    may = known if visit.viewer.is_admin else known & visit.viewer.roles
    order = [*(each for each in ("member", "reader", "admin") if each in may),
             *sorted(may - MEANINGS.keys())]  # fmt: skip
    chosen = visit.fields.get("role", ["member"])
    return [Role(each, MEANINGS.get(each, ""), each in chosen) for each in order]


async def _confirm(visit: Visit, view: View, wrong: str = "", status: int = 200) -> Response:
    return await visit.page(
        "token_revoke.html", here=TOKENS.slug, status=status, section=TOKENS,
        row=row(view, may_revoke=False), wrong=wrong,
    )  # fmt: skip
