"""Plans: from any state to any state."""

from __future__ import annotations

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from landbridge.agent.status.tunnel_status import applied_revision
from landbridge.agent.tunnels.coverage import uncovered
from landbridge.agent.tunnels.desired import Target
from landbridge.model.tunnel import Tunnel
from tests.unit.agent.plans import converge, is_desired, planned, tunnels
from tests.unit.agent.tunnels import Charon


@settings(max_examples=150)
@given(st.lists(st.one_of(tunnels(), st.none()), min_size=2, max_size=4))
def test_any_state_to_any_state(history: list[Tunnel | None]) -> None:
    charon = Charon()
    before: Target | None = None
    for revision, each in enumerate(history, 1):
        wanted = planned(msgspec.structs.replace(each, revision=revision)) if each else None
        staying = (
            tuple(pair for pair in before.pairs if pair in wanted.pairs)
            if before and wanted and before.admin_state_up and wanted.admin_state_up
            else ()
        )
        converge(charon, wanted, staying)
        assert is_desired(charon, wanted)
        if wanted is not None:
            assert applied_revision(wanted, charon.actual, charon.state) == revision
        before = wanted


@settings(max_examples=100)
@given(tunnels(), tunnels(), tunnels())
def test_the_newest_of_two_updates_wins(first: Tunnel, second: Tunnel, third: Tunnel) -> None:
    charon = Charon()
    converge(charon, planned(first))
    for step in charon.steps(planned(second)):
        charon.take(step, planned(second))
    converge(charon, planned(third))
    assert is_desired(charon, planned(third))


@settings(max_examples=100)
@given(tunnels(), tunnels())
def test_a_restart_of_the_agent_plans_nothing_for_what_is_right(one: Tunnel, two: Tunnel) -> None:
    charon, wanted = Charon(), planned(one)
    converge(charon, wanted)
    charon.state = msgspec.structs.replace(charon.state, live_since={}, attempts={})
    assert charon.steps(wanted) == ()
    converge(charon, planned(two))
    assert is_desired(charon, planned(two))


@settings(max_examples=100)
@given(tunnels(), tunnels())
def test_a_peer_that_refuses_loses_nothing(one: Tunnel, two: Tunnel) -> None:
    one = msgspec.structs.replace(one, admin_state_up=True)
    two = msgspec.structs.replace(two, admin_state_up=True)
    charon, wanted = Charon(), planned(two)
    converge(charon, planned(one))
    staying = tuple(pair for pair in planned(one).pairs if pair in wanted.pairs)
    charon.agrees = False
    for _ in range(20):
        for step in charon.steps(wanted):
            charon.take(step, wanted)
        assert uncovered(staying, charon.actual.carrying) == ()
        charon.now += 1
    charon.agrees = True
    converge(charon, wanted)
    assert is_desired(charon, wanted)
