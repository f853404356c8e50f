"""Forms from the attribute table: of a new object, of one that is there, and what was typed.

Rules this module keeps:
- A form has the attributes that the API takes and that the policy lets the viewer send.
- An update is for the revision that the viewer saw.
- Its parts: `fields` (what a form is), `shapes` (how a value is typed), `choices` (what there is to
  choose), `values` (what was typed).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from landbridge.api.schema.field_types import Flavor, ReadOnly
from landbridge.api.schema.resource import UNSET, Attribute
from landbridge.api.schema.tag_types import Constant, Tags
from landbridge.console import choices
from landbridge.console import values as typed_in
from landbridge.console.ask import Ask, View
from landbridge.console.endpoint import Fields, Visit
from landbridge.console.fields import Field, Form, fields_of
from landbridge.console.sections import Section

_OLD_NAMES: Final = frozenset({"tenant_id"})
_FIRST: Final = {"name": 0, "description": 1}
_NO_FIELD: Final = (Constant, Tags, ReadOnly, Flavor)


async def empty(visit: Visit, section: Section) -> Form:
    """The form of a new object."""
    attributes = tuple(_of(visit, section, "create"))
    shown = {each.name: _default(each) for each in attributes}
    for name, value in visit.request.query_params.multi_items():
        if name in shown and value:
            shown[name] = value
    return await _form(visit.ask, section, attributes, shown)


async def filled(visit: Visit, section: Section, view: View) -> Form:
    """The form of an object as it is."""
    attributes = tuple(_of(visit, section, "update", view))
    return await _form(visit.ask, section, attributes, view, revision=view["revision_number"])


def typed(form: Form, fields: Fields) -> Form:
    """The form with what was typed, for the revision that it was typed for."""
    return typed_in.typed(form, fields)


async def values(
    visit: Visit, section: Section, form: Form, shown: View | None = None
) -> dict[str, Any]:
    """What was typed as the API takes it: of a new object (`shown` None) all that was filled in, of
    one that is there what differs from it."""
    attributes = section.resource.attributes
    found = typed_in.typed_values(attributes, form, visit.fields, shown)
    if section.slug == "groups" and found.get("endpoints"):
        kind = found.get("type") or (shown or {}).get("type")
        found["endpoints"] = await choices.ids_of(visit.ask, str(kind), found["endpoints"])
    return found


def _of(
    visit: Visit, section: Section, verb: str, target: View | None = None
) -> Iterable[Attribute]:
    """The attributes that the viewer may send."""
    policy = visit.console.auth.policy
    for attribute in section.resource.attributes:
        sent = attribute.post if verb == "create" else attribute.put
        rule = f"{verb}_{section.resource.name}:{attribute.name}"
        if not sent or attribute.name in _OLD_NAMES or isinstance(attribute.type, _NO_FIELD):
            continue
        if attribute.name == "project_id" and not visit.viewer.is_admin:
            continue
        if policy.knows(rule) and not visit.may(rule, target):
            continue
        yield attribute


async def _form(
    ask: Ask,
    section: Section,
    attributes: tuple[Attribute, ...],
    shown: View,
    revision: int | None = None,
) -> Form:
    fields: list[Field] = []
    for attribute in attributes:
        options = await choices.options(ask, attribute, shown.get(attribute.name))
        fields += fields_of(attribute, shown.get(attribute.name), options, new=revision is None)
    fields.sort(key=lambda each: _FIRST.get(each.name, len(_FIRST)))
    if section.slug == "groups" and revision is not None:
        fields = [await choices.by_name(ask, each, shown) for each in fields]
    return Form(section=section, fields=tuple(fields), revision=revision)


def _default(attribute: Attribute) -> Any:
    return None if attribute.default is UNSET or attribute.required else attribute.default
