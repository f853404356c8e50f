"""Both ends begin at once: two IKE_SAs with the same networks; one of them goes, under traffic."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from landbridge.agent.plan import duplicates
from landbridge.lab.hosts import Host, wait_until
from landbridge.lab.peer import PeerConnection
from landbridge.lab.traffic import Traffic
from landbridge.model.status import TunnelState
from landbridge.model.tunnel import Tunnel
from tests.gateway.conftest import Surroundings, peer_connection
from tests.gateway.gateway import Gateway, tunnel

pytestmark = [pytest.mark.gateway]

ANY = "0.0.0.0/0"
BOTH = 2  # IKE_SAs
GONE = 2 * duplicates.SECOND  # seconds, on a busy machine


@pytest.fixture
def far_gateway(farsurroundings_on: Surroundings, tmp_path: Path) -> Iterator[Gateway]:
    made = Gateway(farsurroundings_on, tmp_path / "gw")
    try:
        yield made
    finally:
        made.close()


def peer(version: str, wide: bool) -> PeerConnection:
    made = peer_connection(version=int(version[1]))
    child = replace(made.children[0], local_ts=ANY, remote_ts=ANY) if wide else made.children[0]
    return replace(made, children=(child,))


@contextmanager
def deaf(peer: Host) -> Iterator[None]:
    """A peer that hears nothing of IKE: what both ends have begun stays open until it does."""
    peer.run("nft", "add table inet deaf")
    peer.run("nft", "add chain inet deaf in { type filter hook input priority 0 ; }")
    peer.run("nft", "add rule inet deaf in udp dport { 500, 4500 } drop")
    yield
    peer.run("nft", "delete table inet deaf")


def both_begin(around: Surroundings, gateway: Gateway, version: str, wide: bool) -> Tunnel:
    there = around.remote.peer
    there.start(peer(version, wide))
    wanted = tunnel(version)
    with deaf(there.host):
        gateway.want(wanted)
        gateway.start()
        argv = ("swanctl", "--initiate", "--child", "site-a-0", "--uri", there.uri)
        asked = there.host.start(*argv, log=there.directory / "initiate")
        wait_until(lambda: len(gateway.all_sas()) == BOTH, 20, "both have begun")
    assert asked.wait(30) == 0
    gateway.wait_applied(wanted)
    wait_until(lambda: complete(gateway), 20, "both are complete")
    return wanted


def complete(gateway: Gateway) -> bool:
    """With IKEv1 both CHILD_SAs may be on the same IKE_SA."""
    sas = gateway.all_sas()
    quiet = all(sa.state == "ESTABLISHED" and not sa.tasks | sa.queued for sa in sas)
    return quiet and len(sas) == BOTH == sum(len(sa.children) for sa in sas)


def ikes(gateway: Gateway, wanted: Tunnel) -> int:
    return len(gateway.sas(wanted))


@pytest.mark.parametrize("version", ["v1", "v2"])
@pytest.mark.parametrize("wide", [True, False])
def test_one_of_two_goes(
    farsurroundings_on: Surroundings, far_gateway: Gateway, version: str, wide: bool
) -> None:
    around, gateway = farsurroundings_on, far_gateway
    wanted = both_begin(around, gateway, version, wide)
    assert ikes(gateway, wanted) == BOTH
    with Traffic([around.flow()]) as traffic:
        wait_until(lambda: ikes(gateway, wanted) == 1, GONE, "the second one goes")
        wait_until(lambda: around.remote.peer.installed("site-a-0") == 1, 5, "at the peer, too")
        wait_until(around.ping, 5, "packets")
        lost = traffic.stop()["tunnel"]
    assert lost.backward.lost == 0
    if version == "v1":  # the new CHILD_SA costs one run of packets, as any with IKEv1
        assert lost.forward.lost == lost.forward.longest_run
    else:
        assert lost.forward.lost == 0
    states = [status.state for _, status in gateway.history]
    assert set(states[states.index(TunnelState.UP) :]) == {TunnelState.UP}
    assert gateway.statuses[wanted.id].reason is None
