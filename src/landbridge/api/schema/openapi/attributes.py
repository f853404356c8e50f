"""The schemas of resources, made from the attribute table: of what is sent and of what is answered.

Rules this module keeps:
- A mistake in a schema is corrected in the table, which validates by the same types.
- Requests are described in their documented form, not in every spelling that is accepted ("1450"
  for 1450, a bare string for a list of one). Who sends this form is answered in the form described.
- Answers have types without limits, null where it can come. None of their attributes is required:
  the query's `fields` leaves out any, the policy those that are secret.
"""

from __future__ import annotations

from typing import Any, Final

from landbridge.api.schema.field_types import Dictionary, or_null
from landbridge.api.schema.openapi.nodes import Node, a, closed, members
from landbridge.api.schema.resource import REQUIRED, UNSET, Attribute, Resource

_LIMITS: Final = frozenset(
    {"minLength", "maxLength", "minimum", "maximum", "minItems", "maxItems", "uniqueItems",
     "pattern", "not", "default", "additionalProperties"}
)  # fmt: skip


def shown(resource: Resource) -> Node:
    """What answers hold."""
    visible = [each for each in resource.attributes if each.visible]
    return members({each.name: _shown(each) for each in visible}, about=resource.about)


def create(resource: Resource) -> Node:
    sent = [each for each in resource.attributes if each.post]
    needed = tuple(each.name for each in sent if each.required or each.demanded)
    about = f"What a new {resource.words} is made of."
    return closed(members({each.name: _sent(each) for each in sent}, needed, about))


def update(resource: Resource) -> Node:
    """Only what is named is changed."""
    sent = {each.name: _described(each, each.type.schema()) for each in resource.attributes
            if each.put}  # fmt: skip
    about = f"What can be changed of {a(resource.words)}; what is not named stays."
    return closed(members(sent, about=about))


def filter_of(attribute: Attribute) -> Node:
    """The type of one value of a filter."""
    declared: Node = answered(attribute.type.schema())
    if declared.get("type") == "array":
        declared = declared["items"]
    kinds = declared.get("type", "string")
    kind = kinds[0] if isinstance(kinds, list) else kinds
    if kind not in ("string", "integer", "boolean"):
        return {"type": "string"}
    values = {"enum": [each for each in declared["enum"] if each is not None]} \
        if "enum" in declared else {}  # fmt: skip
    form = {"format": declared["format"]} if "format" in declared else {}
    return {"type": kind, **values, **form}


def answered(schema: Any) -> Any:
    """A schema without its limits, at any depth."""
    if isinstance(schema, list):
        return [answered(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    made = {name: answered(value) for name, value in schema.items() if name not in _LIMITS}
    if "properties" in schema:  # their names are no keywords
        made["properties"] = {name: answered(node) for name, node in schema["properties"].items()}
    return made


def _shown(attribute: Attribute) -> Node:
    kind = attribute.type.shape()
    node: Node = answered(or_null(kind) if attribute.may_be_null and kind["type"] != "null"
                          else kind)  # fmt: skip
    return _described(attribute, node)


def _sent(attribute: Attribute) -> Node:
    node = _described(attribute, attribute.type.schema())
    default = attribute.default
    if default is not REQUIRED and default is not UNSET and not attribute.demanded \
            and not isinstance(attribute.type, Dictionary):  # fmt: skip
        node["default"] = default
    return node


def _described(attribute: Attribute, node: Node) -> Node:
    return {**node, "description": attribute.about}
