"""Connections that a peer cannot tell apart share one IKE_SA, and are each by itself on it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import msgspec
import pytest

from landbridge.lab.hosts import wait_until
from landbridge.model.status import ReasonCode, TunnelState
from landbridge.model.tunnel import Dpd, Secret
from tests.gateway.conftest import (
    LOCAL_CIDRS,
    PEER_CIDRS,
    Surroundings,
)
from tests.gateway.early import new_sas
from tests.gateway.family import BOTH, NAMES, PAIRS, Family, of, peer_of_all, refused
from tests.gateway.gateway import Gateway, changed

pytestmark = pytest.mark.gateway


@BOTH
@pytest.mark.parametrize("number", [2, 3])
def test_they_come_up_on_one_ike_sa(
    surroundings: Surroundings, gateway: Gateway, version: str, number: int
) -> None:
    family = Family(surroundings, gateway, version, number)
    (sa,) = gateway.all_sas()
    assert len(sa.children) == number
    assert all(len(children) == 1 for children in family.children(*range(number)))
    for each in family.tunnels:
        status = gateway.statuses[each.id]
        assert (status.state, status.reason, len(status.children)) == (TunnelState.UP, None, 1)
        found = gateway.diagnose(each)
        assert found.config_loaded
        assert [child.unique_id for ike in found.sas for child in ike.children] == list(
            gateway.children(each)
        )
        assert all(ike.current and child.current for ike in found.sas for child in ike.children)


@BOTH
@pytest.mark.parametrize("index", [0, 1], ids=["owner", "attached"])
def test_a_change_of_one_leaves_the_others_alone(
    surroundings: Surroundings, gateway: Gateway, version: str, index: int
) -> None:
    family = Family(surroundings, gateway, version)
    others = [each for each in range(3) if each != index]
    before = family.children(*others)
    with family.traffic(*others) as traffic:
        was = family.tunnels[index]
        for change in (
            {"esp": msgspec.structs.replace(was.esp, lifetime=1800)},
            {"local_cidrs": LOCAL_CIDRS[1:], "peer_cidrs": PEER_CIDRS[:1]},
            {"mtu": 1300},
        ):
            gateway.wait_applied(family.change(index, **change))
            assert len(gateway.children(was)) == 1
            assert family.children(*others) == before
        assert all(count.lost == 0 for count in traffic.stop().values())
    for each in others:
        assert gateway.statuses[family.tunnels[each].id].state is TunnelState.UP


@BOTH
def test_an_attached_one_goes_and_comes_and_is_deleted(
    surroundings: Surroundings, gateway: Gateway, version: str
) -> None:
    family = Family(surroundings, gateway, version)
    before = family.children(0, 2)
    with family.traffic(0, 2) as traffic:
        off = family.change(1, admin_state_up=False)
        status = gateway.wait(off, lambda s: s.applied_revision == s.revision)
        assert status.state is TunnelState.DOWN
        assert gateway.children(off) == set()
        assert not family.carries(1)
        on = family.change(1, admin_state_up=True)
        gateway.wait_applied(on)
        wait_until(lambda: family.carries(1), 5, "packets again")
        gateway.drop(on.id)
        wait_until(lambda: not gateway.sas(on), 5, "deleted")
        assert family.children(0, 2) == before
        assert all(count.lost == 0 for count in traffic.stop().values())


@BOTH
def test_a_restart_of_the_agent_changes_no_sa(
    surroundings: Surroundings, gateway: Gateway, version: str
) -> None:
    family = Family(surroundings, gateway, version)
    before = family.children(0, 1, 2)
    with family.traffic(0, 1, 2) as traffic:
        gateway.stop()
        gateway.statuses.clear()
        gateway.tunnels = dict(reversed(gateway.tunnels.items()))  # they come in any order
        gateway.start()
        gateway.wait_applied(*family.tunnels)
        assert all(count.lost == 0 for count in traffic.stop().values())
    assert family.children(0, 1, 2) == before
    assert len(gateway.all_sas()) == 1


@BOTH
@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"psk": Secret(value="another")}, "another PSK"),
        ({"dpd": Dpd(action="hold", interval=10, timeout=90)}, "its dpd differs"),
        ({"initiator": "response-only"}, "its initiator differs"),
        (
            {"local_cidrs": ("10.1.0.0/16",), "peer_cidrs": PEER_CIDRS},
            "10.1.0.0/16 - 10.2.0.0/24 with 10.1.0.0/24 - 10.2.0.0/24",
        ),
    ],
    ids=["psk", "dpd", "initiator", "cidrs"],
)
def test_what_does_not_fit_is_refused_by_name(
    surroundings: Surroundings,
    gateway: Gateway,
    version: str,
    change: dict[str, Any],
    words: str,
) -> None:
    family = Family(surroundings, gateway, version, 2)
    before = family.children(0, 1)
    odd = of(PAIRS[2], version, **change)
    gateway.want(odd)
    status = gateway.wait(odd, refused)
    assert status.state is TunnelState.ERROR
    assert status.reason is not None
    assert family.tunnels[0].id in status.reason.message
    assert words in status.reason.message
    assert family.children(0, 1) == before
    was = of(PAIRS[2], version)
    mended = changed(odd, **{name: getattr(was, name) for name in change})
    gateway.want(mended)
    gateway.wait_applied(mended)
    assert family.children(0, 1) == before


@BOTH
def test_an_attached_one_that_fits_no_more_keeps_what_is_up(
    surroundings: Surroundings, gateway: Gateway, version: str
) -> None:
    """The owner changes alone; it does not take the old IKE_SA along."""
    family = Family(surroundings, gateway, version, 2)
    before = family.children(1)
    aes256 = msgspec.structs.replace(family.tunnels[0].ike, encryption="aes-256")
    with family.traffic(0, 1) as traffic, new_sas(surroundings) as new:
        surroundings.remote.peer.change(
            "site-a", proposals="aes256-sha256-modp2048,aes128-sha256-modp2048"
        )
        gateway.wait_applied(family.change(0, ike=aes256))
        gateway.wait(family.tunnels[1], refused)
        assert family.children(1) == before
        gateway.wait_applied(family.change(1, ike=aes256))
        wait_until(lambda: len(gateway.all_sas()) == 1, 10, "one IKE_SA")
        counts = traffic.stop().values()
    assert new.excuses(*counts), f"{new}; {counts}"


@BOTH
def test_the_peer_alone_initiates(
    surroundings: Surroundings, gateway: Gateway, version: str
) -> None:
    surroundings.remote.peer.start(peer_of_all(version))
    tunnels = [of(pair, version, initiator="response-only") for pair in PAIRS]
    gateway.want(*tunnels)
    gateway.start()
    for each in tunnels:
        gateway.wait(each, lambda s: s.reason is not None)
    for name in reversed(NAMES):
        surroundings.remote.peer.initiate(name)
    gateway.wait_applied(*tunnels)
    assert [len(gateway.children(each)) for each in tunnels] == [1, 1, 1]
    surroundings.remote.peer.change("site-a", proposals="aes256-sha256-modp2048")
    for index, each in enumerate(tunnels):
        tunnels[index] = changed(each, ike=msgspec.structs.replace(each.ike, encryption="aes-256"))
    gateway.want(*tunnels)  # ends the old IKE_SA: we may not set the new one up beside it
    wait_until(lambda: not gateway.all_sas(), 10, "the old IKE_SA is gone")
    for name in NAMES:
        surroundings.remote.peer.initiate(name)
    gateway.wait_applied(*tunnels)


def test_a_rekeying_is_told_of_its_owner(surroundings: Surroundings, gateway: Gateway) -> None:
    family = Family(surroundings, gateway, "v2")
    (sa,), attached = gateway.all_sas(), family.tunnels[1]
    (child,) = gateway.children(attached)
    gateway.command("rekey", {"child-id": str(child)})
    gateway.wait(attached, lambda s: len(s.events) == 1)
    assert child not in gateway.children(attached)
    gateway.command("rekey", {"ike-id": str(sa.unique_id)})
    for each in family.tunnels:
        last = gateway.wait(each, lambda s: bool(s.events) and "IKE_SA" in s.events[-1].message)
        assert len(last.events) == (2 if each is attached else 1)
    gateway.wait_applied(*family.tunnels)
    assert len(gateway.all_sas()) == 1


@BOTH
@pytest.mark.parametrize("index", [0, 1], ids=["owner", "attached"])
def test_what_the_peer_refuses_of_one_concerns_no_other(
    surroundings: Surroundings, gateway: Gateway, version: str, index: int
) -> None:
    peer, whole = surroundings.remote.peer, peer_of_all(version)
    less = tuple(child for child in whole.children if child.name != NAMES[index])
    peer.start(replace(whole, children=less))
    tunnels = [of(pair, version) for pair in PAIRS]
    gateway.want(*tunnels)
    gateway.start()
    refused_one = tunnels.pop(index)
    gateway.wait_applied(*tunnels)
    status = gateway.wait(
        refused_one,
        lambda s: s.reason is not None and s.reason.code is ReasonCode.TRAFFIC_SELECTOR_MISMATCH,
    )
    assert status.state is TunnelState.BUILDING
    for each in tunnels:
        assert gateway.diagnose(each).reason is None
    peer.load(whole)
    gateway.wait_applied(refused_one)
    assert len(gateway.all_sas()) == 1
