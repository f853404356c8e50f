"""What becomes of connections on one IKE_SA when it, or its owner, changes or goes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from landbridge.lab.hosts import wait_until
from landbridge.model.status import ReasonCode, TunnelState
from landbridge.model.tunnel import Dpd, Secret, Tunnel
from tests.gateway.conftest import (
    LOCAL_CIDRS,
    PEER_CIDRS,
    PEER_OUTSIDE,
    Surroundings,
)
from tests.gateway.early import new_sas
from tests.gateway.family import BOTH, Family, refused
from tests.gateway.gateway import Gateway

pytestmark = pytest.mark.gateway

OTHER_PEER_OUTSIDE = "198.51.100.3"


@BOTH
@pytest.mark.parametrize("deleted", [False, True], ids=["switched off", "deleted"])
def test_the_owner_goes_and_its_ike_sa_stays_for_those_attached(
    surroundings: Surroundings, gateway: Gateway, version: str, deleted: bool
) -> None:
    family = Family(surroundings, gateway, version)
    before, owner = family.children(1, 2), family.tunnels[0]
    with family.traffic(1, 2) as traffic:
        if deleted:
            gateway.drop(owner.id)
            wait_until(lambda: not gateway.children(owner), 5, "the owner's children are gone")
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
def test_those_attached_to_an_owner_that_has_gone_get_on_without_it(
    surroundings: Surroundings, gateway: Gateway, version: str, deleted: bool
) -> None:
    """A restart of the agent, a peer that ends the IKE_SA, another IKE policy."""
    family = Family(surroundings, gateway, version)
    owner = family.tunnels[0]
    if deleted:
        gateway.drop(owner.id)
        wait_until(lambda: not gateway.children(owner), 5, "the owner's children are gone")
    else:
        off = family.change(0, admin_state_up=False)
        gateway.wait(off, lambda s: s.applied_revision == s.revision)
    before = family.children(1, 2)
    with family.traffic(1, 2) as traffic, new_sas(surroundings) as new:
        gateway.stop()
        gateway.statuses.clear()
        gateway.start()
        gateway.wait_applied(*family.tunnels[1:])
        if not deleted:
            assert family.children(1, 2) == before
        aes256 = msgspec.structs.replace(owner.ike, encryption="aes-256")
        surroundings.remote.peer.change("site-a", proposals="aes256-sha256-modp2048")
        for index in (2, 1):
            family.change(index, ike=aes256)
        gateway.wait_applied(*family.tunnels[1:])
        wait_until(lambda: not gateway.sas(owner), 10, "the old owner's IKE_SA is gone")
        counts = traffic.stop().values()
    assert new.excuses(*counts), f"{new}; {counts}"
    surroundings.remote.peer.terminate("site-a")
    wait_until(lambda: family.carries(1) and family.carries(2), 10, "packets again")
    gateway.wait_applied(*family.tunnels[1:])
    assert len(gateway.all_sas()) == 1


@BOTH
def test_an_owner_that_has_gone_does_not_come_back_for_those_attached(
    surroundings: Surroundings, gateway: Gateway, version: str
) -> None:
    family = Family(surroundings, gateway, version)
    gateway.drop(family.tunnels[0].id)
    wait_until(lambda: not gateway.children(family.tunnels[0]), 5, "it is gone")
    surroundings.remote.peer.terminate("site-a")
    wait_until(lambda: family.carries(1) and family.carries(2), 10, "packets again")
    gateway.wait_applied(*family.tunnels[1:])
    assert not family.carries(0)
    (sa,) = gateway.all_sas()
    owners = {family.tunnels[1].id}
    if version == "v1":
        # Its CHILD_SAs are deleted one by one before the IKE_SA, and may be initiated again on it
        # in between; charon then begins anew with what that IKE_SA was made of.
        owners.add(family.tunnels[0].id)
    assert sa.tunnel_id in owners


IKE_CHANGES: dict[str, tuple[Callable[[Tunnel], dict[str, Any]], dict[str, str]]] = {
    "ike": (
        lambda old: {"ike": msgspec.structs.replace(old.ike, encryption="aes-256")},
        {"proposals": "aes256-sha256-modp2048"},
    ),
    "psk": (lambda _: {"psk": Secret(value="new"), "psk_generation": 2}, {"psk": "new"}),
    "dpd": (lambda _: {"dpd": Dpd(action="hold", interval=20, timeout=90)}, {}),
}


@BOTH
@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0)], ids=["owner first", "owner last"])
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
    with family.traffic(0, 1, 2) as traffic, new_sas(surroundings) as new:
        surroundings.remote.peer.change("site-a", **theirs)
        for index in order:
            family.change(index, **ours(family.tunnels[index]))
        gateway.wait_applied(*family.tunnels)
        wait_until(lambda: len(gateway.all_sas()) == 1, 10, "one IKE_SA")
        counts = traffic.stop().values()
    assert new.excuses(*counts), f"{new}; {counts}"
    assert all(map(set.isdisjoint, before, family.children(0, 1, 2)))
    assert not any(refused(status) for _, status in gateway.history)


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


@BOTH
def test_the_owner_moves_to_another_peer(
    surroundings: Surroundings, gateway: Gateway, version: str
) -> None:
    family = Family(surroundings, gateway, version)
    with family.traffic(1, 2) as traffic, new_sas(surroundings) as new:
        peer = surroundings.remote.peer
        peer.host.address("uplink", f"{OTHER_PEER_OUTSIDE}/24")
        both = f"{PEER_OUTSIDE},{OTHER_PEER_OUTSIDE}"
        peer.change("site-a", local=both, local_id=PEER_OUTSIDE)
        gateway.wait_applied(family.change(0, peer_address=OTHER_PEER_OUTSIDE))
        gateway.wait_applied(*family.tunnels[1:])
        wait_until(lambda: len(gateway.all_sas()) == 2, 10, "an IKE_SA for each peer")
        counts = traffic.stop().values()
    assert new.excuses(*counts), f"{new}; {counts}"
    assert all(map(family.carries, range(3)))
