"""Plans for tunnels that share an IKE_SA."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from landbridge.agent.plan.attachment import attached_to, with_attached
from landbridge.agent.tunnels import steps as do
from landbridge.agent.tunnels.desired import Target
from landbridge.model.tunnel import Tunnel
from tests.unit.agent.plans import AES256, BASE, planned, tunnels, up
from tests.unit.agent.tunnels import Charon, child_sa, ike_sa, tunnel

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
