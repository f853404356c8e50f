"""What the connections of a list have carried, as one small line each.

Rules this module keeps:
- Asked for after the list, for the rows that somebody sees, all of them in one request: rows of a
  gateway that is silent delay nothing but their lines.
- A gateway is asked for one connection once in `KEPT` seconds for each session, however often a
  list is refreshed.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any, Final

import msgspec
from starlette.responses import Response

from landbridge import errors
from landbridge.console import amounts, traffic
from landbridge.console.endpoint import Visit
from landbridge.console.sections import CONNECTIONS

KEPT: Final = 20.0  # seconds
MOST_KEPT: Final = 2000
MOST: Final = 25  # rows in one request
AT_ONCE: Final = 8
POINTS: Final = 60
WIDTH: Final = 84.0
HEIGHT: Final = 18.0


class Line(msgspec.Struct, frozen=True):
    """`points`: of an SVG's polyline; empty: nothing was counted. `now`: the rate, in words."""

    points: str
    now: str


Key = tuple[str, str]  # token, connection


class Sparklines:
    """The page, with what it has been told lately."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._kept: dict[Key, tuple[float, Line]] = {}

    async def show(self, visit: Visit) -> Response:
        ids = dict.fromkeys(visit.request.query_params.getlist("id")[:MOST])
        turn = asyncio.Semaphore(AT_ONCE)
        found = await asyncio.gather(*(self._line(visit, turn, each) for each in ids))
        told = {each: line for each, line in zip(ids, found, strict=True) if line}
        return Response(msgspec.json.encode(told), media_type="application/json")

    async def _line(self, visit: Visit, turn: asyncio.Semaphore, id: str) -> Line | None:
        """None: the viewer may not see it, or it cannot be told now."""
        key, now = (visit.session.token, id), self._clock()
        known = self._kept.get(key)
        if known is not None and known[0] > now:
            return known[1]
        async with turn:
            try:
                path = f"{CONNECTIONS.resource.path}/{id}/traffic"
                told = (await visit.ask.get(path))["traffic"]
            except errors.ApiError:
                return None
        made = line(told)
        if len(self._kept) >= MOST_KEPT:
            self._kept = {each: held for each, held in self._kept.items() if held[0] > now}
        if len(self._kept) < MOST_KEPT:
            self._kept[key] = (now + KEPT, made)
        return made


def line(told: dict[str, Any]) -> Line:
    """Both ways together, as seen from afar."""
    plot = traffic.plot(told)
    sums = [
        None if here is None or there is None else here + there
        for here, there in zip(plot.inward, plot.outward, strict=True)
    ]
    if not sums:
        return Line("", "")
    step = max(1, -(-len(sums) // POINTS))
    parts = [sums[start : start + step] for start in range(0, len(sums), step)]
    rates = [max((each for each in part if each is not None), default=0.0) for part in parts]
    most, apart = max(rates) or 1.0, WIDTH / max(len(rates) - 1, 1)
    points = " ".join(
        f"{place * apart:.1f},{HEIGHT - 1 - rate / most * (HEIGHT - 2):.1f}"
        for place, rate in enumerate(rates)
    )
    return Line(points, amounts.rate(traffic.now(sums)))
