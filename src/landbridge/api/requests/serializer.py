"""What a client sees of a row: the visible attributes, in the table's order.

Rules this module keeps:
- Only what the table calls visible, and of that only the fields asked for.
- The members of a dictionary (`dpd`, `lifetime`) show in the answer to a POST or PUT as they
  were sent, because clients compare the answer with their request; GET shows what is kept.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from landbridge.api.schema.field_types import Dictionary
from landbridge.api.schema.resource import Resource
from landbridge.api.schema.validate import Input

View = dict[str, Any]


class Serializer:
    """Makes views of one resource's rows, as the rules present them."""

    def __init__(self, resource: Resource) -> None:
        visible = [a for a in resource.attributes if a.visible]
        self._keys = tuple(
            (a.name, a.stored_as if a.name == "tenant_id" else a.name) for a in visible
        )
        self._groups = tuple(a.name for a in visible if isinstance(a.type, Dictionary))
        self.secrets = tuple(a.name for a in visible if a.secret)

    def view(self, row: Mapping[str, Any], fields: frozenset[str]) -> View:
        """`row` without secrets has no key for them; the view neither."""
        unshown = frozenset(name for name in self.secrets if name not in row)
        if not fields and not unshown:  # most of all views, and a list makes hundreds
            return {name: row.get(key) for name, key in self._keys}
        return {
            name: row.get(key)
            for name, key in self._keys
            if name not in unshown and (not fields or name in fields)
        }

    def answer(self, row: Mapping[str, Any], asked: Input) -> View:
        """The view of what a POST or PUT has made."""
        view = self.view(row, frozenset())
        for name in self._groups:
            if sent := asked.sent.get(name):
                view[name] = {**view[name], **sent}
        return view
