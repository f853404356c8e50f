"""A network of the peer becomes wider (/24 to /22) and narrower again, under traffic."""

from __future__ import annotations

from dataclasses import replace

import pytest

from landbridge.impact.impact import impact
from landbridge.impact.steps import Disruption
from landbridge.lab.hosts import wait_until
from landbridge.lab.peer import PeerConnection
from landbridge.lab.traffic import Traffic
from landbridge.model.status import ReasonCode, TunnelStatus
from landbridge.model.tunnel import Tunnel
from tests.gateway.conftest import PEER_CIDRS, Surroundings, peer_connection
from tests.gateway.early import new_sas
from tests.gateway.gateway import Gateway, changed, is_applied, tunnel
from tests.gateway.test_promise import sas, seen

pytestmark = [
    pytest.mark.gateway,
    pytest.mark.parametrize("version", ["v1", "v2"]),
]

NARROW, WIDE = PEER_CIDRS[0], "10.2.0.0/22"


def theirs(version: str, network: str) -> PeerConnection:
    made = peer_connection(version=int(version[1]))
    return replace(made, children=(replace(made.children[0], local_ts=network),))


def ours(old: Tunnel, network: str) -> Tunnel:
    return changed(old, peer_cidrs=(network,))


def has_not_changed(status: TunnelStatus) -> bool:
    return status.reason is not None and status.reason.code is ReasonCode.PEER_NOT_CHANGED


def names(gateway: Gateway, what: Tunnel) -> int:
    """How many configurations' CHILD_SAs are up."""
    return len({child.name for sa in gateway.sas(what) for child in sa.live_children})


def reqids(gateway: Gateway, what: Tunnel) -> set[int]:
    return {child.reqid for sa in gateway.sas(what) for child in sa.live_children}


def up(surroundings: Surroundings, gateway: Gateway, version: str) -> Tunnel:
    surroundings.remote.peer.start(theirs(version, NARROW))
    wanted = tunnel(version)
    gateway.want(wanted)
    gateway.start()
    gateway.wait_applied(wanted)
    wait_until(surroundings.ping, 15, "packets")
    return wanted


def test_wider_and_narrower(surroundings: Surroundings, gateway: Gateway, version: str) -> None:
    wanted = up(surroundings, gateway, version)
    with Traffic([surroundings.flow()]) as traffic, new_sas(surroundings) as new:
        for network in (WIDE, NARROW):
            surroundings.remote.peer.load(theirs(version, network))
            traffic.restart()
            before, old = sas(gateway, wanted), wanted
            wanted = ours(wanted, network)
            gateway.want(wanted)
            gateway.wait_applied(wanted)
            lost = traffic.restart()["tunnel"]
            assert new.excuses_one_way(lost), f"{new}; {lost}"
            measured = seen(before, sas(gateway, wanted))
            assert impact(old, wanted).disruption == measured == Disruption.REPLACE_CHILD
            assert surroundings.ping(1) is (network == WIDE)


def test_the_new_one_takes_over_what_the_old_ones_policies_match(
    surroundings: Surroundings, gateway: Gateway, version: str
) -> None:
    wanted = up(surroundings, gateway, version)
    (before,) = reqids(gateway, wanted)
    surroundings.remote.peer.load(theirs(version, WIDE))
    wider = ours(wanted, WIDE)
    gateway.want(wider)
    gateway.wait_applied(wider)
    assert reqids(gateway, wider) == {before}
    gateway.stop()  # an agent that begins anew reads what was given
    gateway.start()
    narrow = ours(wider, NARROW)
    surroundings.remote.peer.load(theirs(version, NARROW))
    gateway.want(narrow)
    gateway.wait_applied(narrow)
    assert reqids(gateway, narrow) == {before}


def test_a_peer_that_follows_later(
    surroundings: Surroundings, gateway: Gateway, version: str
) -> None:
    wanted = up(surroundings, gateway, version)
    with Traffic([surroundings.flow()]) as traffic, new_sas(surroundings) as new:
        wider = ours(wanted, WIDE)
        gateway.want(wider)
        status = gateway.wait(wider, has_not_changed)
        assert status.applied_revision == wanted.revision
        surroundings.remote.peer.load(theirs(version, WIDE))
        gateway.wait(wider, is_applied, 25)
        wait_until(lambda: surroundings.ping(1), 5, "packets of the wider network")
        lost = traffic.stop()["tunnel"]
    assert new.excuses_one_way(lost), f"{new}; {lost}"


def test_back_before_the_peer_has_followed(
    surroundings: Surroundings, gateway: Gateway, version: str
) -> None:
    wanted = up(surroundings, gateway, version)
    with Traffic([surroundings.flow()]) as traffic, new_sas(surroundings) as new:
        wider = ours(wanted, WIDE)
        gateway.want(wider)
        gateway.wait(wider, has_not_changed)
        back = ours(wider, NARROW)
        gateway.want(back)
        gateway.wait_applied(back)
        lost = traffic.restart()["tunnel"]
        assert new.excuses_one_way(lost), f"{new}; {lost}"
        wait_until(lambda: names(gateway, back) == 1, 15, "nothing of the wider one is left")
        lost = traffic.restart()["tunnel"]
        assert new.excuses_one_way(lost), f"{new}; {lost}"
        wait_until(surroundings.ping, 1, "packets")
        assert traffic.stop()["tunnel"].lost == 0
