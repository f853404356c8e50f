"""What each tunnel of a router had carried, at every sample of the last hour.

Rules this module keeps:
- Memory alone: nothing is written, nothing is sent before somebody asks, a restart begins anew.
- Of fixed size: the newest `KEPT` samples of each tunnel, as numbers without objects (17 kB).
- Sums as `TrafficCounters` has them, so they never go backwards; who draws them takes differences.
"""

from __future__ import annotations

from array import array
from typing import Final, TypeVar

from landbridge.agent.metrics.counters import Traffic
from landbridge.model.diagnosis import TrafficSeries

KEPT: Final = 360  # samples: an hour at one in ten seconds
_FIELDS: Final = ("bytes_in", "packets_in", "bytes_out", "packets_out", "lost_in")

Number = TypeVar("Number", int, float)


class RecentTraffic:
    """All tunnels of one router, by their ids."""

    def __init__(self, kept: int = KEPT) -> None:
        self._kept = kept
        self._rings: dict[str, _Ring] = {}

    def note(self, tunnel_id: str, at: float, traffic: Traffic) -> None:
        """`at`: seconds since the epoch. A clock that was set back begins anew."""
        ring = self._rings.get(tunnel_id)
        if ring is None or at < ring.newest:
            ring = self._rings[tunnel_id] = _Ring(self._kept)
        ring.add(at, traffic)

    def of(self, tunnel_id: str) -> TrafficSeries:
        ring = self._rings.get(tunnel_id)
        return ring.series() if ring else TrafficSeries()

    def forget(self, tunnel_id: str) -> None:
        self._rings.pop(tunnel_id, None)


class _Ring:
    """`_next`: where the next sample goes; once it is full, the oldest is there."""

    def __init__(self, kept: int) -> None:
        self.newest = 0.0
        self._kept = kept
        self._next = 0
        self._at = array("d")
        self._sums = {field: array("Q") for field in _FIELDS}

    def add(self, at: float, traffic: Traffic) -> None:
        self.newest = at
        _put(self._at, self._next, at)
        for field, sums in self._sums.items():
            _put(sums, self._next, getattr(traffic, field))
        self._next = (self._next + 1) % self._kept

    def series(self) -> TrafficSeries:
        """Oldest first."""
        return TrafficSeries(
            at=_in_order(self._at, self._next),
            **{field: _in_order(sums, self._next) for field, sums in self._sums.items()},
        )


def _put(ring: array[Number], place: int, value: Number) -> None:
    if place == len(ring):
        ring.append(value)
    else:
        ring[place] = value


def _in_order(ring: array[Number], place: int) -> tuple[Number, ...]:
    return tuple(ring[place:] + ring[:place] if place < len(ring) else ring)
