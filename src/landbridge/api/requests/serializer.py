"""Makes the API's view of a resource: its visible attributes, in the table's order.

Rules this module keeps:
- Only attributes that the table calls visible, and of these only the requested fields.
- The answer to a POST or PUT shows the members of a dictionary (`dpd`, `lifetime`) as they were
  sent, because clients compare it with their request; GET shows what is stored.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from landbridge.api.schema.field_types import Dictionary
from landbridge.api.schema.resource import Resource
from landbridge.api.schema.tag_types import Constant
from landbridge.api.schema.validate import Input

View = dict[str, Any]


class Serializer:
    """Makes views of one resource, from the attributes that the rules present."""

    def __init__(self, resource: Resource) -> None:
        visible = [a for a in resource.attributes if a.visible]
        self._keys = tuple(
            (
                a.name,
                a.stored_as if a.name == "tenant_id" else a.name,
                a.type.value if isinstance(a.type, Constant) else None,
            )
            for a in visible
        )
        self._groups = tuple(a.name for a in visible if isinstance(a.type, Dictionary))
        self.secrets = tuple(a.name for a in visible if a.secret)

    def view(self, row: Mapping[str, Any], fields: frozenset[str]) -> View:
        """A row without a key for a secret gives a view without it."""
        unshown = frozenset(name for name in self.secrets if name not in row)
        if not fields and not unshown:  # the usual case, and lists make hundreds
            return {name: row.get(key, value) for name, key, value in self._keys}
        return {
            name: row.get(key, value)
            for name, key, value in self._keys
            if name not in unshown and (not fields or name in fields)
        }

    def answer(self, row: Mapping[str, Any], asked: Input) -> View:
        """The view in the answer to a POST or PUT."""
        view = self.view(row, frozenset())
        for name in self._groups:
            if sent := asked.sent.get(name):
                view[name] = {**view[name], **sent}
        return view
