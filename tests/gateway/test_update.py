"""Updates of a live tunnel under traffic: what each attribute costs it, and its sibling."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import msgspec
import pytest

from landbridge.lab.hosts import wait_until
from landbridge.lab.peer import PeerChild, PeerConnection
from landbridge.lab.traffic import Traffic
from landbridge.model.objects import Dpd, ReasonCode, Secret, Tunnel, TunnelState
from tests.gateway.conftest import (
    LOCAL_CIDRS,
    PEER_CIDRS,
    PEER_OUTSIDE,
    Surroundings,
    peer_connection,
)
from tests.gateway.gateway import Gateway, changed, is_applied, tunnel

pytestmark = pytest.mark.gateway

#: Packets (2 ms apart) of one direction that the tunnel that changes may lose while one end has
#: installed the new SA and the other, on a busy machine, is about to. What is promised of our
#: direction is counted exactly by test_quick_mode, test_promise and test_zero_loss.
NOISE = 15
OTHER_PEER_OUTSIDE = "198.51.100.3"
SIBLING_IDS = ("sibling-a.example.com", "sibling-b.example.com")


def sibling() -> Tunnel:
    return tunnel(
        local_id=SIBLING_IDS[0],
        peer_id=SIBLING_IDS[1],
        local_cidrs=LOCAL_CIDRS[1:],
        peer_cidrs=PEER_CIDRS[1:],
    )


def sibling_peer() -> PeerConnection:
    return replace(
        peer_connection("sibling", pairs=(1,)), local_id=SIBLING_IDS[1], remote_id=SIBLING_IDS[0]
    )


def ike(**values: Any) -> Callable[[Tunnel], dict[str, Any]]:
    return lambda old: {"ike": msgspec.structs.replace(old.ike, **values)}


def esp(**values: Any) -> Callable[[Tunnel], dict[str, Any]]:
    return lambda old: {"esp": msgspec.structs.replace(old.esp, **values)}


def plain(**values: Any) -> Callable[[Tunnel], dict[str, Any]]:
    return lambda _: values


def children(**values: Any) -> Callable[[PeerConnection], dict[str, Any]]:
    return lambda old: {"children": tuple(replace(child, **values) for child in old.children)}


def fields(**values: Any) -> Callable[[PeerConnection], dict[str, Any]]:
    return lambda _: values


#: One after the other on the same tunnel: what changes with us, and with the peer before.
UPDATES: tuple[tuple[str, Callable[[Tunnel], dict[str, Any]], Any], ...] = (
    ("esp encryption", esp(encryption="aes-256"), children(esp_proposals="aes256-sha256-modp2048")),
    ("esp integrity", esp(integrity="sha512"), children(esp_proposals="aes256-sha512-modp2048")),
    ("pfs", esp(pfs_group="group19"), children(esp_proposals="aes256-sha512-ecp256")),
    ("esp lifetime", esp(lifetime=1800), None),
    ("ike encryption", ike(encryption="aes-256"), fields(proposals="aes256-sha256-modp2048")),
    ("ike group", ike(dh_group="group19"), fields(proposals="aes256-sha256-ecp256")),
    ("ike lifetime", ike(lifetime=7200), None),
    ("dpd interval", plain(dpd=Dpd(action="hold", interval=20, timeout=120)), None),
    ("dpd timeout", plain(dpd=Dpd(action="hold", interval=20, timeout=90)), None),
    ("psk", plain(psk=Secret(value="new"), psk_generation=2), fields(psk="new")),
    ("peer id", plain(peer_id="b.example.com"), fields(local_id="b.example.com")),
    ("local id", plain(local_id="a@example.com"), fields(remote_id="a@example.com")),
    (
        "peer address",
        plain(peer_address=OTHER_PEER_OUTSIDE),
        fields(local=f"{PEER_OUTSIDE},{OTHER_PEER_OUTSIDE}"),
    ),
)
#: What touches no SA at all.
FREE: tuple[tuple[str, dict[str, Any]], ...] = (
    ("name", {"name": "another"}),
    ("mtu", {"mtu": 1300}),
    ("dpd action", {"dpd": Dpd(action="restart", interval=30, timeout=120)}),
    ("initiator", {"initiator": "response-only"}),
)


@pytest.mark.parametrize("version", ["v1", "v2"])
def test_what_charon_need_not_know_touches_no_sa(
    surroundings: Surroundings, gateway: Gateway, version: str
) -> None:
    surroundings.remote.peer.start(peer_connection(version=int(version[1])))
    wanted = tunnel(version)
    gateway.want(wanted)
    gateway.start()
    gateway.wait_applied(wanted)
    before = gateway.children(wanted)
    for _, change in FREE:
        wanted = changed(wanted, **change)
        gateway.want(wanted)
        gateway.wait_applied(wanted)
    assert gateway.children(wanted) == before


def pairs_peer(version: str, *pairs: tuple[int, int]) -> PeerConnection:
    """One child per pair of (local, peer) CIDRs, in our words."""
    made = tuple(
        PeerChild(f"c{local}{remote}", PEER_CIDRS[remote], LOCAL_CIDRS[local])
        for local, remote in pairs
    )
    return replace(peer_connection(version=int(version[1])), children=made)


@pytest.mark.parametrize("version", ["v1", "v2"])
def test_a_cidr_comes_and_goes_beside_the_others(
    surroundings: Surroundings, gateway: Gateway, version: str
) -> None:
    surroundings.remote.peer.start(pairs_peer(version, (0, 0), (0, 1)))
    one = tunnel(version, split_selector=True)
    gateway.want(one)
    gateway.start()
    gateway.wait_applied(one)
    wait_until(surroundings.ping, 15, "packets")
    staying = gateway.children(one)
    with Traffic([surroundings.flow()]) as traffic:
        both = changed(one, peer_cidrs=PEER_CIDRS)
        gateway.want(both)
        gateway.wait_applied(both)
        assert staying < gateway.children(both)
        wait_until(lambda: surroundings.ping(1), 15, "packets of the new CIDR")
        one = changed(both, peer_cidrs=PEER_CIDRS[:1])
        gateway.want(one)
        gateway.wait_applied(one)
        assert gateway.children(one) == staying
        assert traffic.stop()["tunnel"].lost == 0
    assert not surroundings.ping(1)


def test_all_selectors_in_one_child(surroundings: Surroundings, gateway: Gateway) -> None:
    child = PeerChild("all", ",".join(PEER_CIDRS), LOCAL_CIDRS[0])
    surroundings.remote.peer.start(replace(peer_connection(), children=(child,)))
    one = tunnel()
    gateway.want(one)
    gateway.start()
    gateway.wait_applied(one)
    wait_until(surroundings.ping, 15, "packets")
    with Traffic([surroundings.flow()]) as traffic:
        both = changed(one, peer_cidrs=PEER_CIDRS)
        gateway.want(both)
        gateway.wait_applied(both)
        assert len(gateway.children(both)) == 1
        wait_until(lambda: surroundings.ping(1), 15, "packets of the new CIDR")
        split = changed(both, split_selector=True)
        gateway.want(split)
        gateway.wait_applied(split)
        assert len(gateway.children(split)) == 2
        lost = traffic.stop()["tunnel"]
    assert lost.forward.lost <= 2 * NOISE  # of two updates
    assert lost.backward.lost <= 2 * NOISE


@pytest.mark.parametrize("version", ["v1", "v2"])
@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (esp(encryption="aes-256"), children(esp_proposals="aes256-sha256-modp2048")),
        (ike(encryption="aes-256"), fields(proposals="aes256-sha256-modp2048")),
        (plain(psk=Secret(value="new"), psk_generation=2), fields(psk="new")),
    ],
    ids=["esp", "ike", "psk"],
)
def test_the_old_goes_on_until_the_peer_has_changed(
    surroundings: Surroundings, gateway: Gateway, version: str, ours: Any, theirs: Any
) -> None:
    peer = surroundings.remote.peer
    peer.start(peer_connection(version=int(version[1])))
    wanted = tunnel(version)
    gateway.want(wanted)
    gateway.start()
    gateway.wait_applied(wanted)
    wait_until(surroundings.ping, 15, "packets")
    with Traffic([surroundings.flow()]) as traffic:
        new = changed(wanted, **ours(wanted))
        gateway.want(new)
        status = gateway.wait(new, lambda s: s.reason is not None)
        assert status.reason is not None
        assert status.state is TunnelState.UP
        assert status.reason.code is ReasonCode.PEER_NOT_CHANGED
        assert status.applied_revision == wanted.revision
        assert traffic.restart()["tunnel"].lost == 0
        peer.change("site-a", **theirs(peer.connections[0]))
        gateway.wait(new, is_applied, 25)
        lost = traffic.stop()["tunnel"]
    assert lost.forward.lost <= NOISE
    assert lost.backward.lost <= NOISE


def test_back_to_the_old_value_ends_the_waiting(
    surroundings: Surroundings, gateway: Gateway
) -> None:
    surroundings.remote.peer.start(peer_connection())
    wanted = tunnel()
    gateway.want(wanted)
    gateway.start()
    gateway.wait_applied(wanted)
    before = gateway.children(wanted)
    new = changed(wanted, **ike(encryption="aes-256")(wanted))
    gateway.want(new)
    gateway.wait(new, lambda s: s.reason is not None)
    back = changed(new, ike=wanted.ike)
    gateway.want(back)
    gateway.wait_applied(back)
    assert gateway.children(back) == before


def test_restart_in_the_middle_of_an_update(surroundings: Surroundings, gateway: Gateway) -> None:
    peer = surroundings.remote.peer
    peer.start(peer_connection())
    wanted = tunnel()
    gateway.want(wanted)
    gateway.start()
    gateway.wait_applied(wanted)
    gateway.stop()
    new = changed(wanted, **ike(encryption="aes-256")(wanted))
    gateway.want(new)
    gateway.start()
    status = gateway.wait(new, lambda s: s.reason is not None)
    assert (status.state, status.applied_revision) == (TunnelState.UP, 0)
    peer.change("site-a", proposals="aes256-sha256-modp2048")
    gateway.wait(new, is_applied, 25)


@pytest.mark.parametrize(
    ("ours", "theirs", "bound"),
    [
        ({"peer_id": "b.example.com"}, {"local_id": "b.example.com"}, 3.0),
        ({"local_id": "a@b.c"}, {"remote_id": "a@b.c"}, 0.1),
    ],
    ids=["peer id", "local id"],
)
def test_ikev1_identities_that_the_peer_has_not_changed_yet(
    surroundings: Surroundings,
    gateway: Gateway,
    ours: dict[str, Any],
    theirs: dict[str, Any],
    bound: float,
) -> None:
    """Our refusal of the peer's identity ends the old SA at the peer: it is set up again."""
    peer = surroundings.remote.peer
    peer.start(peer_connection(version=1))
    wanted = tunnel("v1")
    gateway.want(wanted)
    gateway.start()
    gateway.wait_applied(wanted)
    wait_until(surroundings.ping, 3, "packets")
    before = gateway.children(wanted)
    with Traffic([surroundings.flow()]) as traffic:
        new = changed(wanted, **ours)
        gateway.want(new)
        gateway.wait(new, lambda s: s.reason is not None)
        if "peer_id" in ours:
            wait_until(lambda: bool(gateway.children(new) - before), 5, "a new SA")
        wait_until(surroundings.ping, 5, "packets with the identities of before")
        gateway.wait(new, lambda s: s.state is TunnelState.UP and s.reason is not None)
        assert not is_applied(gateway.statuses[new.id])
        assert traffic.stop()["tunnel"].forward.longest_gap < bound
    peer.change("site-a", **theirs)
    if "peer_id" in ours:
        peer.swanctl("--terminate", "--ike", "site-a", "--timeout", "-1")
        peer.swanctl("--initiate", "--child", "site-a-0", "--timeout", "-1")
    gateway.wait(new, is_applied, 25)


@pytest.mark.parametrize("version", ["v1", "v2"])
def test_updates_that_overtake_each_other_come_to_an_end_without_a_break(
    surroundings: Surroundings, gateway: Gateway, version: str
) -> None:
    """Each asks for another IKE_SA, faster than one is set up. Every one that is can cost a packet
    or two; none may leave the peer with an SA that we have forgotten."""
    surroundings.remote.peer.start(peer_connection(version=int(version[1])))
    wanted = tunnel(version)
    gateway.want(wanted)
    gateway.start()
    gateway.wait_applied(wanted)
    wait_until(surroundings.ping, 15, "packets")
    with Traffic([surroundings.flow()]) as traffic:
        for lifetime in range(4000, 4060):
            wanted = changed(wanted, ike=msgspec.structs.replace(wanted.ike, lifetime=lifetime))
            gateway.want(wanted)
            gateway.wait(wanted, lambda _: True)  # it has been taken in
        gateway.wait_applied(wanted)
        lost = traffic.stop()["tunnel"]
    assert lost.sent > 100
    assert lost.forward.longest_run <= NOISE
    assert lost.backward.longest_run <= NOISE
