"""Quotas: how many objects of each kind projects may have, and have.

Rules this module keeps:
- Who may see those of all projects gets the list of those that have limits of their own; others get
  their own project's, to read.
- A form sends what was changed only, so that a default that nobody touched stays one.
"""

from __future__ import annotations

from typing import Any, Final
from urllib.parse import quote

import msgspec
from starlette.responses import RedirectResponse, Response

from landbridge import errors
from landbridge.console.endpoint import Visit
from landbridge.console.render import QUOTAS
from landbridge.console.sections import BY_NAME, SECTIONS

API: Final = "/v2.0/quotas"
HERE: Final = "quotas"
UNLIMITED: Final = -1
KINDS: Final = tuple(each.resource.name for each in SECTIONS)


class Project(msgspec.Struct, frozen=True):
    """`own`: its limits that are not the defaults, in words."""

    id: str
    href: str
    own: list[str]


class Limit(msgspec.Struct, frozen=True, kw_only=True):
    """One kind of object. `typed`: what stands in its field."""

    name: str
    title: str
    limit: int
    default: int
    used: int
    typed: str
    wrong: str = ""

    @property
    def full(self) -> bool:
        return self.limit != UNLIMITED and self.used >= self.limit


async def show(visit: Visit) -> Response:
    """The projects; of one that is asked for, its page."""
    if project := visit.query("project").strip():
        return RedirectResponse(address(project), 303)
    if not visit.may("get_quota", {"project_id": ""}):
        return RedirectResponse(address(visit.viewer.project_id), 303)
    projects = (await visit.ask.get(API))["quotas"]
    default = (await visit.ask.get(f"{API}/{visit.viewer.project_id}/default"))["quota"]
    rows = [
        Project(each["project_id"], address(each["project_id"]), _own(each, default))
        for each in projects
    ]
    return await visit.page(
        "quotas.html", here=HERE, rows=rows, default=_own(default, {}), home=QUOTAS
    )


def address(project: str) -> str:
    return f"{QUOTAS}/{quote(project, safe='')}"


def _own(limits: dict[str, Any], default: dict[str, Any]) -> list[str]:
    return [
        f"{_title(name)}: {_number(limits[name])}"
        for name in KINDS
        if name in limits and limits[name] != default.get(name)
    ]


async def one(visit: Visit) -> Response:
    return await _page(visit)


async def submit(visit: Visit) -> Response:
    project = visit.path
    wanted = {
        name: visit.field(name).strip()
        for name in KINDS
        if name in visit.fields and visit.field(name).strip() != visit.field(f"was-{name}")
    }
    try:
        if visit.field("step") == "reset":
            await visit.ask.send("DELETE", f"{API}/{project}")
        elif wanted:
            await visit.ask.send("PUT", f"{API}/{project}", {"quota": wanted})
    except errors.ApiError as error:
        return await _page(visit, error)
    return RedirectResponse(address(project), 303)


async def _page(visit: Visit, error: errors.ApiError | None = None) -> Response:
    project, target = visit.path, {"project_id": visit.path}
    details = (await visit.ask.get(f"{API}/{project}/details"))["quota"]
    default = (await visit.ask.get(f"{API}/{project}/default"))["quota"]
    limits = [
        Limit(
            name=name,
            title=_title(name),
            limit=details[name]["limit"],
            used=details[name]["used"],
            default=default[name],
            typed=visit.field(name) if error else str(details[name]["limit"]),
            wrong=error.message if error and error.attribute == name else "",
        )
        for name in KINDS
    ]
    placed = any(each.wrong for each in limits)
    return await visit.page(
        "quota.html",
        here=HERE,
        status=error.status if error else 200,
        project=project,
        path=address(project),
        limits=limits,
        own=any(each.limit != each.default for each in limits),
        back=QUOTAS if visit.may("get_quota", {"project_id": ""}) else "",
        may_edit=visit.may("update_quota", target),
        may_reset=visit.may("delete_quota", target),
        wrong=error.message if error and not placed else "",
    )


def _title(name: str) -> str:
    many = BY_NAME[name].many
    return f"{many[:1].upper()}{many[1:]}"


def _number(limit: int) -> str:
    return "any number" if limit == UNLIMITED else str(limit)
