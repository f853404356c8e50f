"""Event log of one tunnel: its latest events, log lines and its last exchange.

Rules this module keeps:
- Bounded, and in memory only: the server keeps the history, this is what it is told from.
- Times of events grow strictly, so that an event is known by its time.
- A line is kept as charon wrote it. Level 1 holds no secret; the PSK is taken out all the same.
"""

from __future__ import annotations

import re
import time
from collections import deque
from collections.abc import Callable
from typing import Final

from landbridge.model.diagnosis import Exchange
from landbridge.model.status import TunnelEvent, TunnelEventKind

EVENTS_KEPT: Final = 16
LINES_KEPT: Final = 24
_LONGEST: Final = 400  # characters of a line
_JUST_LATER: Final = 1e-6  # seconds
_HIDDEN: Final = "***"
#: Packets and payloads: most of the lines, and none of them tells why something failed.
CHATTER: Final = re.compile(
    r"^(sending|received) packet: |^(generating|parsed) |received .* vendor ID|^loaded |^added vici"
)


class EventLog:
    """`clock` gives seconds since the epoch."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._events: deque[TunnelEvent] = deque(maxlen=EVENTS_KEPT)
        self._lines: deque[tuple[float, str]] = deque(maxlen=LINES_KEPT)
        self.exchange: Exchange | None = None

    @property
    def events(self) -> tuple[TunnelEvent, ...]:
        return tuple(self._events)

    @property
    def lines(self) -> tuple[str, ...]:
        return tuple(f"{_stamp(at)} {line}" for at, line in self._lines)

    def note(self, kind: TunnelEventKind, message: str) -> None:
        at = self._clock()
        if self._events and at <= self._events[-1].at:
            at = self._events[-1].at + _JUST_LATER
        self._events.append(TunnelEvent(kind=kind, at=at, message=message))

    def hear(self, line: str, secret: str) -> None:
        if CHATTER.search(line):
            return
        clean = line.replace(secret, _HIDDEN) if secret else line
        self._lines.append((self._clock(), clean[:_LONGEST]))

    def ended(self, message: str, *, established: bool) -> None:
        """An IKE exchange is over."""
        self.exchange = Exchange(at=self._clock(), established=established, message=message)


def _stamp(at: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(at))
