"""The types of attributes' values: each converts a value, refuses it, and describes itself.

Rules this module keeps:
- `convert` returns the value as it is stored. It raises `InvalidValue` with the reason in the
  words of the Networking API (the reference is neutron-lib's validators, message by message),
  or `errors.InvalidInput` where the reference's converters do.
- A type knows no attribute, no resource and no caller: `landbridge.api.schema.validate` puts the
  attribute's name before the reason.
- What a database cannot keep (NUL, numbers above 31 bits, over-long text) is refused here,
  so that it never becomes a server error.
"""

from __future__ import annotations

import unicodedata
import uuid
from typing import Any, Final

import msgspec

from landbridge import errors
from landbridge.impact import identities
from landbridge.impact.identity_types import NoIdentity

MAX_INTEGER: Final = 2**31 - 1
NOTHING: Final = -1  # a number that no attribute ever has
TEXT_LENGTH: Final = 255
_LAST_NAME_CHARACTER: Final = "\ufffe"

_TRUE: Final = frozenset({"1", "t", "true", "on", "y", "yes"})
_FALSE: Final = frozenset({"0", "f", "false", "off", "n", "no"})

Schema = dict[str, Any]


class InvalidValue(Exception):
    """The value does not fit its type; the text is the reason, without a full stop."""


class FieldType(msgspec.Struct, frozen=True, kw_only=True):
    """Base of all types."""

    nullable: bool = False

    def convert(self, value: Any) -> Any:
        """The value as it is kept. Raises: InvalidValue, errors.InvalidInput."""
        if value is None and self.nullable:
            return None
        return self.accept(value)

    def check_length(self, value: Any) -> None:
        """Check the number of items, before anything else is checked. Raises: InvalidValue."""

    def accept(self, value: Any) -> Any:
        raise NotImplementedError

    def from_query(self, text: str) -> Any:
        """A filter's value, as it is compared with what is kept."""
        return text

    def schema(self) -> Schema:
        """The documented form of a value in JSON Schema, for the OpenAPI document."""
        return or_null(self.shape()) if self.nullable else self.shape()

    def shape(self) -> Schema:
        raise NotImplementedError


class ListType(FieldType, frozen=True, kw_only=True):
    """A list of at most `most` items, which are counted before anything else is checked."""

    most: int

    def convert(self, value: Any) -> Any:
        self.check_length(value)
        return super().convert(value)

    def check_length(self, value: Any) -> None:
        if isinstance(value, list | dict) and len(value) > self.most:
            raise InvalidValue(
                f"{len(value)} items are too many - there may be at most {self.most}"
            )

    def shape(self) -> Schema:
        return {"type": "array", "items": self.item(), "maxItems": self.most}

    def item(self) -> Schema:
        raise NotImplementedError


class Text(FieldType, frozen=True, kw_only=True):
    """A string. `secret`: no reason repeats its value, whatever type was sent."""

    shortest: int = 0
    longest: int = TEXT_LENGTH
    secret: bool = False

    def accept(self, value: Any) -> str:
        shown = "the value" if self.secret and value is not None else f"'{value}'"
        if not isinstance(value, str):
            raise InvalidValue(f"{shown} is not a valid string")
        if len(value) < self.shortest:
            raise InvalidValue(f"{shown} must not be empty")
        if len(value) > self.longest:
            raise InvalidValue(f"{shown} exceeds maximum length of {self.longest}")
        if "\0" in value:
            raise InvalidValue(f"{shown} is not a valid string")
        return value

    def shape(self) -> Schema:
        least = {"minLength": self.shortest} if self.shortest else {}
        return {"type": "string", **least, "maxLength": self.longest}


class PeerIdentity(Text, frozen=True, kw_only=True):
    """Who a VPN gateway is to its peer (`landbridge.impact.identities`); empty: its address."""

    def accept(self, value: Any) -> str:
        typed = super().accept(value)
        if typed:
            try:
                identities.parse(typed)
            except NoIdentity as error:
                raise InvalidValue(
                    f"'{typed}' cannot be the identity of one peer: {error}"
                ) from None
        return typed


