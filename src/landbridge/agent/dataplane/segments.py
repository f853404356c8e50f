"""Address ranges that do not overlap, made from ranges that may.

Rules this module keeps:
- Where tunnels overlap, the smallest value holds: a segment too small always works, one
  too large is lost.
- Ranges that overlap nothing come out as they went in, so that a change of one tunnel
  changes only its own segments.
"""

from __future__ import annotations

import heapq
import ipaddress
import itertools
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import NamedTuple

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


class Segment(NamedTuple):
    """Addresses `first` to `last`, both included, as numbers; `value` holds for all."""

    first: int
    last: int
    value: int


@lru_cache(maxsize=65536)
def network(cidr: str) -> Network:
    """A CIDR as its network; host bits are ignored, as charon does."""
    return ipaddress.ip_network(cidr, strict=False)


def of_network(net: Network, value: int) -> Segment:
    return Segment(int(net.network_address), int(net.broadcast_address), value)


def disjoint(ranges: Iterable[Segment]) -> frozenset[Segment]:
    """Cover the same addresses without overlap, the smallest value first."""
    ordered = sorted(set(ranges))
    return frozenset(piece for group in _groups(ordered) for piece in _sweep(group))


def _groups(ordered: list[Segment]) -> Iterator[list[Segment]]:
    """Neighbouring ranges that overlap each other, together."""
    group: list[Segment] = []
    end = -1
    for segment in ordered:
        if group and segment.first > end:
            yield group
            group = []
        group.append(segment)
        end = max(end, segment.last)
    if group:
        yield group


def _sweep(group: list[Segment]) -> Iterator[Segment]:
    if len(group) == 1:
        yield group[0]
        return
    edges = sorted({s.first for s in group} | {s.last + 1 for s in group})
    active: list[tuple[int, int]] = []  # (value, last)
    coming = iter(group)
    upcoming = next(coming, None)
    held: Segment | None = None
    for start, end in itertools.pairwise(edges):
        while upcoming is not None and upcoming.first <= start:
            heapq.heappush(active, (upcoming.value, upcoming.last))
            upcoming = next(coming, None)
        while active and active[0][1] < start:
            heapq.heappop(active)
        piece = Segment(start, end - 1, active[0][0])
        if held is not None and held.value == piece.value:
            held = held._replace(last=piece.last)
            continue
        if held is not None:
            yield held
        held = piece
    if held is not None:
        yield held
