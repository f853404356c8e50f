"""What has gone wrong for one tunnel, and when it is tried again.

Rules this module keeps:
- It is one tunnel's: what charon or nft refuses of it, a message too large for VICI, a fault of
  our own while it was planned, judged or read. Whatever fails for all (charon is gone, the host
  refuses) is not noted here and ends the serving.
- Each tunnel has a back-off of its own. A change of what is wanted ends it.
"""

from __future__ import annotations

from typing import Final

from landbridge.agent.errors import GatewayError, StepRefused
from landbridge.backoff import delay
from landbridge.model.fields import Model
from landbridge.vici import CommandFailed, ViciError

FIRST: Final = 0.5  # seconds
LIMIT: Final = 30.0  # seconds


class Trouble(Model, frozen=True, kw_only=True):
    """`words`: for the user; empty: nothing is wrong. `retry_at`: by the loop's clock. `blind`: it
    cannot even be looked at."""

    words: str = ""
    retry_at: float = 0.0
    failures: int = 0
    blind: bool = False

    def once_more(self, words: str, now: float, *, blind: bool = False) -> Trouble:
        failures = self.failures + 1
        retry_at = now + delay(failures, first=FIRST, limit=LIMIT)
        return Trouble(words=words, retry_at=retry_at, failures=failures, blind=blind)

    def at_once(self) -> Trouble:
        """What is wanted is another thing now: it is tried as if for the first time."""
        return Trouble(words=self.words)

    def waits(self, now: float) -> bool:
        """Whether it is too early to try again."""
        return bool(self.words) and now < self.retry_at


def concerns_all(error: Exception) -> bool:
    """Whether it is no one tunnel's: charon, the host, or the way to them."""
    if isinstance(error, StepRefused | CommandFailed):
        return False
    return isinstance(error, GatewayError | ViciError | TimeoutError | OSError)
