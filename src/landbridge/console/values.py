"""What was typed into a form, as the API takes it. Pure.

Rules this module keeps:
- An update says what was changed only.
- An empty field of a new object was not given; of one that is there, it takes the value away.
- A secret that was left empty stays as it is, and none is sent back.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec

from landbridge.api.schema import address_types as addresses
from landbridge.api.schema.field_types import Choice, Dictionary
from landbridge.api.schema.resource import Attribute
from landbridge.console.ask import View
from landbridge.console.endpoint import Fields
from landbridge.console.fields import Field, Form
from landbridge.console.numbers import whole
from landbridge.console.shapes import number, shape_of


def typed(form: Form, fields: Fields) -> Form:
    """The form with what was typed, for the revision that it was typed for."""
    revision = _revision(fields)
    return msgspec.structs.replace(
        form,
        fields=tuple(
            msgspec.structs.replace(each, value=_typed(each, fields)) for each in form.fields
        ),
        revision=form.revision if revision is None else revision,
    )


def _typed(field: Field, fields: Fields) -> str:
    """What is secret is not sent back; what was not sent stays as it is."""
    if field.widget == "secret":
        return ""
    return fields.get(field.name, [field.value])[-1]


def _revision(fields: Fields) -> int | None:
    return whole(fields.get("revision_number", [""])[-1])


def typed_values(
    attributes: tuple[Attribute, ...], form: Form, sent: Fields, shown: View | None
) -> dict[str, Any]:
    """Of a new object (`shown` None) all that was filled in, of one that is there what differs from
    it."""
    found: dict[str, Any] = {}
    for attribute in attributes:
        mine = [each for each in form.fields if each.name.partition(".")[0] == attribute.name]
        if not mine:
            continue
        value = _value(attribute, mine, sent, shown)
        if value is _LEFT_OUT:
            continue
        if shown is None or _differs(attribute, value, shown.get(attribute.name)):
            found[attribute.name] = value
    return found


_LEFT_OUT: Final = object()


def _value(attribute: Attribute, mine: list[Field], sent: Fields, shown: View | None) -> Any:
    """The value that the fields of one attribute say; `_LEFT_OUT`: none."""
    if isinstance(attribute.type, Dictionary):
        members = {name: kind for name, kind, _ in attribute.type.members}
        said = {each.name.partition(".")[2]: sent.get(each.name, [""])[-1] for each in mine}
        return {
            name: shape_of(members[name]).read(text) for name, text in said.items() if text != ""
        } or _LEFT_OUT
    if attribute.name not in sent:
        return _LEFT_OUT
    text = sent[attribute.name][-1]
    shape = shape_of(attribute.type)
    if shape.widget == "switch":
        return shape.read(text)
    if text != "":
        value = shape.read(text)
        if isinstance(attribute.type, Choice) and attribute.type.number:
            return number(text)
        return _kept(value, shown) if isinstance(attribute.type, addresses.Gateway) else value
    return _nothing(attribute, mine[0], shown)


def _nothing(attribute: Attribute, field: Field, shown: View | None) -> Any:
    """What an empty field means: of a new object, that it was not given."""
    if shown is None or field.widget == "secret":
        return _LEFT_OUT
    if attribute.type.nullable:
        return None
    if field.widget == "lines":
        return []
    return {} if isinstance(attribute.type, addresses.Gateway) else ""


def _kept(value: Any, shown: View | None) -> Any:
    """The uplink as it is, where its network stays."""
    now = (shown or {}).get("external_gateway_info") or {}
    return now if now.get("network_id") == value["network_id"] else value


def _differs(attribute: Attribute, value: Any, now: Any) -> bool:
    if isinstance(attribute.type, Dictionary) and isinstance(now, dict):
        return any(now.get(name) != each for name, each in value.items())
    if isinstance(attribute.type, addresses.FixedIps):
        have = [each.get("ip_address") for each in now or ()]
        return have != [each.get("ip_address") for each in value]
    return bool(value != now) and not (value in ("", [], {}) and not now)
