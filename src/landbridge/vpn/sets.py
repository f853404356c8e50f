"""Lists that are sets: the same members in another order are the same list. Pure.

Rules this module keeps:
- Who puts such a list changes nothing if its members are those that are there; what is kept, and
  what is shown, stays in the order in which it came first.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterable
from typing import Any


def same(one: Iterable[Any], other: Iterable[Any]) -> bool:
    """Whether two lists of JSON have the same members, each as often."""
    return Counter(map(_key, one)) == Counter(map(_key, other))


def _key(item: Any) -> Hashable:
    if isinstance(item, dict):
        return frozenset((name, _key(value)) for name, value in item.items())
    return tuple(map(_key, item)) if isinstance(item, list) else item
