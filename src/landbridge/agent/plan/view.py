"""Desired and actual of one tunnel side by side: what a plan is made from; pure.

Rules this module keeps:
- *Current* is of the present IKE configuration, *fresh* of its children as they are wanted now
  (or their twins); all else is *older* or *stale* and goes when it has been replaced.
- With IKEv1 a peer takes a CHILD_SA with the selectors of an earlier one for its rekeying, and
  sends on the newest only; when that one ends it sends nothing more (measured, strongSwan 5.9.8).
  So what a newer one has supplanted is not fresh, and nothing is retired in favour of it.
"""

from __future__ import annotations

from collections.abc import Collection
from functools import cached_property
from typing import Final

from landbridge.agent.plan.attempts import AttemptState, under_way
from landbridge.agent.tunnels.coverage import Cover, numbers_of
from landbridge.agent.tunnels.desired import ChildConfig, Target
from landbridge.agent.tunnels.naming import plain
from landbridge.agent.tunnels.observed import Actual, ChildSa, IkeSa, by_name

GRACE: Final = 0.3  # seconds for packets under way on the old SA, at the least
MOST_GRACE: Final = 3.0
FINISH: Final = 1.0  # seconds that an overtaken attempt gets to come to its end


def supplanted(children: Collection[ChildSa]) -> frozenset[int]:
    """Those with the same selectors as a newer one."""
    newest: dict[object, int] = {}
    for child in children:
        selectors = (child.local_ts, child.remote_ts)
        newest[selectors] = max(child.unique_id, newest.get(selectors, 0))
    return frozenset(child.unique_id for child in children) - frozenset(newest.values())


class View:
    def __init__(self, target: Target, actual: Actual, state: AttemptState, now: float) -> None:
        self.target, self.state, self.now = target, state, now
        self.sas = actual.sas
        self.carrying = actual.carrying
        self.current = tuple(sa for sa in actual.sas if sa.name == target.name)
        self.older = tuple(sa for sa in actual.sas if sa.name != target.name)
        wanted = {child.name for child in target.children}
        live = tuple(child for sa in self.current for child in sa.live_children)
        gone = supplanted(live) if target.version == "v1" else frozenset()
        self.wanted = tuple(child for child in live if plain(child.name) in wanted)
        self.fresh = tuple(child for child in self.wanted if child.unique_id not in gone)
        self.stale_beside = tuple(c for c in live if plain(c.name) not in wanted)
        self.busy = under_way(target, actual)
        names = {plain(child.name) for child in self.fresh}
        self.missing = tuple(child for child in target.children if child.name not in names)

    @property
    def connected(self) -> bool:
        return any(sa.live for sa in self.current)

    @property
    def overtaken(self) -> tuple[IkeSa, ...]:
        """What is half-built for an older configuration, while traffic flows: its peer may have
        it already, and send on it. It is let finish, and replaced as any other."""
        if not self.carrying:
            return ()
        since = self.state.half_open_since
        half = (sa for sa in self.older if sa.young and not sa.foreign)
        return tuple(sa for sa in half if self.now < since.get(sa.unique_id, self.now) + FINISH)

    @property
    def grace(self) -> float:
        return max(GRACE, min(self.state.exchange_took, MOST_GRACE))

    def succeeds(self, child: ChildConfig) -> bool:
        """Whether it will carry what something stale carries, or has the same selectors."""
        return child.key in self._stale_keys or any(
            self._stale.touching((pair.local,), (pair.remote,)) for pair in child.pairs
        )

    def is_awaited(self, child: ChildSa) -> bool:
        """Whether something missing will carry what `child` carries, or has its selectors."""
        return child.key in self._missing_keys or bool(
            self._missing_pairs.touching(child.local_ts, child.remote_ts)
        )

    def is_missing(self, key: str) -> bool:
        return key in self._missing_keys

    def named(self, config: ChildConfig) -> list[ChildSa]:
        """What of the wanted children is of this configuration, or of its twin."""
        return self._by_name.get(config.name, [])

    def ready_at(self, child: ChildSa) -> float:
        """When what `child` carries and is still wanted may go on without it; inf: not yet."""
        touched = self._pairs.touching(child.local_ts, child.remote_ts)
        return max((self._carried_at[number] for number in numbers_of(touched)), default=0.0)

    @cached_property
    def _by_name(self) -> dict[str, list[ChildSa]]:
        return by_name(self.wanted)

    @cached_property
    def _stale(self) -> Cover:
        return Cover.of_children(self.stale_beside)

    @cached_property
    def _stale_keys(self) -> frozenset[str]:
        return frozenset(child.key for child in self.stale_beside)

    @cached_property
    def _missing_keys(self) -> frozenset[str]:
        return frozenset(child.key for child in self.missing)

    @cached_property
    def _missing_pairs(self) -> Cover:
        return Cover.of_pairs(pair for child in self.missing for pair in child.pairs)

    @cached_property
    def _pairs(self) -> Cover:
        return Cover.of_pairs(self.target.pairs)

    @cached_property
    def _carried_at(self) -> list[float]:
        """Of each pair that is wanted: when what is fresh has carried it for long enough."""
        fresh = Cover.of_children(self.fresh)
        since = self.state.live_since
        ready = [since.get(each.unique_id, self.now) + self.grace for each in self.fresh]
        return [
            max(ready[n] for n in numbers_of(fresh.touching((pair.local,), (pair.remote,))))
            if fresh.carrying(pair)
            else float("inf")
            for pair in self.target.pairs
        ]