class Name(Text, frozen=True, kw_only=True):
    """A name: printable characters of the basic plane, no space at its ends."""

    def accept(self, value: Any) -> str:
        name = super().accept(value)
        if name and not _is_name(name):
            raise InvalidValue(f"'{name}' is not a valid string")
        return name


class Uuid(FieldType, frozen=True, kw_only=True):
    """An id. Any spelling that reads as a UUID is accepted; kept in lower case."""

    def accept(self, value: Any) -> str:
        if not is_uuid_like(value):
            raise InvalidValue(f"'{value}' is not a valid UUID")
        return str(value).lower()

    def from_query(self, text: str) -> str:
        return text.lower()

    def shape(self) -> Schema:
        return {"type": "string", "format": "uuid"}


class Flavor(Uuid, frozen=True, kw_only=True):
    """The id of a flavor. There are none."""

    def accept(self, value: Any) -> str:
        raise errors.FlavorNotFound(super().accept(value))


class Boolean(FieldType, frozen=True, kw_only=True):
    """A boolean, also as 0, 1 and the usual words."""

    def accept(self, value: Any) -> bool:
        word = str(value).strip().lower()
        if word in _TRUE:
            return True
        if word in _FALSE:
            return False
        raise errors.InvalidInput(f"'{value}' cannot be converted to boolean")

    def from_query(self, text: str) -> bool:
        return self.accept(text)

    def shape(self) -> Schema:
        return {"type": "boolean"}


class Number(FieldType, frozen=True, kw_only=True):
    """An integer at the top level of a resource; ``"1450"`` is one too."""

    least: int | None = None
    most: int = MAX_INTEGER

    def accept(self, value: Any) -> int:
        try:
            number = int(value)
        except (ValueError, TypeError, OverflowError):
            raise errors.InvalidInput(f"'{value}' is not an integer") from None
        return within(number, self.least, self.most)

    def from_query(self, text: str) -> int:
        try:
            number = int(text)
        except ValueError:
            raise errors.InvalidInput(f"'{text}' is not an integer") from None
        return number if abs(number) <= MAX_INTEGER else NOTHING

    def shape(self) -> Schema:
        least = {} if self.least is None else {"minimum": self.least}
        return {"type": "integer", **least, "maximum": self.most}


class Mtu(Number, frozen=True, kw_only=True):
    """0 for none, or at least `smallest`, which the rules check: it differs by IP version."""

    smallest: int
    least: int | None = 0

    def shape(self) -> Schema:
        return {**super().shape(), "not": {"minimum": 1, "maximum": self.smallest - 1}}


class MemberNumber(FieldType, frozen=True, kw_only=True):
    """An integer inside a dictionary (`dpd`, `lifetime`); fractions are rounded."""

    least: int = 0

    def accept(self, value: Any) -> int:
        try:
            number = int(value)
        except (ValueError, TypeError, OverflowError):
            raise InvalidValue(f"'{value}' is not an integer") from None
        within(number, self.least, MAX_INTEGER)
        rounded = int(value + 0.5) if isinstance(value, float) else number
        return within(rounded, self.least, MAX_INTEGER)

    def shape(self) -> Schema:
        return {"type": "integer", "minimum": self.least, "maximum": MAX_INTEGER}


class Choice(FieldType, frozen=True, kw_only=True):
    """One of `values`. Those that are also in `weak` are for old peers only."""

    values: tuple[str | int, ...]
    weak: tuple[str, ...] = ()
    number: bool = False

    def accept(self, value: Any) -> Any:
        if self.number:
            value = Number().accept(value)
        if value not in self.values:
            valid = ", ".join(str(each) for each in self.values if each not in self.weak)
            raise InvalidValue(f"{value} is not in valid_values: {valid}")
        return value

    def from_query(self, text: str) -> Any:
        return Number().from_query(text) if self.number else text

    def shape(self) -> Schema:
        return {"type": "integer" if self.number else "string", "enum": list(self.values)}


