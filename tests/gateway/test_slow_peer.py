"""An IKEv1 peer that computes for a tenth of a second before it has installed its SAs."""

from __future__ import annotations

from dataclasses import replace

import msgspec
import pytest

from landbridge.lab.hosts import wait_until
from landbridge.lab.traffic import Traffic
from tests.gateway.conftest import Surroundings, peer_connection
from tests.gateway.gateway import Gateway, changed, tunnel

pytestmark = pytest.mark.gateway

RATE = 1000  # packets a second
PAUSE = 0.1  # seconds; the first packets wait longer than it computes
FEW = 15  # what a busy machine loses; without our waiting it would be a hundred
GROUP, WORD = "group18", "modp8192"


def test_nothing_is_lost_while_it_computes(surroundings: Surroundings, gateway: Gateway) -> None:
    theirs, ours = peer_connection(version=1), tunnel("v1")
    surroundings.remote.peer.start(theirs)
    gateway.want(ours)
    gateway.start()
    gateway.wait_applied(ours)
    wait_until(surroundings.ping, 15, "packets through the tunnel")
    children = [replace(c, esp_proposals=f"aes128-sha256-{WORD}") for c in theirs.children]
    with Traffic([surroundings.flow()], rate=RATE) as traffic:
        surroundings.remote.peer.load(replace(theirs, children=tuple(children)))
        traffic.restart()
        longer = changed(ours, esp=msgspec.structs.replace(ours.esp, pfs_group=GROUP))
        gateway.want(longer)
        gateway.wait_applied(longer)
        lost = traffic.stop()["tunnel"]
    assert lost.forward.lost <= FEW
    assert lost.forward.longest_gap > PAUSE
