"""Plans: from any state to any state, and the rules that each step keeps."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from landbridge.agent.charon.connection_config import target
from landbridge.agent.dataplane.dataplane import Backend
from landbridge.agent.plan.attachment import attached_to, with_attached
from landbridge.agent.plan.attempts import Attempt, AttemptState, after_look, attempt_key
from landbridge.agent.plan.view import FINISH, GRACE
from landbridge.agent.status.tunnel_status import applied_revision, observed
from landbridge.agent.tunnels import steps as do
from landbridge.agent.tunnels.coverage import uncovered
from landbridge.agent.tunnels.desired import Pair, Target
from landbridge.agent.tunnels.observed import Actual
from landbridge.impact.steps import Disruption
from landbridge.model.objects import Dpd, ReasonCode, Tunnel, TunnelState
from tests.unit.agent.tunnels import Charon, child_sa, ike_sa, tunnel

MOST_PASSES = 60
CIDRS = st.lists(st.integers(0, 3), min_size=1, max_size=3, unique=True)


def planned(wanted: Tunnel) -> Target:
    return target(wanted, Backend.LIBIPSEC)


@st.composite
def tunnels(draw: st.DrawFn) -> Tunnel:
    base = tunnel()
    interval = draw(st.sampled_from((10, 30)))
    return tunnel(
        local_id=draw(st.sampled_from(("198.51.100.1", "a.example.com"))),
        peer_address=draw(st.sampled_from(("198.51.100.2", "198.51.100.3"))),
        psk_generation=draw(st.integers(1, 3)),
        dpd=Dpd(action="hold", interval=interval, timeout=interval * 4),
        ike=msgspec.structs.replace(
            base.ike,
            version=draw(st.sampled_from(("v1", "v2"))),
            encryption=draw(st.sampled_from(("aes-128", "aes-256"))),
        ),
        esp=msgspec.structs.replace(
            base.esp, encryption=draw(st.sampled_from(("aes-128", "aes-256-gcm-16")))
        ),
        local_cidrs=tuple(f"10.1.{n}.0/24" for n in draw(CIDRS)),
        peer_cidrs=tuple(f"10.2.{n}.0/24" for n in draw(CIDRS)),
        split_selector=draw(st.booleans()),
        admin_state_up=draw(st.sampled_from((True, True, True, False))),
        initiator="bi-directional",
    )


def converge(charon: Charon, wanted: Target | None, staying: tuple[Pair, ...] = ()) -> None:
    """Passes until there is nothing to do; `staying` must be carried all the way."""
    interrupted = False
    for _ in range(MOST_PASSES):
        steps = charon.steps(wanted)
        acting = [step for step in steps if not isinstance(step, do.Wait)]
        waits = [step.until for step in steps if isinstance(step, do.Wait)]
        if not acting and not waits:
            return
        for step in acting:
            charon.take(step, wanted)
            interrupted = interrupted or step.disruption is Disruption.INTERRUPT
            assert interrupted or not uncovered(staying, charon.actual.carrying), step
        charon.now = max(charon.now, min(waits)) if waits and not acting else charon.now + 0.01
    raise AssertionError(f"no end: {charon.steps(wanted)}")


def is_desired(charon: Charon, wanted: Target | None) -> bool:
    if wanted is None or not wanted.admin_state_up:
        return not (charon.sas or charon.connections or charon.secrets)
    names = sorted(child.name for child in charon.actual.carrying)
    return (
        names == sorted(child.name for child in wanted.children)
        and {sa.name for sa in charon.sas.values()} == {wanted.name}
        and set(charon.connections) == {wanted.name}
        and charon.connections[wanted.name].digest == wanted.digest
        and charon.secrets == {wanted.secret_id}
    )


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


def up(wanted: Tunnel) -> Charon:
    charon = Charon()
    converge(charon, planned(wanted))
    return charon


def disruptions(charon: Charon, wanted: Tunnel) -> set[Disruption]:
    return {step.disruption for step in charon.steps(planned(wanted))} - {Disruption.NONE}


BASE = tunnel()
V1 = tunnel(ike=msgspec.structs.replace(BASE.ike, version="v1"))
TWO = tunnel(peer_cidrs=("10.2.0.0/24", "10.2.1.0/24"))
AES256 = {"encryption": "aes-256"}
#: What an attribute costs its own tunnel, by version.
COSTS: tuple[tuple[Tunnel, dict[str, Any], set[Disruption]], ...] = (
    (BASE, {"name": "x"}, set()),
    (BASE, {"mtu": 1300}, set()),
    (BASE, {"initiator": "response-only"}, set()),
    (BASE, {"dpd": Dpd(action="restart", interval=30, timeout=120)}, set()),
    (BASE, {"dpd": Dpd(action="hold", interval=20, timeout=120)}, {Disruption.REPLACE_IKE}),
    (BASE, {"dpd": Dpd(action="hold", interval=30, timeout=90)}, set()),
    (V1, {"dpd": Dpd(action="hold", interval=30, timeout=90)}, {Disruption.REPLACE_IKE}),
    (BASE, {"psk_generation": 2}, {Disruption.REPLACE_IKE}),
    (BASE, {"peer_address": "198.51.100.9"}, {Disruption.REPLACE_IKE}),
    (BASE, {"peer_id": "b"}, {Disruption.REPLACE_IKE}),
    (V1, {"peer_id": "b"}, {Disruption.INTERRUPT}),
    (V1, {"local_id": "a"}, {Disruption.INTERRUPT}),
    (BASE, {"ike": msgspec.structs.replace(BASE.ike, **AES256)}, {Disruption.REPLACE_IKE}),
    (BASE, {"ike": V1.ike}, {Disruption.REPLACE_IKE}),
    (BASE, {"esp": msgspec.structs.replace(BASE.esp, **AES256)}, {Disruption.REPLACE_CHILD}),
    (V1, {"esp": msgspec.structs.replace(BASE.esp, **AES256)}, {Disruption.REPLACE_CHILD}),
    (BASE, {"peer_cidrs": ("10.2.0.0/24", "10.2.1.0/24")}, {Disruption.REPLACE_CHILD}),
    (V1, {"peer_cidrs": ("10.2.0.0/24", "10.2.1.0/24")}, set()),
    (BASE, {"split_selector": True}, set()),
    (TWO, {"split_selector": True}, {Disruption.REPLACE_CHILD}),
    (BASE, {"admin_state_up": False}, {Disruption.INTERRUPT}),
)


@pytest.mark.parametrize(("old", "change", "cost"), COSTS)
def test_the_cost_of_a_change(old: Tunnel, change: dict[str, Any], cost: set[Disruption]) -> None:
    new = msgspec.structs.replace(old, revision=2, **change)
    assert disruptions(up(old), new) == cost


def test_a_change_while_we_may_not_initiate_makes_room_for_the_peer() -> None:
    old = tunnel()
    charon = up(old)
    new = tunnel(initiator="response-only", psk_generation=2)
    steps = charon.steps(planned(new))
    assert not any(isinstance(step, do.Initiate) for step in steps)
    assert any(isinstance(step, do.Terminate) for step in steps)


def test_response_only_never_initiates() -> None:
    charon = Charon()
    wanted = planned(tunnel(initiator="response-only"))
    for step in charon.steps(wanted):
        charon.take(step, wanted)
    assert charon.steps(wanted) == ()
    assert set(charon.connections) == {wanted.name}


def test_the_old_is_kept_for_the_grace_period() -> None:
    charon = up(tunnel())
    wanted = planned(tunnel(psk_generation=2))
    for step in charon.steps(wanted):
        charon.take(step, wanted)
    began = charon.now
    (wait,) = [step for step in charon.steps(wanted) if isinstance(step, do.Wait)]
    assert wait.until == began + GRACE
    charon.now = wait.until
    assert any(isinstance(step, do.RetireIke) for step in charon.steps(wanted))


def test_the_old_secret_stays_until_the_new_one_has_authenticated() -> None:
    old = tunnel()
    charon, wanted = up(old), planned(tunnel(psk_generation=2))
    charon.agrees = False
    for _ in range(5):
        for step in charon.steps(wanted):
            charon.take(step, wanted)
        charon.now += 1
    assert charon.secrets == {planned(old).secret_id, wanted.secret_id}
    charon.agrees = True
    converge(charon, wanted)
    assert charon.secrets == {wanted.secret_id}


def test_between_refused_attempts_ikev1_has_the_old_secret_alone() -> None:
    charon = up(V1)
    old, wanted = planned(V1), planned(msgspec.structs.replace(V1, psk_generation=2))
    charon.agrees = False
    seen = set()
    for _ in range(40):
        for step in charon.steps(wanted):
            charon.take(step, wanted)
            if isinstance(step, do.Initiate):
                assert wanted.secret_id in charon.secrets
        seen.add(frozenset(charon.secrets))
        charon.now += 0.3
    assert seen == {frozenset({old.secret_id}), frozenset({old.secret_id, wanted.secret_id})}
    charon.agrees = True
    converge(charon, wanted)
    assert charon.secrets == {wanted.secret_id}


def test_no_more_exchanges_than_allowed_and_the_first_child_alone() -> None:
    wanted = planned(
        tunnel(split_selector=True, peer_cidrs=tuple(f"10.2.{n}.0/24" for n in range(9)))
    )
    charon = Charon()

    def begun(allowed: int) -> int:
        steps = charon.steps(wanted, allowed)
        for step in steps:
            charon.take(step, wanted)
        return sum(isinstance(step, do.Initiate) for step in steps)

    assert begun(0) == 0
    assert begun(4) == 1
    assert begun(4) == 4
    assert begun(2) == 2


def test_failures_are_tried_again_later_and_later() -> None:
    charon, wanted = Charon(), planned(tunnel())
    charon.agrees = False
    times: list[float] = []
    while len(times) < 8:
        for step in charon.steps(wanted):
            charon.take(step, wanted)
            if isinstance(step, do.Initiate):
                times.append(charon.now)
        charon.now += 0.1
    gaps = [after - before for before, after in pairwise(times)]
    assert gaps == sorted(gaps)
    assert gaps[0] < 1.5
    assert gaps[-1] < 17


@pytest.mark.parametrize(
    ("age", "action", "ends"), [(89, "hold", False), (91, "hold", True), (500, "disabled", False)]
)
def test_a_peer_that_does_not_answer_is_dead_after_the_timeout(
    age: float, action: Any, ends: bool
) -> None:
    wanted = planned(tunnel(dpd=Dpd(action=action, interval=30, timeout=120)))
    charon = Charon()
    converge(charon, wanted)
    (sa,) = charon.sas.values()
    charon.sas[sa.unique_id] = msgspec.structs.replace(sa, tasks=frozenset({"IKE_DPD"}))
    charon.steps(wanted)
    charon.now += age
    assert any(isinstance(step, do.Terminate) and step.dead for step in charon.steps(wanted)) is (
        ends
    )


def test_who_is_switched_on_again_is_tried_at_once() -> None:
    """Somebody has looked at it: the failures of before say nothing about now."""
    on = target(tunnel(), Backend.LIBIPSEC)
    off = target(tunnel(admin_state_up=False, revision=2), Backend.LIBIPSEC)
    key = attempt_key(on, on.children[0].name)
    failed = Attempt(started=0.0, open=False, failures=9, retry_at=500.0)
    state = after_look(AttemptState(attempts={key: failed}), on, Actual(), 1.0)
    assert state.attempts == {key: failed}
    assert after_look(state, off, Actual(), 2.0).attempts == {}


def test_a_half_built_sa_is_given_up() -> None:
    charon, wanted = Charon(), planned(tunnel())
    for step in charon.steps(wanted)[:2]:
        charon.take(step, wanted)
    charon.sas[7] = ike_sa(wanted.name, 7, state="CONNECTING")
    assert not any(isinstance(step, do.Initiate) for step in charon.steps(wanted))
    charon.now += 11
    assert do.RetireIke(unique_id=7, force=True) in charon.steps(wanted)


def test_an_overtaken_attempt_is_let_finish_while_traffic_flows() -> None:
    """Its peer may have it already and send on it: to end it here would lose what comes."""
    charon = Charon()
    converge(charon, planned(tunnel()))
    second, third = (
        planned(tunnel(revision=number, peer_address=f"198.51.100.{number}")) for number in (2, 3)
    )
    for step in charon.steps(second)[:2]:
        charon.take(step, second)
    charon.sas[70] = ike_sa(second.name, 70, state="CONNECTING")
    assert not any(isinstance(s, do.RetireIke | do.Initiate) for s in charon.steps(third))
    charon.now += FINISH
    steps = charon.steps(third)
    assert do.RetireIke(unique_id=70, force=True) in steps
    assert any(isinstance(step, do.Initiate) for step in steps)


def test_status_tells_what_is_not_applied() -> None:
    old = tunnel()
    charon, wanted = up(old), planned(tunnel(revision=2, psk_generation=2))
    charon.state = msgspec.structs.replace(charon.state, applied_revision=1)
    charon.agrees = False
    charon.steps(wanted)
    status = observed(wanted, charon.actual, charon.state, None, 0.0)
    assert (status.state, status.applied_revision, status.reason) == (TunnelState.UP, 1, None)
    cold = observed(wanted, Charon().actual, Charon().state, None, 0.0)
    assert cold.state is TunnelState.BUILDING
    assert cold.reason is not None
    assert cold.reason.code is ReasonCode.CONNECTING


def test_a_narrowed_child_is_asked_for_again_until_the_peer_follows() -> None:
    charon = Charon()
    wanted = planned(tunnel(peer_cidrs=("10.2.0.0/24", "10.2.1.0/24")))
    first, second = wanted.pairs
    charon.accepts = frozenset({first})
    asked = 0
    for _ in range(1000):
        steps = charon.steps(wanted)
        asked += sum(isinstance(step, do.Initiate) for step in steps)
        for step in steps:
            charon.take(step, wanted)
        assert not asked or not uncovered([first], charon.actual.carrying)
        charon.now += 0.1
    assert 5 < asked < 12
    assert len(charon.actual.carrying) == 1
    charon.accepts = None
    for _ in range(700):
        for step in charon.steps(wanted):
            charon.take(step, wanted)
            assert not uncovered([first], charon.actual.carrying)
        charon.now += 0.1
    (child,) = charon.actual.carrying
    assert not uncovered([first, second], [child])
    assert not [step for step in charon.steps(wanted) if not isinstance(step, do.Wait)]
    charon.state = msgspec.structs.replace(charon.state, applied_revision=0)
    assert applied_revision(wanted, charon.actual, charon.state) == wanted.revision


def test_what_a_peer_narrows_for_good_is_asked_for_seldom() -> None:
    charon = Charon()
    wanted = planned(tunnel(peer_cidrs=("10.2.0.0/24", "10.2.1.0/24")))
    charon.accepts = frozenset(wanted.pairs[:1])
    times = []
    for _ in range(6000):
        for step in charon.steps(wanted):
            charon.take(step, wanted)
            if isinstance(step, do.Initiate):
                times.append(charon.now)
        charon.now += 0.1
    assert times[-1] - times[-2] > 50


# An IKE_SA that serves several -----------------------------------------------------------

ENDS_IKE = (do.Terminate, do.RetireIke)
CHANGED = tunnel(revision=2, ike=msgspec.structs.replace(BASE.ike, **AES256))
AWAITING = msgspec.structs.replace(CHANGED, initiator="response-only")


def with_others(charon: Charon, *others: str) -> None:
    """Others have children on every IKE_SA there is."""
    for sa in charon.sas.values():
        charon.sas[sa.unique_id] = msgspec.structs.replace(sa, others=frozenset(others))


def all_steps(charon: Charon, wanted: Target | None, seconds: float = 20.0) -> list[do.Step]:
    """What is done meanwhile; the peer has none of our changes."""
    taken: list[do.Step] = []
    charon.agrees = charon.agrees and wanted is not None
    for _ in range(int(seconds * 10)):
        steps = [step for step in charon.steps(wanted) if not isinstance(step, do.Wait)]
        for step in steps:
            charon.take(step, wanted)
        taken += steps
        charon.now += 0.1
    return taken


@settings(max_examples=60)
@given(tunnels(), st.one_of(tunnels(), st.none()))
def test_no_ike_sa_is_ended_that_others_have_children_on(one: Tunnel, two: Tunnel | None) -> None:
    charon = up(msgspec.structs.replace(one, admin_state_up=True))
    with_others(charon, "another")
    served = set(charon.sas)
    wanted = planned(msgspec.structs.replace(two, revision=2)) if two else None
    all_steps(charon, wanted)
    assert served <= charon.sas.keys()
    left = [child for unique_id in served for child in charon.sas[unique_id].children]
    names = {child.name for child in wanted.children} if wanted and two else set()
    assert {child.name for child in left} <= names
    if wanted is None or not wanted.admin_state_up:
        assert left == []


@pytest.mark.parametrize(("others", "agreed", "ends"), [
    ({"another"}, {"another"}, do.Terminate),
    ({"another"}, {"another", "other"}, do.Terminate),
    ({"another", "other"}, {"another"}, do.TerminateChild),
])  # fmt: skip
def test_to_make_room_all_must_want_it(others: set[str], agreed: set[str], ends: type) -> None:
    charon = up(tunnel())
    with_others(charon, *others)
    wanted = msgspec.structs.replace(planned(AWAITING), attached=frozenset(agreed))
    first = [
        step for step in charon.steps(wanted) if isinstance(step, (*ENDS_IKE, do.TerminateChild))
    ]
    assert [type(step) for step in first] == ([do.Terminate] if ends is do.Terminate else [])
    charon.now += 2.1  # it waits for the others, but not for ever
    (step,) = [s for s in charon.steps(wanted) if isinstance(s, (*ENDS_IKE, do.TerminateChild))]
    assert type(step) is ends


@pytest.mark.parametrize("state", ["ESTABLISHED", "CONNECTING"])
def test_an_attached_tunnel_leaves_the_ike_sa_to_its_owner(state: str) -> None:
    owner = planned(tunnel(id="owner", local_cidrs=("10.9.0.0/24",)))
    loaded = with_attached(owner, [planned(BASE)])
    wanted, charon = attached_to(planned(BASE), loaded), Charon()
    asked = {"foreign": True, "tasks": frozenset({"IKE_DPD"})}
    charon.sas[1] = msgspec.structs.replace(ike_sa(owner.name, 1, state=state), **asked)
    older = child_sa(wanted.children[0].name, ("10.1.0.0/24",), ("10.2.0.0/24",), 3)
    charon.sas[2] = msgspec.structs.replace(ike_sa("old.0123456789abcdef", 2, older), **asked)
    for _ in range(300):
        assert all(isinstance(step, do.Wait) for step in charon.steps(wanted))  # not loaded yet
        charon.now += 1
