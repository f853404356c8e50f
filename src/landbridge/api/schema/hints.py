"""What an error says beside the reference's words: what would be right. The `detail` of errors.

Rules this module keeps:
- Pure, from the attribute table. It repeats names that were sent, never a value.
- Short: the likely word first, all that there are after it.
"""

from __future__ import annotations

import difflib
from collections.abc import Container, Iterable, Sequence

from landbridge.api.schema.resource import Attribute, Resource


def unknown(resource: Resource, names: Iterable[str], sendable: Sequence[str]) -> str:
    """Of attributes that the resource does not have."""
    meant = ((name, _close(name, sendable)) for name in names)
    likely = [f"{name}: did you mean {close}?" for name, close in meant if close]
    return " ".join([*likely, f"A {resource.name} takes {', '.join(sendable)}."])


def missing(resource: Resource, given: Container[str]) -> str:
    """Of all attributes that have to be sent and are not."""
    absent = [each for each in resource.attributes if each.required and each.name not in given]
    return f"A {resource.name} needs {'; '.join(map(_described, absent))}."


def choice(value: object, values: Sequence[object]) -> str:
    """Of a value that is not among those that there are, which the message names."""
    words = [str(each) for each in values]
    close = _close(str(value), words) if isinstance(value, str) else None
    return f"Did you mean {close}?" if close else ""


def _described(attribute: Attribute) -> str:
    return f"{attribute.name} ({attribute.about.rstrip('.')})"


def _close(name: str, known: Sequence[str]) -> str | None:
    """The known word that was probably meant: a part left out, added or misspelled."""
    longer = [each for each in known if name and each.startswith(f"{name}_")]
    return next(iter([*longer, *difflib.get_close_matches(name[:64], known, n=1)]), None)
