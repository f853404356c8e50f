"""Two people edit the same object: what each has changed, and the form that has both. Pure.

Rules this module keeps:
- A form carries what was in it when it was opened (`was`), so that what one typed and what the
  other changed can be told apart.
- What only the other changed is taken over; what only this one typed stays; where both did, what
  was typed stays in its field, and both values are shown.
- Without secrets.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import msgspec

from landbridge.console.fields import Field, Form

Values = dict[str, str]

_decode: Final = msgspec.json.Decoder(Values).decode


class Conflict(msgspec.Struct, frozen=True):
    """One field. `typed`: here; `now`: what the other has saved; `both`: both changed it."""

    title: str
    was: str
    typed: str
    now: str
    both: bool


def remembered(form: Form) -> str:
    """What is in a form when it is opened."""
    held = {each.name: each.value for each in form.fields if each.widget != "secret"}
    return msgspec.json.encode(held).decode()


def recalled(text: str) -> Values:
    """What `remembered` was told; what cannot be read is nothing."""
    try:
        return _decode(text)
    except msgspec.DecodeError:
        return {}


def merged(typed: Form, now: Form, was: Mapping[str, str]) -> tuple[Form, tuple[Conflict, ...]]:
    """The form as it is now with what was typed, and what the other has changed."""
    here = {each.name: each for each in typed.fields}
    fields: list[Field] = []
    found: list[Conflict] = []
    for field in now.fields:
        mine = here.get(field.name)
        if mine is None or field.widget == "secret":
            fields.append(field)
            continue
        before = was.get(field.name, mine.value)
        i_did, they_did = mine.value != before, field.value != before
        both = i_did and they_did and mine.value != field.value
        if they_did and (both or not i_did):
            found.append(
                Conflict(
                    field.title,
                    _shown(field, before),
                    _shown(field, mine.value) if i_did else "",
                    _shown(field, field.value),
                    both,
                )
            )
        fields.append(msgspec.structs.replace(field, value=mine.value) if i_did else field)
    return msgspec.structs.replace(now, fields=tuple(fields)), tuple(found)


def _shown(field: Field, value: str) -> str:
    """As the form shows it."""
    if field.widget == "switch":
        return "yes" if value else "no"
    named = {each.value: each.text for each in field.options}
    return named.get(value, value) or "nothing"
