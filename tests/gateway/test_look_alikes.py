"""Connections that a peer cannot tell apart share one IKE_SA, and are each by itself on it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import pytest

from landbridge.lab.hosts import wait_until
from landbridge.lab.peer import PeerChild, PeerConnection
from landbridge.lab.traffic import Traffic
from landbridge.model import Dpd, ReasonCode, Secret, Tunnel, TunnelState
from tests.gateway.conftest import (
    LOCAL_CIDRS,
    PEER_CIDRS,
    PEER_OUTSIDE,
    Surroundings,
    peer_connection,
)
from tests.gateway.gateway import Gateway, changed, tunnel

pytestmark = pytest.mark.gateway

OTHER_PEER_OUTSIDE = "198.51.100.3"
BOTH = pytest.mark.parametrize("version", ["v1", "v2"])
NOISE = 15  # packets (2 ms apart) of one direction, of a tunnel that moves to another SA
#: By index of the CIDRs: what each of three connections carries, the host's first.
PAIRS = ((0, 0), (1, 1), (0, 1))
NAMES = ("host", "guest", "other")


@pytest.fixture
def gateway(surroundings: Surroundings, tmp_path: Path) -> Iterator[Gateway]:
    made = Gateway(surroundings, tmp_path / "gw")
    try:
        yield made
    finally:
        made.close()


def peer_of_all(version: str, **fields: Any) -> PeerConnection:
    made = tuple(
        PeerChild(name, PEER_CIDRS[peer], LOCAL_CIDRS[local])
        for name, (local, peer) in zip((*NAMES, "fourth"), (*PAIRS, (1, 0)), strict=True)
    )
    return replace(peer_connection(version=int(version[1])), children=made, **fields)


def of(pair: tuple[int, int], version: str, **fields: Any) -> Tunnel:
    local, peer = pair
    cidrs = {"local_cidrs": (LOCAL_CIDRS[local],), "peer_cidrs": (PEER_CIDRS[peer],)}
    return tunnel(version, **{**cidrs, **fields})


class Family:
    """Connections to one peer that are up, and packets of each."""

    def __init__(
        self, surroundings: Surroundings, gateway: Gateway, version: str, number: int = 3
    ) -> None:
        self.around, self.gateway = surroundings, gateway
        surroundings.remote.peer.start(peer_of_all(version))
        self.tunnels = [of(pair, version) for pair in PAIRS[:number]]
        gateway.want(*self.tunnels)
        gateway.start()
        gateway.wait_applied(*self.tunnels)
        wait_until(lambda: all(map(self.carries, range(number))), 15, "packets of all")

    def carries(self, index: int) -> bool:
        local, peer = PAIRS[index]
        return self.around.host.ping(f"10.2.{peer}.10", source=f"10.1.{local}.10")

    def traffic(self, *indexes: int) -> Traffic:
        return Traffic([self.around.flow(NAMES[index], *PAIRS[index]) for index in indexes])

    def children(self, *indexes: int) -> list[set[int]]:
        return [self.gateway.children(self.tunnels[index]) for index in indexes]

    def change(self, index: int, **changes: Any) -> Tunnel:
        self.tunnels[index] = changed(self.tunnels[index], **changes)
        self.gateway.want(self.tunnels[index])
        return self.tunnels[index]


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


def refused(status: Any) -> bool:
    reason = status.reason
    return reason is not None and reason.code is ReasonCode.COLLISION


@BOTH
@pytest.mark.parametrize("index", [0, 1], ids=["host", "guest"])
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
def test_a_guest_goes_and_comes_and_is_deleted(
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
@pytest.mark.parametrize("deleted", [False, True], ids=["switched off", "deleted"])
def test_the_host_goes_and_its_ike_sa_stays_for_its_guests(
    surroundings: Surroundings, gateway: Gateway, version: str, deleted: bool
) -> None:
    family = Family(surroundings, gateway, version)
    before, host = family.children(1, 2), family.tunnels[0]
    with family.traffic(1, 2) as traffic:
        if deleted:
            gateway.drop(host.id)
            wait_until(lambda: not gateway.children(host), 5, "the host's children are gone")
        else:
            off = family.change(0, admin_state_up=False)
            gateway.wait(off, lambda s: s.applied_revision == s.revision)
        assert not family.carries(0)
        added = family.change(1, local_cidrs=LOCAL_CIDRS, peer_cidrs=PEER_CIDRS[1:])
        gateway.wait(added, refused)  # the third one has that pair
        family.change(1, local_cidrs=LOCAL_CIDRS[1:], split_selector=True)
        gateway.wait_applied(*family.tunnels[1:])
        if not deleted:
            gateway.wait_applied(family.change(0, admin_state_up=True))
            wait_until(lambda: family.carries(0), 5, "packets again")
        assert family.children(1, 2) == before
        assert len(gateway.all_sas()) == 1
        assert all(count.lost == 0 for count in traffic.stop().values())


@BOTH
@pytest.mark.parametrize("deleted", [False, True], ids=["switched off", "deleted"])
def test_guests_of_a_host_that_has_gone_get_on_without_it(
    surroundings: Surroundings, gateway: Gateway, version: str, deleted: bool
) -> None:
    """A restart of the agent, a peer that ends the IKE_SA, another IKE policy."""
    family = Family(surroundings, gateway, version)
    host = family.tunnels[0]
    if deleted:
        gateway.drop(host.id)
        wait_until(lambda: not gateway.children(host), 5, "the host's children are gone")
    else:
        off = family.change(0, admin_state_up=False)
        gateway.wait(off, lambda s: s.applied_revision == s.revision)
    before = family.children(1, 2)
    with family.traffic(1, 2) as traffic:
        gateway.stop()
        gateway.statuses.clear()
        gateway.start()
        gateway.wait_applied(*family.tunnels[1:])
        if not deleted:
            assert family.children(1, 2) == before
        aes256 = msgspec.structs.replace(host.ike, encryption="aes-256")
        surroundings.remote.peer.change("site-a", proposals="aes256-sha256-modp2048")
        for index in (2, 1):
            family.change(index, ike=aes256)
        gateway.wait_applied(*family.tunnels[1:])
        wait_until(lambda: not gateway.sas(host), 10, "the old host's IKE_SA is gone")
        for count in traffic.stop().values():
            assert count.forward.lost <= NOISE
            assert count.backward.lost <= NOISE
    surroundings.remote.peer.terminate("site-a")
    wait_until(lambda: family.carries(1) and family.carries(2), 10, "packets again")
    gateway.wait_applied(*family.tunnels[1:])
    assert len(gateway.all_sas()) == 1


@BOTH
def test_a_host_that_has_gone_does_not_come_back_for_its_guests(
    surroundings: Surroundings, gateway: Gateway, version: str
) -> None:
    family = Family(surroundings, gateway, version)
    gateway.drop(family.tunnels[0].id)
    wait_until(lambda: not gateway.children(family.tunnels[0]), 5, "it is gone")
    surroundings.remote.peer.terminate("site-a")
    wait_until(lambda: family.carries(1) and family.carries(2), 10, "packets again")
    gateway.wait_applied(*family.tunnels[1:])
    (sa,) = gateway.all_sas()
    assert sa.tunnel_id == family.tunnels[1].id


IKE_CHANGES: dict[str, tuple[Callable[[Tunnel], dict[str, Any]], dict[str, str]]] = {
    "ike": (
        lambda old: {"ike": msgspec.structs.replace(old.ike, encryption="aes-256")},
        {"proposals": "aes256-sha256-modp2048"},
    ),
    "psk": (lambda _: {"psk": Secret(value="new"), "psk_generation": 2}, {"psk": "new"}),
    "dpd": (lambda _: {"dpd": Dpd(action="hold", interval=20, timeout=90)}, {}),
}


@BOTH
@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0)], ids=["host first", "host last"])
@pytest.mark.parametrize("what", IKE_CHANGES)
def test_what_all_share_is_changed_one_after_the_other(
    surroundings: Surroundings,
    gateway: Gateway,
    version: str,
    what: str,
    order: tuple[int, ...],
) -> None:
    family = Family(surroundings, gateway, version)
    ours, theirs = IKE_CHANGES[what]
    before = family.children(0, 1, 2)
    with family.traffic(0, 1, 2) as traffic:
        surroundings.remote.peer.change("site-a", **theirs)
        for index in order:
            family.change(index, **ours(family.tunnels[index]))
        gateway.wait_applied(*family.tunnels)
        wait_until(lambda: len(gateway.all_sas()) == 1, 10, "one IKE_SA")
        for count in traffic.stop().values():
            assert count.forward.lost <= NOISE
            assert count.backward.lost <= NOISE
    assert all(map(set.isdisjoint, before, family.children(0, 1, 2)))
    assert not any(refused(status) for _, status in gateway.history)


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
def test_a_guest_that_fits_no_more_keeps_what_is_up(
    surroundings: Surroundings, gateway: Gateway, version: str
) -> None:
    """The host changes alone; it does not take the old IKE_SA along."""
    family = Family(surroundings, gateway, version, 2)
    before = family.children(1)
    aes256 = msgspec.structs.replace(family.tunnels[0].ike, encryption="aes-256")
    with family.traffic(0, 1) as traffic:
        surroundings.remote.peer.change(
            "site-a", proposals="aes256-sha256-modp2048,aes128-sha256-modp2048"
        )
        gateway.wait_applied(family.change(0, ike=aes256))
        gateway.wait(family.tunnels[1], refused)
        assert family.children(1) == before
        gateway.wait_applied(family.change(1, ike=aes256))
        wait_until(lambda: len(gateway.all_sas()) == 1, 10, "one IKE_SA")
        for count in traffic.stop().values():
            assert count.forward.lost <= NOISE
            assert count.backward.lost <= NOISE


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


@BOTH
def test_they_fall_and_come_back_together(
    surroundings: Surroundings, gateway: Gateway, version: str
) -> None:
    family = Family(surroundings, gateway, version)
    before = family.children(0, 1, 2)
    surroundings.remote.peer.terminate("site-a")
    wait_until(lambda: all(map(set.isdisjoint, before, family.children(0, 1, 2))), 5, "gone")
    gateway.wait_applied(*family.tunnels)
    surroundings.remote.peer.stop()
    for each in family.tunnels[1:]:
        status = gateway.wait(
            each,
            lambda s: s.reason is not None and s.reason.code is ReasonCode.PEER_UNREACHABLE,
            40,
        )
        assert status.reason is not None
        assert f"connection {family.tunnels[0].id}" in status.reason.message
    surroundings.remote.peer.start()
    gateway.wait_applied(*family.tunnels, patience=40)


@BOTH
def test_they_come_back_with_the_old_secret_together(
    surroundings: Surroundings, gateway: Gateway, version: str
) -> None:
    family, peer = Family(surroundings, gateway, version), surroundings.remote.peer
    for index in range(3):
        family.change(index, psk=Secret(value="new"), psk_generation=2)
    for each in family.tunnels:
        gateway.wait(
            each,
            lambda s: s.reason is not None and s.reason.code is ReasonCode.PEER_NOT_CHANGED,
            40,
        )
    before = family.children(0, 1, 2)
    peer.terminate("site-a")
    wait_until(lambda: all(map(set.isdisjoint, before, family.children(0, 1, 2))), 10, "gone")
    wait_until(lambda: all(map(family.carries, range(3))), 40, "packets with the old secret")
    for each in family.tunnels:
        status = gateway.wait(each, lambda s: s.state is TunnelState.UP)
        assert status.applied_revision < status.revision
    peer.change("site-a", psk="new")
    gateway.wait_applied(*family.tunnels, patience=40)
    wait_until(lambda: len(gateway.all_sas()) == 1, 10, "one IKE_SA")


@BOTH
def test_a_dead_peer_is_dead_for_all(
    surroundings: Surroundings, gateway: Gateway, version: str
) -> None:
    family = Family(surroundings, gateway, version)
    for index in range(3):
        family.change(index, dpd=Dpd(action="restart", interval=1, timeout=4))
    gateway.wait_applied(*family.tunnels)
    surroundings.remote.peer.kill()
    for each in family.tunnels:
        status = gateway.wait(each, lambda s: s.state is TunnelState.DOWN, 20)
        assert status.reason is not None
        assert status.reason.code in {ReasonCode.DPD_TIMEOUT, ReasonCode.PEER_UNREACHABLE}
    surroundings.remote.peer.start()
    gateway.wait_applied(*family.tunnels, patience=40)
    assert all(map(family.carries, range(3)))


def test_a_rekeying_is_told_of_its_owner(surroundings: Surroundings, gateway: Gateway) -> None:
    family = Family(surroundings, gateway, "v2")
    (sa,), guest = gateway.all_sas(), family.tunnels[1]
    (child,) = gateway.children(guest)
    gateway.command("rekey", {"child-id": str(child)})
    gateway.wait(guest, lambda s: len(s.events) == 1)
    assert child not in gateway.children(guest)
    gateway.command("rekey", {"ike-id": str(sa.unique_id)})
    for each in family.tunnels:
        last = gateway.wait(each, lambda s: bool(s.events) and "IKE_SA" in s.events[-1].message)
        assert len(last.events) == (2 if each is guest else 1)
    gateway.wait_applied(*family.tunnels)
    assert len(gateway.all_sas()) == 1


@BOTH
@pytest.mark.parametrize("index", [0, 1], ids=["host", "guest"])
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


@BOTH
def test_the_host_moves_to_another_peer(
    surroundings: Surroundings, gateway: Gateway, version: str
) -> None:
    family = Family(surroundings, gateway, version)
    with family.traffic(1, 2) as traffic:
        peer = surroundings.remote.peer
        peer.host.address("uplink", f"{OTHER_PEER_OUTSIDE}/24")
        both = f"{PEER_OUTSIDE},{OTHER_PEER_OUTSIDE}"
        peer.change("site-a", local=both, local_id=PEER_OUTSIDE)
        gateway.wait_applied(family.change(0, peer_address=OTHER_PEER_OUTSIDE))
        gateway.wait_applied(*family.tunnels[1:])
        wait_until(lambda: len(gateway.all_sas()) == 2, 10, "an IKE_SA for each peer")
        for count in traffic.stop().values():
            assert count.forward.lost <= NOISE
            assert count.backward.lost <= NOISE
    assert all(map(family.carries, range(3)))
