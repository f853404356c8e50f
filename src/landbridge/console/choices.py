"""What a form offers where an attribute refers to objects: their names, and their ids by names.

Rules this module keeps:
- Only what the viewer may see is offered; what is chosen already is there in any case.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec

from landbridge.api.schema import address_types as addresses
from landbridge.api.schema.resource import Absent, Attribute
from landbridge.console import references
from landbridge.console.ask import Ask, View
from landbridge.console.fields import Field, Option
from landbridge.console.sections import BY_COLLECTION, BY_SLUG

MOST_OPTIONS: Final = 500


async def options(ask: Ask, attribute: Attribute, value: Any) -> tuple[Option, ...]:
    collection = "networks" if isinstance(attribute.type, addresses.Gateway) else attribute.refers
    if not collection:
        return ()
    section = BY_COLLECTION[collection]
    asked = [("limit", str(MOST_OPTIONS)), ("sort_key", "name"), ("sort_dir", "asc")]
    if section.slug == "groups":  # has no order in the API
        asked = asked[:1]
    if collection == "networks" and not attribute.refers:
        asked.append(("router:external", "True"))
    fields = [("fields", name) for name in ("id", "name", *section.known_by)]
    found = {each["id"]: each for each in await ask.every(section.resource, [*asked, *fields])}
    mine = _plain_id(value)
    if mine and mine not in found:
        found |= await ask.by_id(section.resource, [mine], ("id", "name", *section.known_by))
        found.setdefault(mine, {"id": mine, "name": ""})
    options = [Option(key, references.name_of(section, view)) for key, view in found.items()]
    return tuple(sorted(options, key=lambda each: each.text.lower()))


def _plain_id(value: Any) -> str:
    if isinstance(value, dict):
        return str(value.get("network_id") or "")
    return str(value) if value and not isinstance(value, Absent) else ""


async def by_name(ask: Ask, field: Field, shown: View) -> Field:
    """A group's subnets by their names, where these are clear."""
    if field.name != "endpoints" or shown.get("type") != "subnet":
        return field
    section = BY_SLUG["subnets"]
    known = await ask.by_id(section.resource, list(shown["endpoints"]), ("id", "name"))
    lines = [known.get(each, {}).get("name") or each for each in shown["endpoints"]]
    return msgspec.structs.replace(field, value="\n".join(lines))


async def ids_of(ask: Ask, kind: str, items: list[str]) -> list[str]:
    """The ids of subnets that were given by their names; all else as it was typed."""
    if kind != "subnet":
        return items
    every = await ask.every(BY_SLUG["subnets"].resource, [("fields", "id"), ("fields", "name")])
    ids: dict[str, str] = {}
    for view in every:
        ids[view["name"]] = "" if view["name"] in ids else view["id"]
    return [ids.get(item) or item for item in items]
