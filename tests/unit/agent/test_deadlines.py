"""When a plan takes down what carries traffic: the operator's deadline, a silent peer, a peer
that another tunnel has found dead."""

from __future__ import annotations

import msgspec
import pytest

from landbridge.agent.charon.connection_config import target
from landbridge.agent.dataplane.dataplane import Backend
from landbridge.agent.plan.attempts import after_look, after_step
from landbridge.agent.plan.planner import plan
from landbridge.agent.tunnels import steps as do
from landbridge.agent.tunnels.desired import Target
from landbridge.agent.tunnels.observed import IkeSa
from landbridge.agent.tunnels.steps import Step
from landbridge.impact.steps import Disruption
from landbridge.model.tunnel import Dpd, Initiator, Tunnel
from tests.unit.agent.tunnels import Charon, tunnel

DEADLINE = 60.0


def planned(one: Tunnel) -> Target:
    return target(one, Backend.LIBIPSEC)


def steps(charon: Charon, wanted: Target, deadline: float = 0.0) -> tuple[Step, ...]:
    charon.state = after_look(charon.state, wanted, charon.actual, charon.now)
    return plan(
        wanted,
        charon.actual,
        charon.loaded,
        charon.state,
        allowed=4,
        now=charon.now,
        update_deadline=deadline,
    )


def settled(one: Tunnel) -> Charon:
    """A charon that runs `one`, and a memory of that."""
    charon, wanted = Charon(), planned(one)
    for _ in range(10):
        for step in steps(charon, wanted):
            charon.take(step, wanted)
        charon.now += 1
    applied = msgspec.structs.replace(charon.state, applied_revision=one.revision)
    charon.state = after_look(applied, wanted, charon.actual, charon.now)
    return charon


def endings(taken: tuple[Step, ...]) -> list[Disruption]:
    kinds = (do.Terminate, do.TerminateChild)
    return [step.disruption for step in taken if isinstance(step, kinds)]


@pytest.mark.parametrize(
    ("deadline", "waited", "forced"),
    [(0.0, 1e6, False), (DEADLINE, DEADLINE - 1, False), (DEADLINE, DEADLINE, True)],
)
@pytest.mark.parametrize("part", ["ike", "esp"])
def test_an_update_is_forced_at_the_deadline_only(
    deadline: float, waited: float, forced: bool, part: str
) -> None:
    one = tunnel(revision=1)
    charon = settled(one)
    charon.agrees = False
    policy = msgspec.structs.replace(getattr(one, part), encryption="aes-256")
    wanted = planned(msgspec.structs.replace(one, revision=2, **{part: policy}))
    assert endings(steps(charon, wanted, deadline)) == []
    charon.now += waited
    assert endings(steps(charon, wanted, deadline)) == [Disruption.INTERRUPT] * forced


def test_when_it_has_been_forced_there_is_no_way_back_to_the_old_secret() -> None:
    one = tunnel(revision=1)
    charon = settled(one)
    charon.agrees = False
    wanted = planned(msgspec.structs.replace(one, revision=2, psk_generation=2))
    for _ in range(3):
        for step in steps(charon, wanted, DEADLINE):
            charon.take(step, wanted)
            charon.state = after_step(
                charon.state, step, charon.now, target=wanted, candidate=wanted
            )
        assert wanted.secret_id in charon.secrets
        charon.now += DEADLINE
    assert charon.secrets == {wanted.secret_id}


def test_a_newer_update_waits_anew() -> None:
    one = tunnel(revision=1)
    charon = settled(one)
    for revision, lifetime in ((2, 1800), (3, 2400)):
        policy = msgspec.structs.replace(one.esp, lifetime=lifetime)
        wanted = planned(msgspec.structs.replace(one, revision=revision, esp=policy))
        assert endings(steps(charon, wanted, DEADLINE)) == []
        charon.now += DEADLINE - 1
    assert endings(steps(charon, wanted, DEADLINE)) == []


@pytest.mark.parametrize("initiator", ["bi-directional", "response-only"])
def test_a_peer_that_only_moves_is_no_update(initiator: Initiator) -> None:
    one = tunnel(revision=1)
    charon = settled(one)
    there = msgspec.structs.replace(one, peer_address="198.51.100.99", initiator=initiator)
    moved = planned(there)
    assert endings(steps(charon, moved, DEADLINE)) == []
    charon.now += 2 * DEADLINE
    assert endings(steps(charon, moved, DEADLINE)) == []


def asking(charon: Charon) -> IkeSa:
    """Its only IKE_SA now waits for the answer of a DPD request."""
    (sa,) = charon.sas.values()
    busy = msgspec.structs.replace(sa, tasks=frozenset({"IKE_DPD"}))
    charon.sas[sa.unique_id] = busy
    return busy


@pytest.mark.parametrize("noticed", [0.0, 1.0])
def test_the_time_out_counts_from_the_probe_not_from_when_it_was_noticed(noticed: float) -> None:
    one = tunnel(revision=1, dpd=Dpd(action="restart", interval=10, timeout=30))
    charon, wanted = settled(one), planned(one)
    sa, probed = asking(charon), charon.now
    probes = {sa.unique_id: probed}
    charon.state = msgspec.structs.replace(charon.state, probed_at=probes)
    charon.now = probed + noticed
    assert endings(steps(charon, wanted)) == []
    charon.now = probed + 19.9
    assert endings(steps(charon, wanted)) == []
    charon.now = probed + 20
    taken = [step for step in steps(charon, wanted) if isinstance(step, do.Terminate)]
    assert [step.dead for step in taken] == [True]


def test_disabled_never_ends_a_silent_one() -> None:
    one = tunnel(revision=1, dpd=Dpd(action="disabled", interval=10, timeout=30))
    charon, wanted = settled(one), planned(one)
    asking(charon)
    steps(charon, wanted)
    charon.now += 1e6
    assert endings(steps(charon, wanted)) == []


def test_the_condemned_are_ended_once() -> None:
    one = tunnel(revision=1)
    charon, wanted = settled(one), planned(one)
    dead_ikes = frozenset(charon.sas)
    charon.state = msgspec.structs.replace(charon.state, dead_ikes=dead_ikes)
    assert endings(steps(charon, wanted)) == [Disruption.INTERRUPT]
    told = dict.fromkeys(dead_ikes, charon.now)
    charon.state = msgspec.structs.replace(charon.state, ending_ikes=told)
    assert endings(steps(charon, wanted)) == []
    charon.sas.clear()
    steps(charon, wanted)
    assert charon.state.dead_ikes == frozenset()