class Dictionary(FieldType, frozen=True, kw_only=True):
    """A dictionary with known members, each kept as a column ``<attribute>_<member>``.

    null and {} mean "as it is" (PUT) or "the defaults" (POST).
    """

    members: tuple[tuple[str, FieldType, Any], ...]  # name, type, default

    def accept(self, value: Any) -> dict[str, Any]:
        if value is None:
            return {}
        if not isinstance(value, dict):
            raise InvalidValue(f"'{value}' is not a dictionary")
        known = {name for name, _, _ in self.members}
        if unknown := [key for key in value if key not in known]:
            raise InvalidValue(f"Unexpected keys supplied: {', '.join(unknown)}")
        return {name: each.convert(value[name]) for name, each, _ in self.members if name in value}

    def shape(self) -> Schema:
        return {
            "type": "object",
            "properties": {
                name: {**each.schema(), "default": default} for name, each, default in self.members
            },
            "additionalProperties": False,
        }


class ReadOnly(FieldType, frozen=True, kw_only=True):
    """An attribute that is shown and cannot be sent. `format`, `values` and `item` (of an array)
    describe it further."""

    type: str = "string"
    format: str = ""
    values: tuple[str, ...] = ()
    item: FieldType | None = None

    def accept(self, value: Any) -> Any:
        return value

    def from_query(self, text: str) -> Any:
        return Number().from_query(text) if self.type == "integer" else text

    def shape(self) -> Schema:
        return {
            "type": self.type,
            **({"format": self.format} if self.format else {}),
            **({"enum": list(self.values)} if self.values else {}),
            **({"items": self.item.schema()} if self.item else {}),
        }


class Record(FieldType, frozen=True, kw_only=True):
    """A dictionary in a list, as it is shown. `members`: name, type; `needed`: those that are
    always there."""

    members: tuple[tuple[str, FieldType], ...]
    needed: tuple[str, ...] = ()

    def accept(self, value: Any) -> Any:
        return value

    def shape(self) -> Schema:
        return {
            "type": "object",
            "properties": {name: each.schema() for name, each in self.members},
            **({"required": list(self.needed)} if self.needed else {}),
            "additionalProperties": False,
        }


def or_null(shape: Schema) -> Schema:
    """The schema of `shape` or null."""
    values = {"enum": [*shape["enum"], None]} if "enum" in shape else {}
    return {**shape, "type": [shape["type"], "null"], **values}


def within(number: int, least: int | None, most: int) -> int:
    """Raises: InvalidValue, in the reference's words."""
    if least == 0 and number < 0:
        raise InvalidValue(f"'{number}' should be non-negative")
    if least is not None and number < least:
        raise InvalidValue(f"'{number}' is too small - must be at least '{least}'")
    if number > most:
        raise InvalidValue(f"'{number}' is too large - must be no larger than '{most}'")
    return number


def is_uuid_like(value: Any) -> bool:
    """As oslo.utils judges: with or without dashes, braces and ``urn:uuid:``."""
    if not isinstance(value, str):
        return False
    try:
        canonical = uuid.UUID(value).hex
    except ValueError:
        return False
    bare = value.replace("urn:", "").replace("uuid:", "").strip("{}").replace("-", "").lower()
    return bare == canonical


def _is_name(text: str) -> bool:
    if text[0] == " " or text[-1] == " ":
        return False
    if text.isascii():
        return text.isprintable()
    ends = (unicodedata.category(text[0]), unicodedata.category(text[-1]))
    return "Zs" not in ends and all(map(_is_printable, text))


def _is_printable(character: str) -> bool:
    category = unicodedata.category(character)
    printable = category == "Zs" or category[0] not in "CZ"
    return printable and character <= _LAST_NAME_CHARACTER
