"""What is promised of an update is what the plan does, from any tunnel to any other."""

from __future__ import annotations

from itertools import pairwise

import msgspec
from hypothesis import example, given, settings
from hypothesis import strategies as st

from landbridge.agent.tunnels import steps as do
from landbridge.agent.tunnels.coverage import uncovered
from landbridge.agent.tunnels.steps import Step
from landbridge.impact.impact import impact
from landbridge.impact.steps import Disruption, worst
from landbridge.model.tunnel import Tunnel
from tests.unit.agent.plans import is_desired
from tests.unit.agent.tunnels import Charon, tunnel
from tests.unit.impacts import (
    BASE,
    DONE,
    ELSEWHERE,
    MOVED,
    NOT_CHARONS,
    in_both,
    planned,
    run,
    tunnels,
    updates,
)


@settings(max_examples=250)
@given(updates())
@example((BASE, tunnel(peer_cidrs=("10.2.1.0/24",))))
@example((ELSEWHERE, MOVED))
@example((BASE, tunnel(initiator="response-only", peer_cidrs=("10.2.0.0/24", "10.2.1.0/24"))))
def test_what_is_promised_is_what_is_done(update: tuple[Tunnel, Tunnel]) -> None:
    before, after = update
    charon, wanted = Charon(), planned(after)
    run(charon, planned(before))
    promised = impact(before, after)
    taken = run(charon, wanted, in_both(planned(before), wanted))
    assert is_desired(charon, wanted)
    assert worst(step.disruption for step in taken) is promised.disruption
    done = list(dict.fromkeys(DONE[type(step)] for step in taken))
    assert done == [each.step for each in promised.steps if each.step not in NOT_CHARONS]
    assert worst(step.disruption for step in promised.steps) is promised.disruption


@settings(max_examples=100)
@given(st.lists(tunnels(), min_size=2, max_size=4), st.data())
def test_from_any_state_on_the_way_to_any_other(way: list[Tunnel], data: st.DataObject) -> None:
    """Updates come before the last one is done; the newest wins, what stays is carried."""
    charon = Charon()
    run(charon, planned(way[0]))
    for revision, (before, after) in enumerate(pairwise(way), 2):
        wanted = planned(msgspec.structs.replace(after, revision=revision))
        steps = [step for step in charon.steps(wanted) if not isinstance(step, do.Wait)]
        staying = in_both(planned(before), wanted)
        carried = [pair for pair in staying if not uncovered([pair], charon.actual.carrying)]
        for step in steps[: data.draw(st.integers(0, len(steps)))]:
            charon.take(step, wanted)
            broken = uncovered(carried, charon.actual.carrying)
            assert not broken or step.disruption is Disruption.INTERRUPT or _ended(steps), step
    run(charon, planned(way[-1]))
    assert is_desired(charon, planned(way[-1]))


def _ended(steps: list[Step]) -> bool:
    return any(step.disruption is Disruption.INTERRUPT for step in steps)


@settings(max_examples=100)
@given(tunnels())
def test_what_is_the_same_costs_nothing(one: Tunnel) -> None:
    promised = impact(one, msgspec.structs.replace(one, revision=9))
    assert (promised.disruption, promised.steps) == (Disruption.NONE, ())
    assert promised.attributes == ()
