"""Updates of a live tunnel under traffic: what each attribute costs it, and its sibling."""

from __future__ import annotations

from dataclasses import replace

import pytest

from landbridge.lab.hosts import wait_until
from landbridge.lab.peer import PeerChild
from landbridge.lab.traffic import Traffic
from tests.gateway.conftest import LOCAL_CIDRS, PEER_CIDRS, Surroundings, peer_connection
from tests.gateway.early import new_sas
from tests.gateway.gateway import Gateway, changed, tunnel
from tests.gateway.updates import FREE, pairs_peer

pytestmark = pytest.mark.gateway


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
    with Traffic([surroundings.flow()]) as traffic, new_sas(surroundings) as new:
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
    assert new.excuses(lost), f"{new}; {lost}"
