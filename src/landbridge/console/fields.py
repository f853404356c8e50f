"""Forms and their fields, as the attribute table has them. Pure.

Rules this module keeps:
- What a form says of an attribute is the table's own sentence.
- An error stands beside the field that it names (`ApiError.attribute`), in the API's words.
- A secret is never filled in.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

import msgspec

from landbridge import errors
from landbridge.api.schema import address_types as addresses
from landbridge.api.schema.field_types import Choice, Dictionary, FieldType
from landbridge.api.schema.resource import Absent, Attribute
from landbridge.console import words
from landbridge.console.sections import Section
from landbridge.console.shapes import is_one, shape_of

#: Attributes whose value is an object or a list of objects: of these a form has one line each.
_HINTS: Final[Mapping[str, str]] = {
    "allocation_pools": "One range a line: 10.0.0.10 - 10.0.0.99",
    "dns_nameservers": "One address a line.",
    "endpoints": "One a line: CIDRs, or of a group of subnets their names or ids.",
    "fixed_ips": "One address a line.",
    "host_routes": "One a line: 10.1.0.0/24 via 10.0.0.1",
    "peer_cidrs": "One CIDR a line. Only without endpoint groups.",
    "routes": "One a line: 10.1.0.0/24 via 10.0.0.1",
}


class Option(msgspec.Struct, frozen=True):
    value: str
    text: str


class Field(msgspec.Struct, frozen=True, kw_only=True):
    """One input. `name`: the attribute's, or ``attribute.member``. `widget`: text, lines, choice,
    switch, secret. `wrong`: the API's words on what was typed."""

    name: str
    title: str
    about: str
    widget: str
    value: str = ""
    options: tuple[Option, ...] = ()
    required: bool = False
    mono: bool = False
    hint: str = ""
    wrong: str = ""

    @property
    def id(self) -> str:
        return f"field-{self.name.replace('.', '-').replace(':', '-')}"


class Form(msgspec.Struct, frozen=True, kw_only=True):
    """`wrong`: what is wrong with the whole; `revision`: what the viewer saw of the object."""

    section: Section
    fields: tuple[Field, ...]
    revision: int | None = None
    wrong: str = ""

    def refused(self, error: errors.ApiError) -> Form:
        """The same form, with the error beside its field."""
        mine = [each for each in self.fields if each.name.partition(".")[0] == error.attribute]
        if not mine:
            return msgspec.structs.replace(self, wrong=error.message)
        first = mine[0]
        fields = tuple(
            msgspec.structs.replace(each, wrong=error.message) if each is first else each
            for each in self.fields
        )
        return msgspec.structs.replace(self, fields=fields)


def fields_of(
    attribute: Attribute, value: Any, options: tuple[Option, ...], *, new: bool
) -> Iterable[Field]:
    if isinstance(attribute.type, Dictionary):
        held = value if isinstance(value, dict) else {}
        members = [each for each in attribute.type.members if not is_one(each[1])]
        for number, (name, kind, default) in enumerate(members):
            yield _field(
                f"{attribute.name}.{name}",
                f"{words.title(attribute.name)}: {name}",
                attribute.about if number == 0 else "",
                kind,
                held.get(name, default),
            )
        return
    yield msgspec.structs.replace(
        _field(
            attribute.name, words.title(attribute.name), attribute.about, attribute.type, value,
            options=options, secret=attribute.name == "psk",
        ),
        required=attribute.required and new,
        hint=_HINTS.get(attribute.name, ""),
    )  # fmt: skip


def _field(
    name: str,
    title: str,
    about: str,
    kind: FieldType,
    value: Any,
    *,
    options: tuple[Option, ...] = (),
    secret: bool = False,
) -> Field:
    shape = shape_of(kind)
    if isinstance(kind, Choice):
        options = tuple(Option(str(each), str(each)) for each in kind.values)
    optional = options and (kind.nullable or isinstance(kind, addresses.Gateway) or not value)
    if optional:
        options = (Option("", "none"), *options)
    widget = "choice" if options or shape.widget == "choice" else shape.widget
    return Field(
        name=name,
        title=title,
        about=about,
        widget="secret" if secret else widget,
        value="" if secret or isinstance(value, Absent) else shape.show(value),
        options=options,
        mono=shape.mono,
    )
