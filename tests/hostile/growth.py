"""Whether work grows with what it is given, no faster: counted, not timed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.hostile.work import steps_of

MANY = 200
DOUBLE = 2.3  # the most that twice as much may cost


def grows(work: Callable[[int], Any], many: int = MANY, *, addresses: bool = True) -> float:
    """How many times the work for `many` is that for twice as many."""
    once, twice = (steps_of(_of(work, number), addresses=addresses) for number in (many, 2 * many))
    return twice / once


def _of(work: Callable[[int], Any], number: int) -> Callable[[], Any]:
    return lambda: work(number)
