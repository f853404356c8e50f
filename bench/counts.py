"""What happened to the packets of one stretch of time: the numbers that the update matrix is of."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Final, NamedTuple

import msgspec

from bench.sides import OUTSIDE_WINDOW
from landbridge.lab.traffic import Direction, FlowCount, Loss

DEMO: Final = "demo"


class Pair(NamedTuple):
    """Of our packets to the peer, and of the peer's to us."""

    ours: int
    peers: int

    def __str__(self) -> str:
        return f"{self.ours:,} / {self.peers:,}"


class Counts(msgspec.Struct, frozen=True, kw_only=True):
    """`seconds`: how long it was; `sibling`: lost on the other tunnels, both directions.
    `ours_discarded`: by the peer, what we have sent; `peers_discarded`: by us. `losses`: when
    (seconds since the epoch), ours first.
    """

    seconds: float
    sent: Pair
    lost: Pair
    reordered: Pair
    sibling: int
    ours_discarded: dict[str, int]
    peers_discarded: dict[str, int]
    losses: tuple[tuple[Loss, ...], tuple[Loss, ...]]

    @classmethod
    def of(
        cls,
        flows: Mapping[str, FlowCount],
        seconds: float,
        by_peer: dict[str, int],
        by_us: dict[str, int],
    ) -> Counts:
        demo = flows[DEMO]
        return cls(
            seconds=seconds,
            sent=Pair(demo.forward.sent, demo.backward.sent),
            lost=Pair(demo.forward.lost, demo.backward.lost),
            reordered=Pair(demo.forward.reordered, demo.backward.reordered),
            sibling=sum(flow.lost for name, flow in flows.items() if name != DEMO),
            ours_discarded=by_peer,
            peers_discarded=by_us,
            losses=(_dated(demo.forward), _dated(demo.backward)),
        )

    @property
    def outside(self) -> Pair:
        """Discarded as outside the replay window, of all tunnels."""
        name = OUTSIDE_WINDOW
        return Pair(self.ours_discarded.get(name, 0), self.peers_discarded.get(name, 0))

    @property
    def rate(self) -> float:
        """Packets that were sent each way, a second."""
        return min(self.sent) / self.seconds

    @property
    def clean(self) -> bool:
        return not any((*self.lost, *self.reordered, self.sibling, *self.outside))


def _dated(direction: Direction) -> tuple[Loss, ...]:
    since = time.time() - time.monotonic()
    return tuple(Loss(loss.first, loss.count, loss.at + since) for loss in direction.losses)
