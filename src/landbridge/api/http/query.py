"""Parses the query of a list: filters, fields, order, page. `requests.select` makes SQL of it.

Rules this module keeps:
- It is pure: from query parameters and a resource it makes a `Listing` or an error, in the order
  and the words of the reference (neutron ``api/api_common.py``).
- An unknown filter or sort key is refused; unknown fields are ignored.
- The number of parameters, and of values per filter, is limited; a sort key is given once. So the
  size of a statement is bounded.
- Links to pages repeat the query, so that a client can follow them as they are.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any, Final
from urllib.parse import urlencode

import msgspec
from starlette.requests import Request

from landbridge import errors
from landbridge.api.schema.field_types import TEXT_LENGTH
from landbridge.api.schema.resource import Attribute, Resource

_CONTROLS: Final = frozenset(
    {"fields", "sort_key", "sort_dir", "limit", "marker", "page_reverse", "search"}
)
_DIRECTIONS: Final = ("asc", "desc")

SCHEMES: Final = frozenset({"http", "https"})
MOST_PARAMETERS: Final = 512
MOST_VALUES: Final = 256  # of one filter

Parameters = Sequence[tuple[str, str]]


class Filter(msgspec.Struct, frozen=True):
    """The attribute is one of `values`."""

    attribute: Attribute
    values: tuple[Any, ...]


class Sort(msgspec.Struct, frozen=True):
    attribute: Attribute
    ascending: bool


class Listing(msgspec.Struct, frozen=True, kw_only=True):
    """`limit` 0: everything. `fields` empty: all of them. `search`: a text that a name, a
    description or an address contains (ours; the reference has no such thing)."""

    filters: tuple[Filter, ...] = ()
    fields: frozenset[str] = frozenset()
    sorts: tuple[Sort, ...] = ()
    limit: int = 0
    marker: str = ""
    reverse: bool = False
    search: str = ""


def parse(resource: Resource, parameters: Parameters) -> Listing:
    """Raises: errors.BadRequest, errors.InvalidInput, errors.BadPart."""
    if len(parameters) > MOST_PARAMETERS:
        raise too_many(len(parameters))
    limit_filters = _filters(resource, parameters)
    sorts = _sorts(resource, parameters)
    limit = _limit(parameters)
    return Listing(
        filters=limit_filters,
        fields=fields(parameters),
        sorts=sorts,
        limit=limit,
        marker=_last(parameters, "marker") or "" if limit else "",
        reverse=(_last(parameters, "page_reverse") or "").lower() == "true",
        search=_search(parameters),
    )


def too_many(number: int) -> errors.BadRequest:
    return errors.BadRequest(
        f"The query has {number} parameters, but there may be at most {MOST_PARAMETERS}: ask for "
        "less at once."
    )


def fields(parameters: Parameters) -> frozenset[str]:
    return frozenset(_all(parameters, "fields"))


def links(request: Request, listing: Listing, ids: Sequence[str]) -> list[dict[str, str]]:
    """The links to the pages beside this one, which holds `ids`."""
    if not listing.limit:
        return []
    short = len(ids) < listing.limit
    asked = [(key, value) for key, value in request.query_params.multi_items() if key != "marker"]
    found = []
    if not short or listing.reverse:
        forward = [(key, value) for key, value in asked if key != "page_reverse"]
        found.append(_link(request, "next", [*forward, *_marker(ids[-1:])]))
    if not short or not listing.reverse:
        backward = [(key, value) for key, value in asked if key != "page_reverse"]
        reverse = ("page_reverse", "True")
        found.append(_link(request, "previous", [*backward, *_marker(ids[:1]), reverse]))
    return found


def _filters(resource: Resource, parameters: Parameters) -> tuple[Filter, ...]:
    asked: dict[str, list[str]] = {}
    for key, value in parameters:
        if key not in _CONTROLS:
            asked.setdefault(key, []).append(value)
    found, invalid = [], []
    for key, texts in asked.items():
        attribute = resource.attribute(key)
        if attribute is None or not attribute.filter:
            invalid.append(key)
        elif len(texts) > MOST_VALUES:
            raise errors.BadRequest(
                f"{key}: {len(texts)} values are too many, a filter takes at most {MOST_VALUES}."
            )
        else:
            found.append(Filter(attribute, tuple(map(attribute.type.from_query, texts))))
    if invalid:
        raise errors.BadRequest(f"{invalid} is invalid attribute for filtering")
    return tuple(found)


def _sorts(resource: Resource, parameters: Parameters) -> tuple[Sort, ...]:
    keys, directions = _all(parameters, "sort_key"), _all(parameters, "sort_dir")
    if len(keys) != len(directions):
        raise errors.BadRequest("The number of sort_keys and sort_dirs must be same")
    attributes = {a.name: a for a in resource.attributes if a.sort}
    if unknown := [key for key in keys if key not in attributes]:
        raise errors.BadRequest(f"{unknown} is invalid attribute for sort_keys")
    if twice := [key for key, times in Counter(keys).items() if times > 1]:
        raise errors.BadRequest(f"sort_key: {twice} may be given once only")
    if invalid := [direction for direction in directions if direction not in _DIRECTIONS]:
        raise errors.BadRequest(
            f"{invalid} is invalid value for sort_dirs, valid value is 'asc' and 'desc'"
        )
    pairs = zip(keys, directions, strict=True)
    return tuple(Sort(attributes[key], direction == "asc") for key, direction in pairs)


def _limit(parameters: Parameters) -> int:
    text = _last(parameters, "limit")
    if text is None:
        return 0
    try:
        limit = int(text)
    except ValueError:
        limit = -1
    if limit < 0:
        raise errors.BadPart("limit", f"Limit must be an integer 0 or greater and not '{text}'")
    return min(limit, 2**31 - 1)


def _search(parameters: Parameters) -> str:
    text = (_last(parameters, "search") or "").strip()
    if len(text) > TEXT_LENGTH:  # nothing that is searched is longer
        raise errors.BadPart("search", f"It is longer than {TEXT_LENGTH} characters")
    return text


def _all(parameters: Parameters, name: str) -> list[str]:
    return [value for key, value in parameters if key == name and value]


def _last(parameters: Parameters, name: str) -> str | None:
    return next((value for key, value in reversed(parameters) if key == name), None)


def _marker(ids: Sequence[str]) -> list[tuple[str, str]]:
    return [("marker", marker) for marker in ids]


def _link(request: Request, rel: str, parameters: Parameters) -> dict[str, str]:
    return {"rel": rel, "href": f"{base_url(request)}{request.url.path}?{urlencode(parameters)}"}


def base_url(request: Request) -> str:
    """Scheme and host as the client knows them (``X-Forwarded-Proto`` from a proxy)."""
    told = request.headers.get("X-Forwarded-Proto", "").partition(",")[0].strip().lower()
    scheme = told if told in SCHEMES else request.url.scheme
    return f"{scheme}://{request.url.netloc}"
