"""What an update that replaces the CHILD_SA loses of our packets while the peer computes its keys.

The greatest groups take it a tenth of a second. IKEv2's answer comes when it has installed its
SAs; IKEv1's peer installs them when it has our last message, and we send on them already.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import msgspec
import pytest

from landbridge.lab.hosts import wait_until
from landbridge.lab.traffic import Traffic
from landbridge.model.tunnel import Tunnel
from tests.gateway.conftest import Surroundings, peer_connection
from tests.gateway.early import new_sas
from tests.gateway.family import BOTH
from tests.gateway.gateway import Gateway, changed, tunnel
from tests.gateway.updates import sibling, sibling_peer

pytestmark = pytest.mark.gateway

GROUPS = {"group18": "modp8192", "group19": "ecp256", "group14": "modp2048"}


@contextmanager
def under_traffic(
    surroundings: Surroundings, gateway: Gateway, version: str
) -> Iterator[tuple[Tunnel, Traffic]]:
    """A tunnel and its sibling, both up."""
    ours, beside = tunnel(version), sibling()
    surroundings.remote.peer.start(peer_connection(version=int(version[1])), sibling_peer())
    gateway.want(ours, beside)
    gateway.start()
    gateway.wait_applied(ours, beside)
    wait_until(surroundings.ping, 15, "packets through the tunnel")
    with Traffic([surroundings.flow(), surroundings.flow("sibling", 1, 1)]) as traffic:
        yield ours, traffic


@BOTH
def test_what_comes_before_the_peer_has_the_sa_is_all_that_is_lost(
    surroundings: Surroundings, gateway: Gateway, version: str
) -> None:
    theirs, wrong = peer_connection(version=int(version[1])), []
    with under_traffic(surroundings, gateway, version) as (wanted, traffic):
        for group, word in GROUPS.items():
            children = (replace(theirs.children[0], esp_proposals=f"aes128-sha256-{word}"),)
            surroundings.remote.peer.load(replace(theirs, children=children), sibling_peer())
            with new_sas(surroundings) as new:
                traffic.restart()
                esp = msgspec.structs.replace(wanted.esp, pfs_group=group)
                gateway.want(changed(wanted, esp=esp))
                gateway.wait_applied(gateway.tunnels[wanted.id])
                counts = traffic.restart()
            if counts["sibling"].lost or not new.allows(version, counts["tunnel"]):
                wrong.append(f"{group}: {new.early} came early, {counts}")
    assert wrong == []


@BOTH
def test_a_break_is_not_excused(surroundings: Surroundings, gateway: Gateway, version: str) -> None:
    with (
        under_traffic(surroundings, gateway, version) as (ours, traffic),
        new_sas(surroundings) as new,
    ):
        off = changed(ours, admin_state_up=False)
        gateway.want(off)
        gateway.wait(off, lambda status: status.applied_revision == off.revision)
        on = changed(off, admin_state_up=True)
        gateway.want(on)
        gateway.wait_applied(on)
        counts = traffic.restart()
    assert not new.allows(version, counts["tunnel"])
    assert counts["sibling"].lost == 0
