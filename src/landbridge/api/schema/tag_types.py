"""Tags, as values and as filters.

Rules this module keeps:
- As `field_types`: the reference's reasons, message by message.
- A filter names tags with commas between them; which objects it lets through is its `TagMatch`.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Any, Final

from landbridge.api.schema.field_types import (
    TEXT_LENGTH,
    FieldType,
    InvalidValue,
    ListType,
    Schema,
    Text,
)

MOST_TAGS: Final = 50

_TAG: Final = Text()


class TagMatch(StrEnum):
    """The filters, by their names. `ALL`: the object has all the tags named."""

    ALL = "tags"
    ANY = "tags-any"
    NOT_ALL = "not-tags"
    NOT_ANY = "not-tags-any"


class Tags(ListType, frozen=True, kw_only=True):
    """A set of tags. As a filter: those that an object shall have."""

    most: int = MOST_TAGS
    match: TagMatch = TagMatch.ALL

    def accept(self, value: Any) -> list[str]:
        if not isinstance(value, list):
            raise InvalidValue(f"'{value}' is not a list")
        if repeated := _repeated(value):
            raise InvalidValue(f"Duplicate items in the list: '{', '.join(map(str, repeated))}'")
        return sorted(_TAG.accept(item) for item in value)

    def item(self) -> Schema:
        return {"type": "string", "maxLength": TEXT_LENGTH}


def _repeated(items: list[Any]) -> list[Any]:
    """Those that were there before, however odd."""
    seen: set[str] = set()
    found = []
    for item in items:
        key = item if isinstance(item, str) else f"\0{item!r}"
        if key in seen:
            found.append(item)
        seen.add(key)
    return found


def tag(text: str) -> str:
    """One tag, from a path. Raises: InvalidValue."""
    return _TAG.accept(text)


class Constant(FieldType, frozen=True, kw_only=True):
    """What clients send of something that is not built: it has one value, which may be given.

    `also`: what else means that value.
    """

    value: Any
    also: tuple[Any, ...] = ()

    def accept(self, value: Any) -> Any:
        if value not in (self.value, *self.also) or isinstance(value, bool) != isinstance(
            self.value, bool
        ):
            raise InvalidValue(f"'{value}' is not supported, only '{self.value}' is")
        return self.value

    def shape(self) -> Schema:
        kinds = {bool: "boolean", list: "array", str: "string", type(None): "null"}
        kind = kinds[type(self.value)]
        values: dict[str, Schema] = {
            "array": {"items": {"type": "string"}, "maxItems": 0},
            "boolean": {"enum": [self.value]},
            "string": {"enum": [self.value]},
        }
        return {"type": kind, **values.get(kind, {})}
