"""One CHILD_SA for all pairs of networks or one for each: switched under traffic, and told."""

from __future__ import annotations

from dataclasses import replace

import pytest

from landbridge.impact.impact import impact
from landbridge.impact.steps import Disruption
from landbridge.lab.hosts import wait_until
from landbridge.lab.peer import PeerChild, PeerConnection
from landbridge.lab.traffic import FlowCount, Traffic
from landbridge.model.status import ReasonCode, SelectorMode, TunnelState, TunnelStatus
from landbridge.model.tunnel import Tunnel
from tests.gateway.conftest import LOCAL_CIDRS, PEER_CIDRS, Surroundings, peer_connection
from tests.gateway.early import NewSas, new_sas
from tests.gateway.gateway import Gateway, changed, is_applied, tunnel
from tests.gateway.test_promise import sas, seen
from tests.gateway.updates import pairs_peer

pytestmark = pytest.mark.gateway

SINGLE, SPLIT = SelectorMode.SINGLE, SelectorMode.SPLIT
WHOLE = PeerChild("all", ",".join(PEER_CIDRS), LOCAL_CIDRS[0])
PAIRS = ((0, 0), (0, 1))


def peer_of(mode: SelectorMode) -> PeerConnection:
    if mode is SPLIT:
        return pairs_peer("v2", *PAIRS)
    return replace(peer_connection(), children=(WHOLE,))


def peer_of_both() -> PeerConnection:
    split = peer_of(SPLIT)
    return replace(split, children=(WHOLE, *split.children))


def up(surroundings: Surroundings, gateway: Gateway, version: str, mode: SelectorMode) -> Tunnel:
    made = tunnel(version, peer_cidrs=PEER_CIDRS, split_selector=mode is SPLIT)
    gateway.want(made)
    gateway.start()
    gateway.wait_applied(made)
    wait_until(lambda: surroundings.ping(0) and surroundings.ping(1), 15, "packets")
    return made


def both_flows(surroundings: Surroundings) -> Traffic:
    return Traffic([surroundings.flow("one"), surroundings.flow("two", 0, 1)])


def losses(counts: dict[str, FlowCount], new: NewSas) -> list[str]:
    return [] if new.excuses_other_networks(*counts.values()) else [f"{new}; {counts}"]


def mode_of(gateway: Gateway, what: Tunnel) -> SelectorMode | None:
    return gateway.statuses[what.id].selector_mode


@pytest.mark.parametrize("follows", [False, True], ids=["both kinds", "follows"])
def test_the_mode_is_switched_without_a_break(
    surroundings: Surroundings, gateway: Gateway, follows: bool
) -> None:
    peer = surroundings.remote.peer
    peer.start(peer_of(SINGLE) if follows else peer_of_both())
    wanted = up(surroundings, gateway, "v2", SINGLE)
    assert mode_of(gateway, wanted) is SINGLE
    wrong: list[str] = []
    with both_flows(surroundings) as traffic, new_sas(surroundings) as new:
        for mode in (SPLIT, SINGLE, SPLIT, SINGLE):
            if follows:
                peer.load(peer_of(mode))
            traffic.restart()
            before, old = sas(gateway, wanted), wanted
            wanted = changed(wanted, split_selector=mode is SPLIT)
            gateway.want(wanted)
            gateway.wait_applied(wanted)
            wrong += losses(traffic.restart(), new)
            after = sas(gateway, wanted)
            assert impact(old, wanted).disruption == seen(before, after)
            assert seen(before, after) == Disruption.REPLACE_CHILD
            assert not before.children & after.children
            assert len(after.children) == (2 if mode is SPLIT else 1)
            assert mode_of(gateway, wanted) is mode
    assert wrong == []


