"""The lab's own parts, tried between two foreign peers."""

from __future__ import annotations

from pathlib import Path

import pytest

from landbridge.lab import hosts
from landbridge.lab.delay import long_wire
from landbridge.lab.hosts import Ground, Host, LabError
from landbridge.lab.peer import DataPlane, Peer, PeerChild, PeerConnection, machine_has_esp
from landbridge.lab.site import RemoteSite, remote_site
from landbridge.lab.traffic import End, Flow, Traffic
from tests import dataplane

pytestmark = pytest.mark.gateway


def two_sites(ground: Ground, directory: Path) -> tuple[RemoteSite, RemoteSite]:
    uplink = ground.bridge("up")
    left, right = (
        remote_site(
            ground,
            directory / f"peer{number}",
            uplink=uplink,
            outside=f"198.51.100.{number}/24",
            inside=(f"10.{number}.0.1/24",),
            host=(f"10.{number}.0.10/24",),
            names=(f"peer{number}", f"site{number}"),
            routes=(f"10.{3 - number}.0.0/16",),
            data_plane=dataplane.wanted(),
        )
        for number in (1, 2)
    )
    return left, right


def told_to(site: RemoteSite, data_plane: DataPlane) -> RemoteSite:
    site.peer.data_plane = data_plane
    return site


def connection(number: int, version: int, psk: str = "a shared word") -> PeerConnection:
    other = 3 - number
    child = PeerChild("net", f"10.{number}.0.0/24", f"10.{other}.0.0/24")
    here, there = f"198.51.100.{number}", f"198.51.100.{other}"
    return PeerConnection("site", here, there, psk, (child,), version=version)


@pytest.mark.parametrize("version", [1, 2])
def test_two_peers_carry_traffic_only_through_their_tunnel(
    ground: Ground, tmp_path: Path, version: int
) -> None:
    left, right = two_sites(ground, tmp_path)
    left.peer.start(connection(1, version))
    right.peer.start(connection(2, version))
    assert not left.host.ping(right.address, wait=0.3)

    left.peer.initiate("net")

    assert left.host.ping(right.address, count=3)
    assert (left.peer.installed("net"), right.peer.installed("net")) == (1, 1)
    right.peer.stop()
    assert not left.host.ping(right.address, wait=0.3)


@pytest.mark.parametrize("data_plane", ["netlink", "libipsec"])
def test_a_peer_encrypts_as_it_is_told(
    ground: Ground, tmp_path: Path, data_plane: DataPlane
) -> None:
    left, right = (told_to(site, data_plane) for site in two_sites(ground, tmp_path))
    if data_plane == "netlink" and not machine_has_esp():
        with pytest.raises(LabError, match="no ESP"):
            left.peer.start()
        return
    left.peer.start(connection(1, 2))
    right.peer.start(connection(2, 2))
    left.peer.initiate("net")
    assert left.host.ping(right.address, count=3)
    for site in (left, right):
        by_kernel = "proto esp" in site.peer.host.ip("xfrm", "state")
        assert by_kernel == (data_plane == "netlink")


def test_a_changed_peer_refuses_until_it_is_changed_back(ground: Ground, tmp_path: Path) -> None:
    left, right = two_sites(ground, tmp_path)
    left.peer.start(connection(1, 2))
    right.peer.start(connection(2, 2))
    right.peer.change("site", psk="another word")
    with pytest.raises(LabError, match="initiate failed"):
        left.peer.initiate("net")
    right.peer.change("site", psk="a shared word")
    left.peer.initiate("net")
    assert left.host.ping(right.address)


def test_traffic_counts_every_packet_and_a_loss(ground: Ground) -> None:
    left, right = ground.host("a"), ground.host("b")
    ground.wire(left, "eth0", right, "eth0")
    left.address("eth0", "10.9.0.1/24")
    right.address("eth0", "10.9.0.2/24")
    flow = Flow("wire", End(left.name, "10.9.0.1"), End(right.name, "10.9.0.2"))

    with Traffic([flow], rate=1000, settle=0.3) as traffic:
        hosts.wait_until(lambda: traffic.count()["wire"].forward.sent > 300, 10, "300 packets")
        before = traffic.restart()["wire"]
        right.run("ip", "link", "set", "dev", "eth0", "down")
        hosts.wait_until(lambda: traffic.count()["wire"].forward.lost > 100, 10, "100 losses")
        cut = traffic.stop()["wire"]

    assert before.lost == before.forward.reordered == 0
    assert before.backward.sent > 300
    assert cut.forward.lost >= cut.forward.longest_run > 100
    assert cut.forward.longest_gap > 0.05


