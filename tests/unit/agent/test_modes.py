"""Which selector mode is in effect, and which CHILD_SAs are not up."""

from __future__ import annotations

import msgspec
import pytest

from landbridge.agent.charon import connection_config
from landbridge.agent.dataplane.dataplane import Backend
from landbridge.agent.plan.attempts import AttemptState
from landbridge.agent.status import selector_mode
from landbridge.agent.status.tunnel_status import MOST_NAMED, observed
from landbridge.agent.tunnels.desired import Target
from landbridge.agent.tunnels.observed import Actual, ChildSa
from landbridge.model.status import Reason, ReasonCode, SelectorMode, Selectors, TunnelState
from landbridge.model.tunnel import IkeVersion
from tests.unit.agent.tunnels import child_sa, ike_sa, tunnel

LOCAL = "10.1.0.0/24"
PEERS = ("10.2.0.0/24", "10.2.1.0/24", "10.2.2.0/24")
SINGLE, SPLIT = SelectorMode.SINGLE, SelectorMode.SPLIT
CLOSED = Reason(code=ReasonCode.PEER_CLOSED, message="The peer has deleted the tunnel.")


def target(*, split: bool, version: IkeVersion = "v2", revision: int = 1) -> Target:
    ike = msgspec.structs.replace(tunnel().ike, version=version)
    made = tunnel(peer_cidrs=PEERS, split_selector=split, revision=revision, ike=ike)
    return connection_config.target(made, Backend.LIBIPSEC)


def sas(*carried: tuple[int, ...]) -> tuple[ChildSa, ...]:
    """One CHILD_SA for each, with these of the peer's networks."""
    return tuple(
        child_sa("x", (LOCAL,), tuple(PEERS[each] for each in peers), number)
        for number, peers in enumerate(carried, 1)
    )


@pytest.mark.parametrize(
    ("wanted", "pairs", "carried", "expected"),
    [
        (SINGLE, 3, [], None),
        (SINGLE, 3, [(0, 1, 2)], SINGLE),
        (SINGLE, 3, [(0, 1), (0, 1, 2)], SINGLE),  # narrowed, and its twin
        (SINGLE, 3, [(0,)], SINGLE),  # narrowed to one
        (SPLIT, 3, [(0,)], SPLIT),  # the others are down
        (SPLIT, 3, [(0,), (1,), (2,)], SPLIT),
        (SINGLE, 3, [(0,), (1,), (2,)], SPLIT),  # not switched yet
        (SPLIT, 3, [(0, 1, 2)], SINGLE),  # not switched yet
        (SINGLE, 3, [(0,), (1,), (2,), (0, 1, 2)], SPLIT),  # in the middle of it
        (SPLIT, 3, [(0,), (0, 1, 2)], SINGLE),
        (SINGLE, 1, [(0,)], SINGLE),  # the same in either mode
        (SPLIT, 1, [(0,)], SPLIT),
        (SINGLE, 1, [(0,), (1,)], SINGLE),  # one network in place of another
    ],
)
def test_the_mode_in_effect(
    wanted: SelectorMode,
    pairs: int,
    carried: list[tuple[int, ...]],
    expected: SelectorMode | None,
) -> None:
    assert selector_mode.in_effect(wanted, pairs, sas(*carried)) is expected


def test_ikev1_always_splits() -> None:
    assert target(split=False, version="v1").selector_mode is SPLIT


@pytest.mark.parametrize(
    ("split", "carried", "missing"),
    [
        (True, [(0,), (1,), (2,)], []),
        (True, [(1,)], [(0,), (2,)]),
        (True, [(0, 1, 2)], []),  # the old one carries them all
        (False, [], [(0, 1, 2)]),
        (False, [(1,)], [(0,), (2,)]),
    ],
)
def test_what_is_missing(
    split: bool, carried: list[tuple[int, ...]], missing: list[tuple[int, ...]]
) -> None:
    expected = tuple(
        Selectors(local=(LOCAL,), remote=tuple(PEERS[each] for each in peers)) for peers in missing
    )
    assert selector_mode.missing(target(split=split), sas(*carried)) == expected


def test_every_child_that_is_down_is_named() -> None:
    wanted = target(split=True)
    up = child_sa(wanted.children[0].name, (LOCAL,), PEERS[:1], 2)
    status = observed(wanted, Actual(sas=(ike_sa(wanted.name, 1, up),)), AttemptState(), None, 0.0)
    assert (status.state, status.selector_mode) == (TunnelState.PARTIAL, SPLIT)
    assert status.reason is not None
    assert status.reason.code is ReasonCode.PARTIAL
    assert status.reason.message == (
        "1 of 3 CHILD_SAs are up. Not up: 10.1.0.0/24 - 10.2.1.0/24, 10.1.0.0/24 - 10.2.2.0/24."
    )
    assert len(status.missing) == 2


def test_very_many_leave_room_for_the_cause() -> None:
    cidrs = tuple(f"10.2.{number}.0/24" for number in range(100))
    wanted = connection_config.target(
        tunnel(peer_cidrs=cidrs, split_selector=True), Backend.LIBIPSEC
    )
    up = child_sa(wanted.children[0].name, (LOCAL,), cidrs[:1], 2)
    status = observed(
        wanted, Actual(sas=(ike_sa(wanted.name, 1, up),)), AttemptState(), CLOSED, 0.0
    )
    assert status.reason is not None
    assert f" and {99 - MOST_NAMED} more. {CLOSED.message}" in status.reason.message
    assert len(status.reason.message) < 1024
    assert len(status.missing) == 99


@pytest.mark.parametrize("cause", [None, CLOSED])
def test_a_peer_that_narrows_has_not_changed(cause: Reason | None) -> None:
    """It has a CHILD_SA for each pair, and we ask for one for all: the old ones go on."""
    old, wanted = target(split=True), target(split=False, revision=2)
    kept = [child_sa(c.name, (LOCAL,), (c.pairs[0].remote,), n) for n, c in enumerate(old.children)]
    narrowed = child_sa(wanted.children[0].name, (LOCAL,), PEERS[:1], 9)
    actual = Actual(sas=(ike_sa(wanted.name, 10, *kept, narrowed),))
    status = observed(wanted, actual, AttemptState(applied_revision=1), cause, 0.0)
    assert (status.state, status.applied_revision) == (TunnelState.UP, 1)
    assert status.selector_mode is SPLIT
    assert status.reason is not None
    assert status.reason.code is ReasonCode.PEER_NOT_CHANGED
    assert "only a part of the networks" in status.reason.message
