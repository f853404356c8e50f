"""A peer that has lost its CHILD_SA and goes on answering on the IKE_SA: ours is replaced."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from landbridge.agent.reconcile.sampler import Pace
from landbridge.lab.hosts import wait_until
from landbridge.lab.traffic import Traffic
from landbridge.model.status import TunnelEventKind, TunnelState
from landbridge.model.tunnel import Tunnel
from tests.gateway.conftest import Surroundings, peer_connection
from tests.gateway.gateway import Gateway, tunnel

pytestmark = pytest.mark.gateway

RATE = 50
SILENCE = """
table ip lost {
    chain out { type filter hook output priority 0; udp sport { 500, 4500 } drop; }
}
"""
UNKNOWN = """
table ip lost {
    chain in {
        type filter hook input priority 0;
        esp spi 0x{spi} drop
        udp dport 4500 @th,64,32 0x{spi} drop
    }
    chain out {
        type filter hook output priority 0;
        esp spi 0x{back} drop
        udp sport 4500 @th,64,32 0x{back} drop
    }
}
""".replace("{\n", "{{\n").replace("}\n", "}}\n")


@pytest.fixture
def gateway(surroundings: Surroundings, tmp_path: Path) -> Iterator[Gateway]:
    made = Gateway(surroundings, tmp_path / "gw", pace=Pace(every=0.2, window=1.0))
    try:
        yield made
    finally:
        made.close()


@pytest.mark.parametrize("version", ["v1", "v2"])
def test_a_child_sa_that_the_peer_has_lost_is_replaced(
    surroundings: Surroundings, gateway: Gateway, version: str
) -> None:
    peer = surroundings.remote.peer
    peer.start(peer_connection(version=int(version[1])))
    ours = tunnel(version)
    gateway.want(ours)
    gateway.start()
    gateway.wait_applied(ours)
    wait_until(surroundings.ping, 15, "packets through the tunnel")
    with Traffic([surroundings.flow()], rate=RATE):
        before = gateway.children(ours)
        lose_child(surroundings, gateway, ours)
        gateway.wait(
            ours, lambda told: any(e.kind is TunnelEventKind.REPLACED for e in told.events)
        )
        wait_until(lambda: bool(gateway.children(ours) - before), 15, "a new CHILD_SA")
        wait_until(surroundings.ping, 15, "packets come back")
    states = [status.state for _, status in gateway.history]
    assert set(states[states.index(TunnelState.UP) :]) == {TunnelState.UP}


def lose_child(surroundings: Surroundings, gateway: Gateway, ours: Tunnel) -> None:
    """With IKEv1 the peer ends its CHILD_SA, and its word of that never arrives. With IKEv2 that
    would be said again: the peer drops what comes on that SPI, as if it did not know it."""
    host = surroundings.remote.peer.host
    if ours.ike.version == "v1":
        host.run("nft", "-f", "-", stdin=SILENCE)
        surroundings.remote.peer.swanctl("--terminate", "--child", "site-a-0")
        host.run("nft", "delete", "table", "ip", "lost")
        return
    ((spi, back),) = {(c.spi_out, c.spi_in) for sa in gateway.sas(ours) for c in sa.children}
    host.run("nft", "-f", "-", stdin=UNKNOWN.format(spi=spi, back=back))