def test_a_ground_leaves_nothing_behind(tmp_path: Path) -> None:
    with Ground.unique() as ground:
        left, right = two_sites(ground, tmp_path)
        right.peer.start(connection(2, 2))
        charon = right.peer.pid
        kept_open = left.host.socket()
        bridge = f"{ground.prefix}up"
        assert hosts.link_exists(bridge)
    kept_open.close()
    assert not hosts.link_exists(bridge)
    assert not left.host.exists()
    assert not Path(f"/proc/{charon}").exists()
    assert hosts.run("ip", "-br", "link", "show", "type", "veth").find(ground.prefix) == -1


def test_a_host_that_was_left_behind_is_replaced(ground: Ground) -> None:
    first = Host(f"{ground.prefix}twice")
    hosts.ip("netns", "add", first.name)
    first.ip("link", "add", "leftover", "type", "bridge")
    second = ground.host("twice")
    assert second.name == first.name
    assert "leftover" not in second.ip("-br", "link")


def test_a_peer_that_is_not_running_says_so(ground: Ground, tmp_path: Path) -> None:
    peer = Peer(ground.host("idle"), tmp_path)
    with pytest.raises(LabError, match="not running"):
        _ = peer.pid


def test_a_long_wire_delays_both_ways_and_loses_nothing(ground: Ground) -> None:
    near, far = ground.bridge("near"), ground.bridge("far")
    left, right = ground.host("a"), ground.host("b")
    ground.attach(left, near, "eth0", "10.9.0.1/24")
    ground.attach(right, far, "eth0", "10.9.0.2/24")
    long_wire(ground, near, far, 0.05)
    flow = Flow("wire", End(left.name, "10.9.0.1"), End(right.name, "10.9.0.2"))
    hosts.wait_until(lambda: left.ping("10.9.0.2"), 10, "the wire carries packets")

    with Traffic([flow], rate=1000) as traffic:
        hosts.wait_until(lambda: traffic.count()["wire"].forward.sent > 1000, 20, "1000 packets")
        count = traffic.stop()["wire"]

    assert count.lost == 0
    assert count.forward.delay >= 0.05  # how much more is the machine's business
    assert count.backward.delay >= 0.05


@pytest.mark.parametrize(
    ("here", "there"), [("10.9.0.1", "10.9.0.2"), ("fd00:9::1", "fd00:9::2")], ids=["v4", "v6"]
)
def test_traffic_keeps_count_at_another_pace_and_without_a_route(
    ground: Ground, here: str, there: str
) -> None:
    left, right = ground.host("a"), ground.host("b")
    ground.wire(left, "eth0", right, "eth0")
    for host, address in ((left, here), (right, there)):
        host.address("eth0", f"{address}/64" if ":" in address else f"{address}/24")
    flow = Flow("wire", End(left.name, here), End(right.name, there))
    hosts.wait_until(lambda: left.ping(there), 10, "the wire carries packets")

    with Traffic([flow], rate=10, settle=2.0) as traffic:
        traffic.pace("wire", 20_000)
        traffic.restart()
        hosts.wait_until(lambda: traffic.count()["wire"].forward.sent > 10_000, 20, "packets")
        fast = traffic.restart()["wire"]
        traffic.pace("wire", 500)
        left.ip("route", "flush", "table", "main")
        left.ip("-6", "route", "flush", "table", "main")
        traffic.restart()
        hosts.wait_until(lambda: traffic.count()["wire"].backward.sent > 100, 10, "packets")
        cut = traffic.stop()["wire"]

    for direction in (fast.forward, fast.backward):
        assert (direction.lost, direction.reordered, direction.losses) == (0, 0, ())
    assert cut.forward.lost == cut.forward.sent > 100
    assert cut.forward.losses[0].count == cut.forward.sent
