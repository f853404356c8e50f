"""The reason of the last failure of one tunnel, and when it expires.

Rules this module keeps:
- A cause is kept until a newer attempt gives another one. Within one attempt the line with the
  higher rank wins. A first unanswered packet says less than the cause of an earlier attempt.
- A cause belongs to one configuration: of a later one nothing is known yet.
- A cause explains that a tunnel went down only if it was logged just before.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

from landbridge.agent.charon.log_patterns import FIRST_SILENCE, REFUSAL
from landbridge.agent.status.causes import Cause
from landbridge.model.status import Reason

_RELATED: Final = 5.0  # seconds between a line and the going down that it explains


class LastFailure:
    """`clock` gives seconds, monotonic. `failures` counts attempts that told a cause."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._cause: Cause | None = None
        self._of = ""
        self._old = False
        self._at = 0.0
        self.failures = 0

    @property
    def reason(self) -> Reason | None:
        return self._cause.reason if self._cause else None

    def reason_of(self, configuration: str) -> Reason | None:
        """What is told of exactly this configuration."""
        return self.reason if self._of == configuration else None

    def accept(self, told: Cause, configuration: str) -> bool:
        """Whether it is new."""
        known = self._cause
        if known is not None and not self._outweighs(told, known):
            return False
        if known is None or self._old or known.reason.code is not told.reason.code:
            self.failures += 1
        new = known is None or known.reason != told.reason or self._of != configuration
        self._cause, self._of, self._old, self._at = told, configuration, False, self._clock()
        return new

    def grow_old(self) -> None:
        """A new attempt begins: whatever it tells counts more."""
        self._old = True

    def forget(self) -> None:
        """What was tried is not wanted any more."""
        self._cause = None

    def forget_unrelated(self) -> None:
        """The tunnel has gone down: what was told long before does not explain it."""
        if self._clock() - self._at > _RELATED:
            self._cause = None

    def _outweighs(self, told: Cause, known: Cause) -> bool:
        if told.rank == FIRST_SILENCE and known.rank >= REFUSAL:
            return False
        return self._old or told.rank >= known.rank
