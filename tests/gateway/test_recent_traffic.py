"""What a gateway tells of a tunnel's last hour: what was carried, and what the peer's end of the
path has lost."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from landbridge.agent.dataplane.dataplane import Backend
from landbridge.agent.reconcile.sampler import Pace
from landbridge.lab.hosts import wait_until
from landbridge.model.diagnosis import TrafficSeries
from landbridge.model.tunnel import Tunnel
from tests.gateway.conftest import Surroundings, peer_connection
from tests.gateway.gateway import Gateway, tunnel

pytestmark = pytest.mark.gateway

#: Of what the peer sends through the tunnel, every second packet is lost behind it.
LOSSY = """
table inet lossy {
  chain out {
    type filter hook output priority 300;
    meta l4proto { esp } numgen inc mod 2 0 drop
    udp dport 4500 @th,64,32 != 0 numgen inc mod 2 0 drop
  }
}
"""


@pytest.fixture
def quick(surroundings: Surroundings, tmp_path: Path) -> Iterator[Gateway]:
    made = Gateway(surroundings, tmp_path / "gw", pace=Pace(every=0.2))
    try:
        yield made
    finally:
        made.close()


def test_what_was_carried_and_what_was_lost(
    surroundings: Surroundings, quick: Gateway, tmp_path: Path
) -> None:
    surroundings.remote.peer.start(peer_connection())
    wanted = tunnel("v2")
    quick.want(wanted)
    quick.start()
    quick.wait_applied(wanted)
    wait_until(surroundings.ping, 15, "packets")
    surroundings.ping(count=10)
    wait_until(lambda: carried(quick, wanted) >= 10, 15, "what was carried is told")
    assert list(quick.recent_traffic(wanted).at) == sorted(quick.recent_traffic(wanted).at)
    rules = tmp_path / "lossy.nft"
    rules.write_text(LOSSY)
    surroundings.remote.peer.host.run("nft", "-f", str(rules))
    surroundings.host.run("ping", "-c", "20", "-i", "0.05", "-W", "1", "10.2.0.10", check=False)
    told = quick.recent_traffic
    if quick.backend is Backend.NETLINK:
        wait_until(lambda: told(wanted).lost_in[-1] >= 9, 15, "what was lost is told")
        assert told(wanted).lost_in[-1] <= 11
    else:
        assert told(wanted).lost_in == ()


def carried(gateway: Gateway, wanted: Tunnel) -> int:
    series: TrafficSeries = gateway.recent_traffic(wanted)
    return min(series.packets_in[-1:] + series.packets_out[-1:], default=0)
