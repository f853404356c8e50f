"""The rules that single steps of a plan keep."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import msgspec
import pytest

from landbridge.agent.charon.connection_config import target
from landbridge.agent.dataplane.dataplane import Backend
from landbridge.agent.plan.attempts import (
    Attempt,
    AttemptState,
    after_look,
    after_step,
    attempt_key,
)
from landbridge.agent.plan.view import FINISH, GRACE
from landbridge.agent.status.tunnel_status import applied_revision, observed
from landbridge.agent.tunnels import steps as do
from landbridge.agent.tunnels.coverage import uncovered
from landbridge.agent.tunnels.observed import Actual
from landbridge.impact.steps import Disruption
from landbridge.model.status import ReasonCode, TunnelState
from landbridge.model.tunnel import Dpd, Tunnel
from tests.unit.agent.plans import AES256, BASE, TWO, V1, converge, disruptions, planned, up
from tests.unit.agent.tunnels import Charon, ike_sa, tunnel

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


def test_what_is_unheard_is_replaced_a_few_at_a_time_and_each_once() -> None:
    many = tunnel(peer_cidrs=tuple(f"10.2.{n}.0/24" for n in range(9)), split_selector=True)
    charon = up(many)
    wanted = planned(many)
    carrying = {child.unique_id for child in charon.actual.carrying}
    charon.state = msgspec.structs.replace(charon.state, unheard=frozenset(carrying))
    replaced: list[int] = []
    while charon.state.unheard:
        found = [step for step in charon.steps(wanted, 4) if isinstance(step, do.Rekey)]
        assert 0 < len(found) <= 4
        for step in found:
            replaced.append(step.unique_id)
            charon.state = after_step(
                charon.state, step, charon.now, target=wanted, candidate=wanted
            )
    assert sorted(replaced) == sorted(carrying)
