"""How long to wait before the next attempt, in one place.

Rules this module keeps:
- Delays double up to a limit and are shaken, so that many do not come back at once.
- Success starts from the shortest delay again.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from typing import Final

FIRST: Final = 0.2  # seconds
LIMIT: Final = 10.0  # seconds


@dataclass
class Backoff:
    """`next` is how many seconds to wait now."""

    first: float = FIRST
    limit: float = LIMIT
    _delay: float = field(default=0.0, init=False)

    def next(self) -> float:
        self._delay = min(self._delay * 2 or self.first, self.limit)
        return self._delay * random.uniform(0.5, 1.0)  # noqa: S311 - spreads load, hides nothing

    def reset(self) -> None:
        self._delay = 0.0
