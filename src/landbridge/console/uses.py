"""What uses an object: under "Used by" on its page, and before it is deleted.

Rules this module keeps:
- One question for each kind of user (`Section.uses`), of at most `MOST` of them; where there are
  more, a link leads to all.
- Users are those that the viewer may see; others the API's refusal counts.
- A connection says how it is: who changes what it uses sees what becomes of it.
"""

from __future__ import annotations

from typing import Final

import msgspec

from landbridge.console import lists, references, words
from landbridge.console.ask import View
from landbridge.console.endpoint import Visit
from landbridge.console.references import Part
from landbridge.console.sections import BY_SLUG, CONNECTIONS, Section, Use

MOST: Final = 100
MOST_GROUPS: Final = 1000  # that are looked through for a subnet
_STATE: Final = ("status", "status_reason", "status_message", "admin_state_up")


class User(msgspec.Struct, frozen=True):
    """`state` None: it has none that says more."""

    link: Part
    state: words.State | None = None


class Users(msgspec.Struct, frozen=True, kw_only=True):
    """Those of one kind. `more`: the list of all of them, where there are more. `goes_with`: they
    are deleted with the object."""

    title: str
    users: list[User]
    more: str = ""
    goes_with: bool = False


async def of(visit: Visit, section: Section, view: View) -> list[Users]:
    found = [await _asked(visit, section, use, view["id"]) for use in section.uses]
    if section.slug == "subnets":
        found.insert(0, await _groups(visit, view["id"]))
    if section.slug == "ports" and references.is_of_router(view):
        found.append(await _router(visit, view["device_id"]))
    return [each for each in found if each and each.users]


async def _asked(visit: Visit, section: Section, use: Use, id: str) -> Users | None:
    by = BY_SLUG[use.slug]
    if not visit.may(f"get_{by.resource.name}"):
        return None
    more = _STATE if by is CONNECTIONS else ()
    fields = [("fields", name) for name in ("id", "name", *by.known_by, *more)]
    filters = use.filters(id)
    asked = [*filters, *_in_order(by), ("limit", str(MOST + 1)), *fields]
    views = await visit.ask.every(by.resource, asked)
    query = lists.Query(filters=filters)
    return Users(
        title=_title(section, use, by),
        users=[_user(by, each) for each in views[:MOST]],
        more=lists.address(by, query) if len(views) > MOST else "",
        goes_with=use.goes_with,
    )


def _in_order(by: Section) -> list[tuple[str, str]]:
    """By their names, where the API sorts by these."""
    named = by.resource.attribute("name")
    sorts = named is not None and named.sort
    return [("sort_key", "name"), ("sort_dir", "asc")] if sorts else []


def _title(section: Section, use: Use, by: Section) -> str:
    """The kind, and as what it uses the object where there are several ways."""
    title = f"{by.many[:1].upper()}{by.many[1:]}"
    ways = [each for each in section.uses if each.slug == use.slug]
    return f"{title}, as {words.title(use.attribute).lower()}" if len(ways) > 1 else title


def _user(by: Section, view: View) -> User:
    link = Part(text=references.name_of(by, view), href=by.of(view["id"]))
    return User(link, words.state(view) if by is CONNECTIONS else None)


async def _groups(visit: Visit, subnet_id: str) -> Users | None:
    """The endpoint groups that hold a subnet, which the API has no filter for."""
    groups = BY_SLUG["groups"]
    if not visit.may(f"get_{groups.resource.name}"):
        return None
    fields = [("fields", name) for name in ("id", "name", "endpoints")]
    asked = [("type", "subnet"), ("limit", str(MOST_GROUPS)), *fields]
    views = await visit.ask.every(groups.resource, asked)
    mine = [each for each in views if subnet_id in each["endpoints"]]
    return Users(title="Endpoint groups", users=[_user(groups, each) for each in mine[:MOST]])


async def _router(visit: Visit, id: str) -> Users:
    routers = BY_SLUG["routers"]
    known = await visit.ask.by_id(routers.resource, [id], ("id", "name"))
    found = [_user(routers, each) for each in known.values()]
    return Users(title="Routers", users=found)
