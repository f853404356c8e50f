"""What a connection has carried, for a plot: from the sums that a gateway tells to rates. Pure.

Rules this module keeps:
- Sums never go backwards; where they do (an agent began anew) nothing is drawn.
- Where samples are far apart there is a gap, not a line over it.
- Losses are known only where the data plane tells them; else nothing is said of them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec

APART: Final = 60.0  # seconds between two samples, above which there is a gap
RECENT: Final = 3  # samples whose mean is the rate of now

Rates = list[float | None]


class Plot(msgspec.Struct, frozen=True):
    """Columns. `inward`: from the peer, bits a second; `lost`: packets a second; None: not told."""

    at: list[float]
    inward: Rates
    outward: Rates
    lost: Rates | None


class Sums(msgspec.Struct, frozen=True):
    """What came and went between two samples. `lost` None: not told."""

    packets_in: int
    packets_out: int
    bytes_in: int
    bytes_out: int
    lost: int | None
    until: float


def plot(series: Mapping[str, Any]) -> Plot:
    at = series["at"]
    return Plot(
        at=list(at[1:]),
        inward=_rates(at, series["bytes_in"], 8),
        outward=_rates(at, series["bytes_out"], 8),
        lost=_rates(at, series["lost_in"], 1) if series["lost_in"] else None,
    )


def _rates(at: Sequence[float], sums: Sequence[int], factor: int) -> Rates:
    found: Rates = []
    for place in range(1, len(at)):
        took, more = at[place] - at[place - 1], sums[place] - sums[place - 1]
        drawn = 0 < took <= APART and more >= 0
        found.append(round(more * factor / took, 3) if drawn else None)
    return found


def now(rates: Rates) -> float:
    """The mean of the last samples."""
    recent = [each for each in rates[-RECENT:] if each is not None]
    return sum(recent) / len(recent) if recent else 0.0


def since(series: Mapping[str, Any], moment: float) -> Sums | None:
    """What was carried after the last sample that was taken before `moment`; None: no sample."""
    at = series["at"]
    if not at:
        return None
    first = max((place for place, each in enumerate(at) if each <= moment), default=0)

    def more(name: str) -> int:
        sums: Sequence[int] = series[name]
        return max(0, sums[-1] - sums[first])

    return Sums(
        packets_in=more("packets_in"),
        packets_out=more("packets_out"),
        bytes_in=more("bytes_in"),
        bytes_out=more("bytes_out"),
        lost=more("lost_in") if series["lost_in"] else None,
        until=at[-1],
    )
