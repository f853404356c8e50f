"""Generates the attribute reference, ``docs/attributes.md``, from the table.

Rules this module keeps:
- Every word comes from the table; a test compares the page with it.
- Generate it with ``python -m landbridge.api.schema.reference > docs/attributes.md``.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Final

from landbridge.api.schema.address_types import FixedIps, Gateway
from landbridge.api.schema.catalogue import RESOURCES
from landbridge.api.schema.field_types import Choice, Dictionary, ListType
from landbridge.api.schema.resource import OWN, UNSET, Attribute, Resource

_HEAD: Final = """\
# Attributes

Made from the table that the API validates by; do not edit. *Create* and *update*: whether the
attribute may be sent with POST and PUT. *Find*: usable as a filter (`?name=value`), *sort*: as
`sort_key`. Attributes marked * are landbridge's own, the others are OpenStack Networking's.
"""
_COLUMNS: Final = ("Attribute", "Type", "Create", "Update", "Find", "Sort", "What it is")


def markdown() -> str:
    return "\n".join([_HEAD, *(line for resource in RESOURCES for line in _resource(resource))])


def _resource(resource: Resource) -> Iterator[str]:
    yield f"## {resource.name}\n\n{resource.about} `{resource.path}`\n"
    yield _row(_COLUMNS)
    yield _row("---" for _ in _COLUMNS)
    for attribute in resource.attributes:
        yield _row(_cells(attribute))
    yield ""


def _cells(attribute: Attribute) -> Iterator[str]:
    yield f"`{attribute.name}`{' *' if attribute.source == OWN else ''}"
    yield _type(attribute)
    yield _create(attribute)
    yield from ("yes" if it else "" for it in (attribute.put, attribute.filter, attribute.sort))
    yield attribute.about + _values(attribute)


def _type(attribute: Attribute) -> str:
    declared = attribute.type.schema()["type"]
    return " or ".join(declared) if isinstance(declared, list) else str(declared)


def _create(attribute: Attribute) -> str:
    if not attribute.post:
        return ""
    if attribute.required or attribute.demanded:
        return "**required**"
    if attribute.default is UNSET or isinstance(attribute.type, Dictionary):
        return "yes"
    default = "null" if attribute.default is None else attribute.default
    return "yes, default empty" if default in ("", []) else f"yes, default `{default}`".lower()


def _values(attribute: Attribute) -> str:
    if isinstance(attribute.type, Choice):
        return " One of " + ", ".join(f"`{value}`" for value in attribute.type.values) + "."
    if isinstance(attribute.type, ListType):
        return f" At most {attribute.type.most}."
    if isinstance(attribute.type, Gateway):
        return f" At most {FixedIps().most} `external_fixed_ips`."
    if isinstance(attribute.type, Dictionary):
        return " Members: " + ", ".join(
            f"`{name}` (default `{default}`)" for name, _, default in attribute.type.members
        ) + "."  # fmt: skip
    return ""


def _row(cells: Iterator[str] | tuple[str, ...]) -> str:
    return f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    sys.stdout.write(markdown())
