"""What is promised of an update is what real charons and packets show."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import pytest

from landbridge.impact.impact import impact
from landbridge.impact.steps import Disruption
from landbridge.lab.hosts import wait_until
from landbridge.lab.traffic import FlowCount, Traffic
from landbridge.model.status import TunnelState
from landbridge.model.tunnel import Dpd, DpdAction, Secret, Tunnel
from tests.gateway.conftest import PEER_CIDRS, Surroundings, peer_connection
from tests.gateway.early import NewSas, new_sas
from tests.gateway.gateway import Gateway, changed, is_applied, tunnel
from tests.gateway.updates import (
    children,
    esp,
    fields,
    ike,
    pairs_peer,
    plain,
    sibling,
    sibling_peer,
)

pytestmark = pytest.mark.gateway

OTHER_OUTSIDE = "198.51.100.3"
Make = Callable[[Tunnel], dict[str, Any]]


class Update(NamedTuple):
    """`theirs`: what the peer changes before; None: nothing has to be."""

    what: str
    ours: Make
    theirs: Any = None


def dpd(action: DpdAction, timeout: int = 120, interval: int = 30) -> Make:
    return plain(dpd=Dpd(action=action, interval=interval, timeout=timeout))


#: One after the other on the same tunnel.
UPDATES: tuple[Update, ...] = (
    Update("name", plain(name="another")),
    Update("mtu", plain(mtu=1300)),
    Update("dpd action", dpd("restart")),
    Update("dpd timeout", dpd("restart", timeout=90)),
    Update("dpd interval", dpd("restart", timeout=90, interval=20)),
    Update("dpd disabled", dpd("disabled", timeout=90, interval=20)),
    Update("dpd interval while disabled", dpd("disabled", timeout=90, interval=10)),
    Update("esp lifetime", esp(lifetime=1800)),
    Update(
        "esp encryption",
        esp(encryption="aes-256-gcm-16"),
        children(esp_proposals="aes256gcm16-modp2048"),
    ),
    Update("esp integrity of an AEAD", esp(integrity="sha512")),
    Update("pfs", esp(pfs_group="group19"), children(esp_proposals="aes256gcm16-ecp256")),
    Update("ike lifetime", ike(lifetime=7200)),
    Update(
        "ike encryption",
        ike(encryption="aes-256"),
        fields(proposals="aes256-sha256-modp2048"),
    ),
    Update("psk", lambda t: {"psk": Secret(value="new"), "psk_generation": 2}, fields(psk="new")),
    Update("initiator", plain(initiator="response-only")),
    Update("initiator back", plain(initiator="bi-directional")),
    Update("peer id", plain(peer_id="b.example.com"), fields(local_id="b.example.com")),
    Update("local id", plain(local_id="a.example.com"), fields(remote_id="a.example.com")),
    Update("peer address", plain(peer_address=OTHER_OUTSIDE), fields(local=OTHER_OUTSIDE)),
)


def losses(version: str, what: str, counts: dict[str, FlowCount], new: NewSas) -> list[str]:
    ours, beside = counts["tunnel"], counts["sibling"]
    found = []
    if beside.lost:
        found.append(f"{what}: the sibling lost {beside.lost}")
    if not new.allows(version, ours):
        found.append(f"{what}: of ours {new.early} came early, lost were {ours.forward}")
    if ours.backward.lost > new.early_back:
        found.append(
            f"{what}: of the peer's {new.early_back} came early, lost were {ours.backward}"
        )
    return found


class Sas(NamedTuple):
    ikes: frozenset[int]
    children: frozenset[int]


def sas(gateway: Gateway, what: Tunnel) -> Sas:
    found = gateway.sas(what)
    carrying = (child for sa in found for child in sa.live_children)
    return Sas(
        frozenset(sa.unique_id for sa in found), frozenset(child.unique_id for child in carrying)
    )


def seen(before: Sas, after: Sas) -> str:
    """Which class of disruption the unique ids show."""
    if before == after:
        return Disruption.NONE
    if before.ikes == after.ikes:
        return Disruption.NONE if before.children <= after.children else Disruption.REPLACE_CHILD
    return Disruption.REPLACE_IKE


@pytest.mark.parametrize("version", ["v1", "v2"])
def test_measured_is_promised(surroundings: Surroundings, gateway: Gateway, version: str) -> None:
    peer, beside = surroundings.remote.peer, sibling()
    peer.host.address("uplink", f"{OTHER_OUTSIDE}/24")
    peer.start(peer_connection(version=int(version[1])), sibling_peer())
    wanted = tunnel(version)
    gateway.want(wanted, beside)
    gateway.start()
    gateway.wait_applied(wanted, beside)
    wait_until(lambda: surroundings.ping(0), 15, "packets")
    sibling_sas = sas(gateway, beside)
    wrong: list[str] = []
    with Traffic([surroundings.flow(), surroundings.flow("sibling", 1, 1)]) as traffic:
        for update in UPDATES:
            if update.theirs is not None:
                peer.change("site-a", **update.theirs(peer.connections[0]))
            before, old = sas(gateway, wanted), wanted
            with new_sas(surroundings) as new:
                traffic.restart()
                wanted = changed(wanted, **update.ours(wanted))
                gateway.want(wanted)
                gateway.wait_applied(wanted)
                counts = traffic.restart()
            wrong += losses(version, update.what, counts, new)
            promised, measured = impact(old, wanted).disruption, seen(before, sas(gateway, wanted))
            # A peer that agrees lets even IKEv1's change of identities go well.
            kept = promised is Disruption.INTERRUPT and measured is Disruption.REPLACE_IKE
            if not kept and promised != measured:
                wrong.append(f"{update.what}: promised {promised}, measured {measured}")
    assert wrong == []
    assert sas(gateway, beside) == sibling_sas


@pytest.mark.parametrize("version", ["v1", "v2"])
@pytest.mark.parametrize("split", [False, True])
def test_measured_selectors_are_promised(
    surroundings: Surroundings, gateway: Gateway, version: str, split: bool
) -> None:
    surroundings.remote.peer.start(pairs_peer(version, (0, 0), (0, 1)))
    if version == "v2" and not split:
        whole = children(remote_ts="10.1.0.0/24", local_ts=",".join(PEER_CIDRS))
        surroundings.remote.peer.change("site-a", **whole(surroundings.remote.peer.connections[0]))
    wanted = tunnel(version, split_selector=split)
    gateway.want(wanted)
    gateway.start()
    gateway.wait_applied(wanted)
    wait_until(surroundings.ping, 15, "packets")
    with Traffic([surroundings.flow()]) as traffic, new_sas(surroundings) as new:
        for cidrs in (PEER_CIDRS, PEER_CIDRS[:1]):
            before, old = sas(gateway, wanted), wanted
            wanted = changed(wanted, peer_cidrs=cidrs)
            gateway.want(wanted)
            gateway.wait_applied(wanted)
            after = sas(gateway, wanted)
            promised = impact(old, wanted).disruption
            stayed = before.children <= after.children or after.children <= before.children
            assert before.ikes == after.ikes
            assert stayed is (promised is Disruption.NONE)
            assert promised in (Disruption.NONE, Disruption.REPLACE_CHILD)
            lost = traffic.restart()["tunnel"]
            assert lost.lost == 0 if stayed else new.excuses_other_networks(lost), f"{new}; {lost}"


def test_a_peer_that_narrows_is_asked_again(surroundings: Surroundings, gateway: Gateway) -> None:
    """One CHILD_SA for all, of which the peer knows a part at first."""
    peer = surroundings.remote.peer
    peer.start(peer_connection())
    wanted = tunnel()
    gateway.want(wanted)
    gateway.start()
    gateway.wait_applied(wanted)
    wait_until(surroundings.ping, 15, "packets")
    with Traffic([surroundings.flow()]) as traffic, new_sas(surroundings) as new:
        wanted = changed(wanted, peer_cidrs=PEER_CIDRS)
        gateway.want(wanted)
        status = gateway.wait(wanted, lambda status: status.reason is not None)
        assert (status.state, status.applied_revision) == (TunnelState.PARTIAL, 1)
        peer.change("site-a", **children(local_ts=",".join(PEER_CIDRS))(peer.connections[0]))
        gateway.wait_applied(wanted, patience=25)
        wait_until(lambda: surroundings.ping(1), 15, "packets of the new CIDR")
        lost = traffic.stop()["tunnel"]
    wait_until(lambda: len(gateway.children(wanted)) == 1, 15, "the narrowed CHILD_SA goes")
    assert new.excuses_other_networks(lost), f"{new}; {lost}"


def test_switching_off_is_an_interruption(surroundings: Surroundings, gateway: Gateway) -> None:
    surroundings.remote.peer.start(peer_connection())
    wanted = tunnel()
    gateway.want(wanted)
    gateway.start()
    gateway.wait_applied(wanted)
    off = changed(wanted, admin_state_up=False)
    assert impact(wanted, off).disruption is Disruption.INTERRUPT
    gateway.want(off)
    gateway.wait(off, lambda status: status.applied_revision == off.revision)
    assert sas(gateway, off) == Sas(frozenset(), frozenset())
    on = changed(off, admin_state_up=True)
    assert impact(off, on).disruption is Disruption.NONE
    gateway.want(on)
    gateway.wait(on, is_applied)


def test_a_mode_that_makes_no_difference_changes_nothing(
    surroundings: Surroundings, gateway: Gateway
) -> None:
    """With one pair of networks, splitting is the same configuration to charon."""
    surroundings.remote.peer.start(peer_connection())
    wanted = tunnel()
    gateway.want(wanted)
    gateway.start()
    gateway.wait_applied(wanted)
    before = sas(gateway, wanted)
    split = changed(wanted, split_selector=True)
    assert impact(wanted, split).disruption is Disruption.NONE
    gateway.want(split)
    gateway.wait_applied(split)
    assert sas(gateway, split) == before
