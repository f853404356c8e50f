"""A tunnel's life on real charons: up, down, adopted, back again."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from landbridge.lab.hosts import wait_until
from landbridge.lab.traffic import Traffic
from landbridge.model import Dpd, ReasonCode, Secret, TunnelState
from tests.gateway.conftest import Surroundings, peer_connection
from tests.gateway.gateway import Gateway, changed, is_applied, tunnel

pytestmark = pytest.mark.gateway


@pytest.fixture
def gateway(surroundings: Surroundings, tmp_path: Path) -> Iterator[Gateway]:
    made = Gateway(surroundings, tmp_path / "gw")
    try:
        yield made
    finally:
        made.close()


@pytest.mark.parametrize("version", ["v1", "v2"])
def test_comes_up_and_carries_packets(
    surroundings: Surroundings, gateway: Gateway, version: str
) -> None:
    surroundings.remote.peer.start(peer_connection(version=int(version[1])))
    wanted = tunnel(version)
    gateway.want(wanted)
    gateway.start()
    gateway.wait_applied(wanted)
    wait_until(surroundings.ping, 2, "packets through the tunnel")
