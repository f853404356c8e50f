"""Lists: from a page's address to the API's question, and from the answer to a table.

Rules this module keeps:
- Searching, filtering, sorting and paging are the API's, in SQL; a page has `SIZE` rows at most,
  whatever there is.
- The address says all that a list shows, so that it can be kept, shared and gone back to. Unknown
  parameters are left out.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final
from urllib.parse import urlencode

import msgspec

from landbridge import errors
from landbridge.api.http.query import MOST_VALUES
from landbridge.api.schema.tag_types import Tags
from landbridge.console.ask import Ask, View
from landbridge.console.sections import Section

SIZE: Final = 50
#: Of our own address; all other names are attributes to filter by.
SEARCH, SORT, DOWN, MARKER, BACK = "q", "sort", "desc", "after", "back"
TAGS: Final = "tags"

Parameters = Sequence[tuple[str, str]]


class Query(msgspec.Struct, frozen=True, kw_only=True):
    """What a list's address asks for. `filters`: attribute and value."""

    search: str = ""
    filters: tuple[tuple[str, str], ...] = ()
    sort: str = ""
    descending: bool = False
    marker: str = ""
    back: bool = False

    @property
    def narrowed(self) -> bool:
        return bool(self.search or self.filters)

    def value(self, attribute: str) -> str:
        return next((value for name, value in self.filters if name == attribute), "")


def parse(section: Section, parameters: Parameters, sort: str = "name") -> Query:
    """`sort`: the order where none is asked for."""
    known = {
        each.name
        for each in section.resource.attributes
        if each.filter and (not isinstance(each.type, Tags) or each.name == TAGS)
    }
    given = {name: value for name, value in parameters if value}
    filters = [(name, value) for name, value in given.items() if name in known]
    sortable = {each.name for each in section.resource.attributes if each.sort}
    chosen = given.get(SORT, sort)
    return Query(
        search=given.get(SEARCH, "").strip(),
        filters=tuple(filters[:MOST_VALUES]),
        sort=chosen if chosen in sortable else "",
        descending=given.get(DOWN, "") == "1",
        marker=given.get(MARKER, ""),
        back=given.get(BACK, "") == "1",
    )


def question(query: Query) -> list[tuple[str, str]]:
    """As the API asks to be asked; for one more than a page shows."""
    asked = [*query.filters, ("limit", str(SIZE + 1))]
    if query.search:
        asked.append(("search", query.search))
    if query.sort:
        asked += [("sort_key", query.sort), ("sort_dir", "desc" if query.descending else "asc")]
    if query.marker:
        asked.append(("marker", query.marker))
        if query.back:
            asked.append(("page_reverse", "True"))
    return asked


class Page(msgspec.Struct, frozen=True):
    """A page of a list. `before`, `after`: whether there is more on that side."""

    views: list[View]
    before: bool
    after: bool


async def fetch(ask: Ask, section: Section, query: Query, fields: Sequence[str] = ()) -> Page:
    """Raises: errors.ApiError."""
    wanted = [("fields", field) for field in fields]
    try:
        views = await ask.every(section.resource, [*question(query), *wanted])
    except errors.NotFound:
        if not query.marker:
            raise
        views = []  # the object that the page began after is gone
    more = len(views) > SIZE
    if query.back:
        return Page(views[-SIZE:], before=more, after=True)
    return Page(views[:SIZE], before=bool(query.marker), after=more)


def address(section: Section, query: Query) -> str:
    """The path and query of a list."""
    asked = list(query.filters)
    if query.search:
        asked.insert(0, (SEARCH, query.search))
    if query.sort:
        asked.append((SORT, query.sort))
    if query.descending:
        asked.append((DOWN, "1"))
    if query.marker:
        asked += [(MARKER, query.marker), *([(BACK, "1")] if query.back else [])]
    return section.path + (f"?{urlencode(asked)}" if asked else "")


def _changed(query: Query, **changes: object) -> Query:
    """Another list begins at its first page."""
    return msgspec.structs.replace(query, **({"marker": "", "back": False} | changes))


class Order(msgspec.Struct, frozen=True):
    """A column's head. `href` empty: a list is not sorted by it. `now`: ascending, descending or
    none."""

    title: str
    href: str
    now: str


class Around(msgspec.Struct, frozen=True):
    """The pages beside this one; empty: there is none."""

    before: str
    after: str


def order(section: Section, query: Query, attribute: str, title: str) -> Order:
    declared = section.resource.attribute(attribute)
    if declared is None or not declared.sort:
        return Order(title, "", "none")
    mine = query.sort == attribute
    down = mine and not query.descending
    now = ("descending" if query.descending else "ascending") if mine else "none"
    href = address(section, _changed(query, sort=attribute, descending=down))
    return Order(title, href, now)


def around(section: Section, query: Query, page: Page) -> Around:
    if not page.views:
        return Around(address(section, _changed(query)) if query.marker else "", "")
    first, last = page.views[0]["id"], page.views[-1]["id"]
    before = _changed(query, marker=first, back=True)
    after = _changed(query, marker=last)
    return Around(
        address(section, before) if page.before else "",
        address(section, after) if page.after else "",
    )


def without(section: Section, query: Query, attribute: str) -> str:
    """The list without one of its filters."""
    left = tuple(each for each in query.filters if each[0] != attribute)
    return address(section, _changed(query, filters=left))