def test_a_peer_that_has_a_child_for_each_pair_lets_the_old_ones_go_on(
    surroundings: Surroundings, gateway: Gateway
) -> None:
    peer = surroundings.remote.peer
    peer.start(peer_of(SPLIT))
    wanted = up(surroundings, gateway, "v2", SPLIT)
    with both_flows(surroundings) as traffic, new_sas(surroundings) as new:
        single = changed(wanted, split_selector=False)
        gateway.want(single)
        status = gateway.wait(single, lambda s: s.reason is not None)
        assert status.reason is not None
        assert status.reason.code is ReasonCode.PEER_NOT_CHANGED
        assert (status.state, status.applied_revision) == (TunnelState.UP, wanted.revision)
        assert status.selector_mode is SPLIT
        wait_until(lambda: _asked_again(gateway, single), 15, "it is asked for again")
        assert gateway.statuses[single.id].state is TunnelState.UP
        assert mode_of(gateway, single) is SPLIT
        assert losses(traffic.restart(), new) == []
        peer.load(peer_of(SINGLE))
        gateway.wait(single, is_applied, 25)
        assert losses(traffic.stop(), new) == []
    assert mode_of(gateway, single) is SINGLE
    wait_until(lambda: len(gateway.children(single)) == 1, 15, "one CHILD_SA for all")


def _asked_again(gateway: Gateway, what: Tunnel) -> bool:
    """Whether the child that was narrowed has been set up twice."""
    names = {child.name for sa in gateway.sas(what) for child in sa.live_children}
    return any(name.endswith("-twin") for name in names)


def test_a_peer_that_has_one_child_for_all_need_not_change(
    surroundings: Surroundings, gateway: Gateway
) -> None:
    peer = surroundings.remote.peer
    peer.start(peer_of(SINGLE))
    wanted = up(surroundings, gateway, "v2", SINGLE)
    with both_flows(surroundings) as traffic, new_sas(surroundings) as new:
        split = changed(wanted, split_selector=True)
        gateway.want(split)
        gateway.wait_applied(split)
        assert losses(traffic.stop(), new) == []
    assert mode_of(gateway, split) is SPLIT


def test_ikev1_splits_whatever_is_asked_for(surroundings: Surroundings, gateway: Gateway) -> None:
    surroundings.remote.peer.start(pairs_peer("v1", *PAIRS))
    wanted = up(surroundings, gateway, "v1", SINGLE)
    before = sas(gateway, wanted)
    assert mode_of(gateway, wanted) is SPLIT
    with both_flows(surroundings) as traffic:
        for mode in (SPLIT, SINGLE):
            old, wanted = wanted, changed(wanted, split_selector=mode is SPLIT)
            assert impact(old, wanted).disruption is Disruption.NONE
            gateway.want(wanted)
            gateway.wait_applied(wanted)
            assert sas(gateway, wanted) == before
            assert mode_of(gateway, wanted) is SPLIT
        assert {name: count.lost for name, count in traffic.stop().items()} == {"one": 0, "two": 0}


@pytest.mark.parametrize("version", ["v1", "v2"])
def test_each_child_is_up_or_down_by_itself(
    surroundings: Surroundings, gateway: Gateway, version: str
) -> None:
    peer = surroundings.remote.peer
    peer.start(pairs_peer(version, PAIRS[0]))
    wanted = tunnel(version, peer_cidrs=PEER_CIDRS, split_selector=True)
    gateway.want(wanted)
    gateway.start()
    status = gateway.wait(wanted, _half_up)
    wait_until(surroundings.ping, 15, "packets")
    down = f"{LOCAL_CIDRS[0]} - {PEER_CIDRS[1]}"
    assert status.reason is not None
    assert status.reason.message.startswith(f"1 of 2 CHILD_SAs are up. Not up: {down}.")
    assert [each.remote for each in status.missing] == [(PEER_CIDRS[1],)]
    assert status.selector_mode is SPLIT
    found = gateway.diagnose(wanted)
    assert (found.missing, found.selector_mode) == ((down,), SPLIT)
    one = gateway.children(wanted)
    with Traffic([surroundings.flow()]) as traffic:
        peer.load(pairs_peer(version, *PAIRS))
        gateway.wait_applied(wanted, patience=30)
        assert one < gateway.children(wanted)
        wait_until(lambda: surroundings.ping(1), 15, "packets of the other pair")
        told = len(gateway.history)
        peer.swanctl("--terminate", "--child", "c01")
        wait_until(lambda: len(gateway.history) > told, 5, "the tunnel's news")
        assert _half_up(gateway.history[told][1])
        gateway.wait_applied(wanted, patience=30)
        assert one < gateway.children(wanted)
        assert traffic.stop()["tunnel"].lost == 0


def _half_up(status: TunnelStatus) -> bool:
    return status.state is TunnelState.PARTIAL
