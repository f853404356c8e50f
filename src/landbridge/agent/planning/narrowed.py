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

from landbridge.agent.daemon.naming import names_of, plain
from landbridge.agent.daemon.observe import ChildSa
from landbridge.agent.planning import steps as do
from landbridge.agent.planning.cover import carries, uncovered
from landbridge.agent.planning.memory import attempt_key
from landbridge.agent.planning.steps import Step
from landbridge.agent.planning.target import ChildConfig
from landbridge.agent.planning.view import View
from landbridge.courses import Disruption

OFTEN: Final = 6  # attempts; after them
_SELDOM: Final = 45.0  # more seconds pass between two
_LOOK_AGAIN: Final = 0.5


def widen(view: View, allowed: int) -> Iterator[Step]:
    """`allowed`: exchanges that may still be begun."""
    idle = not (view.missing or view.busy or view.memory.resting)
    room = allowed
    for config in view.target.children:
        instances = [child for child in view.wanted if plain(child.name) == config.name]
        if idle and view.target.may_initiate and uncovered(config.pairs, instances):
            for step in _ask_again(view, config, instances, room):
                room -= isinstance(step, do.Initiate)
                yield step
        for child in instances:
            if child.unique_id not in view.memory.ending_children:
                yield from _retire(view, config, child, instances)


def _ask_again(
    view: View, config: ChildConfig, instances: list[ChildSa], room: int
) -> Iterator[Step]:
    taken = {child.name for child in instances}
    free = [name for name in names_of(config) if name not in taken]
    attempt = view.memory.attempts.get(attempt_key(view.target, config.name))
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


def _retire(
    view: View, config: ChildConfig, child: ChildSa, instances: list[ChildSa]
) -> Iterator[Step]:
    """`child`, when a newer one of the other name carries all that it carries."""
    heirs = [c for c in instances if c.unique_id > child.unique_id and c.name != child.name]
    carried = [pair for pair in config.pairs if carries(child, pair)]
    if not heirs or uncovered(carried, heirs):
        return
    since = view.memory.live_since
    ready = max(since.get(heir.unique_id, view.now) for heir in heirs) + view.grace
    yield do.RetireChild(unique_id=child.unique_id) if ready <= view.now else do.Wait(until=ready)
