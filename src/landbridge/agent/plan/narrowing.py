"""CHILD_SAs that the peer has narrowed are asked for again; pure.

Rules this module keeps:
- A peer that accepts a part of a CHILD_SA's selectors for all of them narrows it (RFC 7296
  section 2.9; strongSwan with IKEv1, too): it is up, and carries less than is wanted. When the
  peer follows, only a new CHILD_SA can carry the rest.
- charon suppresses a second CHILD_SA of the same configuration, so the new one is of its twin:
  another name, and a second more of lifetime. The next one is of the first again.
- The older one is retired when the newer carries all that it carried, after the usual grace.
- With back-off as every attempt; ever more seldom, since a peer may mean it so.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from landbridge.agent.plan.attempts import attempt_key
from landbridge.agent.plan.view import View
from landbridge.agent.tunnels import steps as do
from landbridge.agent.tunnels.coverage import Cover, numbers_of, uncovered
from landbridge.agent.tunnels.desired import ChildConfig
from landbridge.agent.tunnels.naming import names_of
from landbridge.agent.tunnels.observed import ChildSa
from landbridge.agent.tunnels.steps import Step
from landbridge.impact.steps import Disruption

OFTEN: Final = 6  # attempts; after them
_SELDOM: Final = 45.0  # more seconds pass between two
_LOOK_AGAIN: Final = 0.5


def widen(view: View, allowed: int) -> Iterator[Step]:
    """`allowed`: exchanges that may still be begun."""
    idle = not (view.missing or view.busy or view.state.resting)
    room = allowed
    for config in view.target.children:
        instances = view.named(config)
        if idle and view.target.may_initiate and uncovered(config.pairs, instances):
            for step in _ask_again(view, config, instances, room):
                room -= isinstance(step, do.Initiate)
                yield step
        if len({child.name for child in instances}) > 1:
            yield from _retire(view, config, instances)


def _ask_again(
    view: View, config: ChildConfig, instances: list[ChildSa], room: int
) -> Iterator[Step]:
    taken = {child.name for child in instances}
    free = [name for name in names_of(config) if name not in taken]
    attempt = view.state.attempts.get(attempt_key(view.target, config.name))
    due = 0.0
    if attempt is not None:
        due = attempt.retry_at + (_SELDOM if attempt.failures > OFTEN else 0.0)
    if attempt is not None and attempt.open:
        yield do.Wait(until=view.now + _LOOK_AGAIN)
        return
    if not free:
        return
    if view.now < due:
        yield do.Wait(until=due)
    elif room > 0:
        cost = Disruption.REPLACE_CHILD
        yield do.Initiate(name=view.target.name, child=free[0], disruption=cost)


def _retire(view: View, config: ChildConfig, instances: list[ChildSa]) -> Iterator[Step]:
    """Those of which newer ones of the other name carry all that they carry."""
    newest_first = sorted(instances, key=lambda child: -child.unique_id)
    carriers, carried = _who_carries(config, newest_first)
    since = view.state.live_since
    newer: dict[
        str, tuple[int, float]
    ] = {}  # by name: their numbers, and when the last of them began
    for number, child in enumerate(newest_first):
        successors, latest = next((newer[name] for name in newer if name != child.name), (0, 0.0))
        is_carried = successors and all(carriers[pair] & successors for pair in carried[number])
        if is_carried and child.unique_id not in view.state.ending_children:
            yield _when(view, latest + view.grace, do.RetireChild(unique_id=child.unique_id))
        seen, last = newer.get(child.name, (0, 0.0))
        began = since.get(child.unique_id, view.now)
        newer[child.name] = seen | 1 << number, max(last, began)


def _who_carries(config: ChildConfig, children: list[ChildSa]) -> tuple[list[int], list[list[int]]]:
    """Of each pair, who carries it; of each child, which pairs it carries: by their numbers."""
    cover = Cover.of_children(children)
    carriers = [cover.carrying(pair) for pair in config.pairs]
    carried: list[list[int]] = [[] for _ in children]
    for number, found in enumerate(carriers):
        for child in numbers_of(found):
            carried[child].append(number)
    return carriers, carried


def _when(view: View, ready: float, step: Step) -> Step:
    return step if ready <= view.now else do.Wait(until=ready)
