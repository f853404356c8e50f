"""CHILD_SAs that a peer has narrowed: asked for again, and never at the cost of what carries."""

from __future__ import annotations

import msgspec
import pytest

from landbridge.agent.charon import connection_config
from landbridge.agent.dataplane.dataplane import Backend
from landbridge.agent.plan.planner import MOST_AT_ONCE
from landbridge.agent.plan.view import supplanted
from landbridge.agent.tunnels import steps as do
from landbridge.agent.tunnels.desired import Target
from landbridge.agent.tunnels.naming import names_of
from landbridge.model.tunnel import IkeVersion, Tunnel
from tests.unit.agent.tunnels import Charon, child_sa, tunnel

LOCAL, NARROW, WIDE = "10.1.0.0/24", "10.2.0.0/24", "10.2.0.0/22"
BOTH = pytest.mark.parametrize("version", ["v1", "v2"])


def wanted(version: IkeVersion, *peers: str, **changes: object) -> Tunnel:
    ike = msgspec.structs.replace(tunnel().ike, version=version)
    return tunnel(ike=ike, peer_cidrs=peers, split_selector=True, **changes)


def planned(desired: Tunnel) -> Target:
    return connection_config.target(desired, Backend.LIBIPSEC)


def run(charon: Charon, target: Target, seconds: float) -> list[do.Step]:
    taken: list[do.Step] = []
    end = charon.now + seconds
    while charon.now < end:
        for step in charon.steps(target):
            charon.take(step, target)
            taken.append(step)
        charon.now += 0.1
    return taken


@pytest.mark.parametrize(
    ("local", "remote", "names"),
    [(LOCAL, NARROW, 2), ("10.1.0.1/32", NARROW, 2), ("10.1.0.1/32", "10.2.0.1/32", 1)],
)
def test_what_can_be_narrowed_has_a_twin(local: str, remote: str, names: int) -> None:
    (child,) = planned(tunnel(local_cidrs=(local,), peer_cidrs=(remote,))).children
    assert len(names_of(child)) == names


def narrowing(target: Target, *left: str) -> Charon:
    """A charon whose peer narrows each wider network to the narrow one of the same place."""
    charon = Charon()
    charon.narrows = dict(zip((pair.remote for pair in target.pairs), left, strict=True))
    return charon


@BOTH
def test_a_narrowed_pair_is_asked_for_again(version: IkeVersion) -> None:
    target = planned(wanted(version, WIDE))
    charon = narrowing(target, NARROW)
    asked = [step for step in run(charon, target, 20) if isinstance(step, do.Initiate)]
    assert len(asked) > 3
    charon.narrows = {}
    run(charon, target, 60)
    assert [child.remote_ts for child in charon.actual.carrying] == [(WIDE,)]


def test_it_is_looked_at_again_while_the_attempt_may_still_be_open() -> None:
    """No event comes when it has settled: a tunnel that is at rest is looked at seldom."""
    target = planned(wanted("v2", WIDE))
    charon = narrowing(target, NARROW)
    for step in charon.steps(target):
        charon.take(step, target)
    waits = [step for step in charon.steps(target) if isinstance(step, do.Wait)]
    assert waits
    assert min(each.until for each in waits) <= charon.now + 1


def test_no_more_are_asked_for_at_once_than_a_peer_bears() -> None:
    peers = tuple(f"10.2.{4 * number}.0/22" for number in range(8))
    target = planned(wanted("v2", *peers))
    charon = narrowing(target, *(each.replace("/22", "/24") for each in peers))
    run(charon, target, 2)
    charon.now += 60
    steps = charon.steps(target)
    assert 0 < sum(isinstance(step, do.Initiate) for step in steps) <= MOST_AT_ONCE


def test_of_equal_selectors_the_newest_counts() -> None:
    children = [
        child_sa(name, (LOCAL,), (remote,), number)
        for number, (name, remote) in enumerate((("a", NARROW), ("b", NARROW), ("c", WIDE)), 1)
    ]
    assert supplanted(children) == {1}


@pytest.mark.parametrize(("version", "made"), [("v1", 1), ("v2", 0)])
def test_the_way_back_from_a_narrowed_one(version: IkeVersion, made: int) -> None:
    """With IKEv1 the newer one has taken the older one's place at the peer."""
    before = wanted(version, NARROW)
    old, wide = planned(before), planned(wanted(version, WIDE, revision=2))
    back = planned(msgspec.structs.replace(before, revision=3))
    charon = Charon()
    run(charon, old, 2)
    charon.narrows = {WIDE: NARROW}
    run(charon, wide, 0.5)
    assert len(charon.actual.carrying) > 1
    taken = run(charon, back, 5)
    assert sum(isinstance(step, do.Initiate) for step in taken) == made
    (kept,) = {child.name for child in charon.actual.carrying}
    assert kept == back.children[0].name
    if made:
        first = next(n for n, step in enumerate(taken) if isinstance(step, do.RetireChild))
        assert any(isinstance(step, do.Initiate) for step in taken[:first])
