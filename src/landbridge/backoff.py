"""How long to wait before the next attempt, in one place.

Rules this module keeps:
- Delays double up to a limit. Success starts from the shortest again (`Backoff.reset`).
- Where several may retry against one server, delays are shaken (`Backoff`, `shaken`), so that
  they do not come back together. Where a pure function plans for one peer (`delay`) they are not:
  the plan bounds how many attempts are open by itself.
- No number of failures overflows.

What waits a fixed time looks for a condition on its own machine (a socket, a lock, a child), and
does not retry what another has refused.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from typing import Final

FIRST: Final = 0.2  # seconds
LIMIT: Final = 10.0  # seconds
_MOST_DOUBLINGS: Final = 64  # beyond any limit, and within what a float can be


def delay(failures: int, *, first: float, limit: float) -> float:
    """Seconds to wait after so many failures in a row; pure. None were: the first delay."""
    return float(min(first * 2 ** min(max(failures - 1, 0), _MOST_DOUBLINGS), limit))


def shaken(seconds: float) -> float:
    """Between half of it and all of it."""
    return seconds * random.uniform(0.5, 1.0)  # noqa: S311 - spreads load, hides nothing


@dataclass
class Backoff:
    """`next` is how many seconds to wait now."""

    first: float = FIRST
    limit: float = LIMIT
    _failures: int = field(default=0, init=False)

    def next(self) -> float:
        self._failures += 1
        return shaken(delay(self._failures, first=self.first, limit=self.limit))

    def reset(self) -> None:
        self._failures = 0
