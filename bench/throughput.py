"""How much goes through a tunnel: landbridge's, the same set up by hand, and kernel-libipsec's.

Rules this module keeps:
- All stand at the same time, and take turns within each round, in the opposite order in the next
  one: what else the machine does meanwhile falls on all alike. The ratio is that of the two values
  of one round, and told is the median of the rounds.
- Where the kernel has no ESP, only kernel-libipsec can be measured.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from functools import partial
from statistics import median
from typing import Final

import msgspec

from bench import byhand, ground
from bench.cases import HOSTS
from bench.counts import DEMO
from bench.iperf import Iperf, Load, Span, check, serving
from landbridge.lab.hosts import Host
from landbridge.lab.peer import DataPlane

LANDBRIDGE: Final = "landbridge"
BY_HAND: Final = "by hand"
LIBIPSEC: Final = "landbridge, kernel-libipsec"
LOADS: Final = (Load("TCP"), Load("UDP, 64 bytes", 64), Load("UDP, 1,300 bytes", 1300))
VERSION: Final = 2  # of IKE


class Row(msgspec.Struct, frozen=True):
    """`values`: of every round, by who carried it."""

    load: str
    unit: str
    backward: bool
    values: dict[str, list[float]]

    def middle(self, who: str) -> float | None:
        """None: it was not measured."""
        return median(self.values[who]) if who in self.values else None

    def ratio(self, one: str, other: str) -> float | None:
        """Of `one` to `other`: the median of the rounds' ratios."""
        if one not in self.values or other not in self.values:
            return None
        pairs = zip(self.values[one], self.values[other], strict=True)
        return median(first / second for first, second in pairs)


def contenders(data_plane: DataPlane, has_esp: bool) -> tuple[str, ...]:
    by_kernel = (LANDBRIDGE, BY_HAND) if has_esp else ()
    return {
        "auto": (*by_kernel, LIBIPSEC),
        "netlink": by_kernel,
        "libipsec": (LIBIPSEC,),
    }[data_plane]


def measure(
    who: tuple[str, ...], told: Callable[[str], None], *, rounds: int, seconds: int
) -> list[Row]:
    """`told` is called with a line for each round. Raises: LabError."""
    check()
    rows = [
        Row(load.name, load.unit, backward, {each: [] for each in who})
        for load in LOADS
        for backward in (False, True)
    ]
    loads = {load.name: load for load in LOADS}
    with _standing(who) as tunnels:
        for turn in range(rounds):
            order = who if turn % 2 == 0 else who[::-1]
            for row in rows:
                for each in order:
                    load = loads[row.load]
                    value = tunnels[each].measure(load, backward=row.backward, seconds=seconds)
                    row.values[each].append(value)
            told(f"round {turn + 1} of {rounds}")
    return rows


@contextmanager
def _standing(who: tuple[str, ...]) -> Iterator[Mapping[str, Iperf]]:
    made: dict[str, Callable[[], AbstractContextManager[Span]]] = {
        LANDBRIDGE: partial(_landbridge, "netlink"),
        BY_HAND: _by_hand,
        LIBIPSEC: partial(_landbridge, "libipsec"),
    }
    with ExitStack() as stack:
        spans = {each: stack.enter_context(made[each]()) for each in who}
        yield {each: stack.enter_context(serving(span)) for each, span in spans.items()}


@contextmanager
def _by_hand() -> Iterator[Span]:
    with byhand.standing() as made:
        yield made.span


@contextmanager
def _landbridge(data_plane: DataPlane) -> Iterator[Span]:
    with ground.standing(0.0, data_plane) as sites:
        ground.begin(sites, VERSION)
        (flow,) = (flow for flow in sites.flows if flow.name == DEMO)
        yield Span(Host(flow.left.namespace), Host(flow.right.namespace), HOSTS[DEMO])
