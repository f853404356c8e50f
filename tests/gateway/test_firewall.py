"""Blocks, clamps and routes on the real kernel, with real packets and a listener outside. There is
no charon: a TUN device named like its own stands in the router's namespace.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
import socket
import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import msgspec
import pytest

from landbridge.agent.dataplane.bridges import Bridges
from landbridge.agent.dataplane.dataplane import Backend, TunnelNet
from landbridge.agent.dataplane.names import auto_bridge
from landbridge.agent.dataplane.namespace import Namespaces
from landbridge.agent.dataplane.traffic import HostDataplane
from landbridge.agent.errors import GatewayError
from landbridge.lab.hosts import Ground, Host, inside
from landbridge.lab.traffic import End, Flow, Traffic
from landbridge.model.router import Router
from tests.gateway.netparts import (
    clear_text,
    deadline,
    frames,
    inner,
    leg,
    listening,
    plug,
    router,
    segment_size,
    tunnel,
)

pytestmark = pytest.mark.gateway
PEER = "10.2.0.9"
TUNSETIFF, IFF_TUN, IFF_NO_PI = 0x400454CA, 1, 0x1000


@dataclass
class Site:
    """A router with an inside host, and somebody on its uplink who hears everything."""

    made: Router
    host: Host
    outside: Host
    plane: HostDataplane

    @property
    def namespace(self) -> Host:
        return inner(self.made)

    def apply(self, *tunnels: TunnelNet) -> Mapping[str, str]:
        """Why those of them that are refused are."""
        return asyncio.run(self.plane.apply(self.made, {each.id: each for each in tunnels}))


@pytest.fixture
def site(ground: Ground, tmp_path: Path) -> Iterator[Site]:
    up = leg("198.51.100.2/24", gateways=("198.51.100.9",))
    within = leg("10.1.0.1/24")
    made = router(up, within)
    namespaces = Namespaces(Bridges({}, tmp_path))
    try:
        asyncio.run(namespaces.ensure(made))
        host, outside = ground.host("in"), ground.host("out")
        plug(ground, host, within, "10.1.0.9/24")
        plug(ground, outside, up, "198.51.100.9/24", f"{PEER}/32", "10.9.0.9/32")
        host.route("default", "10.1.0.1")
        outside.route("10.1.0.0/24", "198.51.100.2")
        yield Site(made, host, outside, HostDataplane(Backend.LIBIPSEC))
    finally:
        ground.close()
        asyncio.run(namespaces.remove(made.id))
    assert not Path("/sys/class/net", auto_bridge(up.network_id)).exists()


@contextlib.contextmanager
def tunnel_device(host: Host) -> Iterator[int]:
    """`ipsec0` as kernel-libipsec makes it; yields its descriptor."""

    def make() -> int:
        handle = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
        fcntl.ioctl(handle, TUNSETIFF, struct.pack("16sH22x", b"ipsec0", IFF_TUN | IFF_NO_PI))
        return handle

    handle = inside(host.name, make)
    try:
        host.ip("link", "set", "ipsec0", "mtu", "1400", "up")
        yield handle
    finally:
        os.close(handle)


def read_ipv4(handle: int) -> bytes | None:
    """The next IPv4 packet that was routed to the device."""
    for _ in deadline(2):
        with contextlib.suppress(BlockingIOError):
            if (packet := os.read(handle, 2000))[0] >> 4 == 4:
                return packet
    return None


def test_nothing_leaves_in_clear_while_the_tunnel_is_down(site: Site) -> None:
    with listening(site.outside, "eth0") as ear:
        assert site.host.ping(PEER)
        assert clear_text(frames(ear), PEER)  # the listener hears what does leave
        site.apply(tunnel("10.2.0.0/24", up=False))
        assert not site.host.ping(PEER, wait=0.3)
        assert not site.namespace.ping(PEER, wait=0.3)
        assert site.host.ping("10.9.0.9")  # what belongs to no tunnel passes
        heard = frames(ear)
        assert clear_text(heard, "10.9.0.9")
        assert not clear_text(heard, PEER)


def test_the_filter_alone_holds_when_somebody_takes_the_routes_away(site: Site) -> None:
    site.apply(tunnel("10.2.0.0/24", up=False))
    site.namespace.ip("route", "flush", "table", "210")
    with listening(site.outside, "eth0") as ear:
        assert not site.host.ping(PEER, wait=0.3)
        assert not site.namespace.ping(PEER, wait=0.3)
        assert not clear_text(frames(ear), PEER)


def test_clear_text_from_outside_does_not_pass_for_the_peer(site: Site) -> None:
    site.apply(tunnel("10.2.0.0/24", up=False))
    with listening(site.host, "eth0") as ear:
        site.outside.run("ping", "-c1", "-W0.3", "-I", PEER, "10.1.0.9", check=False)
        site.outside.run("ping", "-c1", "-W0.3", "-I", "10.9.0.9", "10.1.0.9", check=False)
        sources = {f[26:30] for f in clear_text(frames(ear), "10.1.0.9")}
    assert socket.inet_aton(PEER) not in sources
    assert socket.inet_aton("10.9.0.9") in sources


def test_traffic_follows_the_tunnel_and_is_blocked_again_when_its_device_dies(site: Site) -> None:
    with listening(site.outside, "eth0") as ear:
        with tunnel_device(site.namespace) as device:
            site.apply(tunnel("10.2.0.0/24", mtu=1300))
            site.host.run("ping", "-c1", "-W0.3", PEER, check=False)
            packet = read_ipv4(device)
            assert packet is not None
            assert packet[16:20] == socket.inet_aton(PEER)
            assert "mtu 1300" in site.namespace.ip("route", "get", PEER)
            large = ("ping", "-c1", "-W0.3", "-M", "do", "-s", "1300", PEER)
            assert "mtu = 1300" in site.host.run(*large, check=False)
            site.apply(tunnel("10.2.0.0/24", mtu=1300, up=False))
            assert "Unreachable" in site.host.run("ping", "-c1", "-W0.3", PEER, check=False)
            site.apply(tunnel("10.2.0.0/24", mtu=1300))
        assert "Unreachable" in site.host.run("ping", "-c1", "-W0.3", PEER, check=False)
        with tunnel_device(site.namespace) as device:  # charon came back
            site.apply(tunnel("10.2.0.0/24", mtu=1300))
            site.host.run("ping", "-c1", "-W0.3", PEER, check=False)
            assert read_ipv4(device) is not None
        assert not clear_text(frames(ear), PEER)


def test_the_peers_wide_network_does_not_swallow_ours(site: Site) -> None:
    with tunnel_device(site.namespace):
        site.apply(tunnel("10.0.0.0/8", "0.0.0.0/0"))
        assert site.namespace.ping("10.1.0.9")
        assert "dev ipsec0" in site.namespace.ip("route", "get", "10.7.0.1")
        ike = ("ipproto", "udp", "sport", "4500")
        assert "dev u" in site.namespace.ip("route", "get", "203.0.113.1", *ike)
        assert "dev ipsec0" in site.namespace.ip("route", "get", "203.0.113.1")


def test_segments_are_clamped_both_ways(site: Site) -> None:
    def syn_towards_the_peer(device: int) -> int | None:
        with site.host.socket(kind=socket.SOCK_STREAM) as client:
            client.setblocking(False)
            client.connect_ex((PEER, 9))
            packet = read_ipv4(device)
        return segment_size(bytes(12) + b"\x08\x00" + packet) if packet else None

    with tunnel_device(site.namespace) as device:
        site.apply(tunnel("10.2.0.0/24", mtu=1300), tunnel("10.3.0.0/24", mtu=9000, id="u"))
        assert syn_towards_the_peer(device) == 1260
        site.apply(tunnel("10.2.0.0/24", mtu=1200), tunnel("10.3.0.0/24", mtu=9000, id="u"))
        assert syn_towards_the_peer(device) == 1160
        with listening(site.host, "eth0") as ear:
            os.write(device, syn_packet(PEER, "10.1.0.9", mss=1460))
            for _ in deadline(2):
                sizes = [size for f in frames(ear) if (size := segment_size(f))]
                if sizes:
                    break
            assert sizes == [1160]


def syn_packet(source: str, destination: str, *, mss: int) -> bytes:
    ends = socket.inet_aton(source) + socket.inet_aton(destination)
    tcp = struct.pack("!HHIIBBHHHBBH", 4000, 9, 1, 0, 6 << 4, 2, 1000, 0, 0, 2, 4, mss)
    pseudo = ends + struct.pack("!BBH", 0, 6, len(tcp))
    tcp = tcp[:16] + struct.pack("!H", checksum(pseudo + tcp)) + tcp[18:]
    header = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(tcp), 1, 0, 64, 6, 0) + ends
    return header[:10] + struct.pack("!H", checksum(header)) + header[12:] + tcp


def checksum(data: bytes) -> int:
    total: int = sum(struct.unpack(f"!{len(data) // 2}H", data))
    total = (total & 0xFFFF) + (total >> 16)
    return ~(total + (total >> 16)) & 0xFFFF


def routing(host: Host) -> str:
    rules = host.ip("rule") + host.ip("-6", "rule")
    return rules + host.ip("-d", "route", "show", "table", "all")


def test_a_restarted_agent_finds_everything_right(site: Site) -> None:
    with tunnel_device(site.namespace):
        tunnels = (tunnel("10.2.0.0/24"), tunnel("2001:db8:2::/48", "10.3.0.0/16", id="u"))
        site.apply(*tunnels)
        before = routing(site.namespace)
        with_six = site.namespace.ip("-6", "-d", "route", "show", "table", "210")
        assert "2001:db8:2::/48 dev ipsec0" in with_six
        site.plane = HostDataplane(Backend.LIBIPSEC)
        site.apply(*tunnels)
        assert routing(site.namespace) == before
        site.apply()
        assert "10.3.0.0" not in site.namespace.ip("route", "show", "table", "210")
        assert "2001" not in site.namespace.ip("-6", "route", "show", "table", "210")
    assert site.host.ping(PEER)  # no tunnel, no block


def test_a_change_of_one_tunnel_leaves_what_others_share(site: Site) -> None:
    with tunnel_device(site.namespace):
        one, two = tunnel("10.2.0.0/24", "10.4.0.0/24", id="a"), tunnel("10.2.0.9/24", id="b")
        site.apply(one, two)
        shared = "10.2.0.0/24 dev ipsec0"
        for tunnels in ((one,), (one, two), (two,)):
            site.apply(*tunnels)
            assert shared in site.namespace.ip("route", "show", "table", "210")
        table = site.namespace.ip("route", "show", "table", "210")
        assert "10.4.0.0" not in table
        assert "throw 10.1.0.0/24" in table
        site.apply(tunnel("10.2.0.9/24", id="b", up=False))
        table = site.namespace.ip("route", "show", "table", "210")
        assert shared not in table
        assert "unreachable 10.2.0.0/24" in table


def test_rewrites_lose_no_packet(site: Site) -> None:
    """Beside the router's, a flow that passes no filter: what that loses the machine has lost."""
    here = End(site.host.name, "10.1.0.9")
    there, also_there = (End(site.outside.name, each) for each in ("10.9.0.9", "198.51.100.9"))
    with Traffic([Flow("routed", here, there), Flow("beside", there, also_there)]) as traffic:
        for number in range(20):
            site.plane = HostDataplane(Backend.LIBIPSEC)  # forces whole rewrites
            site.apply(tunnel("10.2.0.0/24", mtu=1280 + number % 7, up=False))
        counts = traffic.stop()
    assert counts["routed"].both_ways
    assert counts["routed"].lost <= counts["beside"].lost


@pytest.mark.parametrize("backend", list(Backend))
def test_every_rendering_is_accepted_by_nft(site: Site, backend: Backend) -> None:
    site.plane = HostDataplane(backend)
    site.apply(tunnel("10.2.0.0/24", "10.2.0.0/16", "2001:db8::/32", up=False))
    site.apply(tunnel("10.2.0.0/25", "0.0.0.0/0", "::/0", "255.255.255.255/32", up=False))
    listing = site.namespace.run("nft", "list", "table", "inet", "landbridge")
    assert ("ipsec missing" in listing) == (backend is Backend.NETLINK)
    assert "clamp-1360" in listing
    assert "clamp-1340" in listing


def test_what_is_refused_of_one_tunnel_leaves_it_as_it_was_and_all_others_go_on(
    site: Site,
) -> None:
    """No network that is one is refused by nft: a fault of ours has made this one."""
    odd = tunnel("10.4.0.0/33", id="odd", up=False)
    others = [tunnel(f"10.2.{n}.0/24", id=f"t{n}", up=False) for n in range(9)]
    assert site.apply(*others[:4], odd, *others[4:]).keys() == {"odd"}
    held = site.namespace.run("nft", "list", "set", "inet", "landbridge", "peers4")
    assert all(f"10.2.{n}.0/24" in held for n in range(9))
    assert "landbridge-trial" not in site.namespace.run("nft", "list", "tables")
    good = tunnel("10.4.0.0/24", id="odd", up=False)
    assert not site.apply(*others, good)
    worse = tunnel("10.4.0.0/24", "nonsense", id="odd", up=False)
    assert site.apply(*others[:8], worse).keys() == {"odd"}
    held = site.namespace.run("nft", "list", "set", "inet", "landbridge", "peers4")
    assert "10.4.0.0/24" in held
    assert "10.2.8.0/24" not in held
    assert "10.4.0.0/24" in site.namespace.run("ip", "route", "show", "table", "210")
    assert not site.apply(*others)


def test_a_host_that_takes_nothing_is_no_tunnels_trouble(site: Site) -> None:
    site.apply(tunnel("10.2.0.0/24", up=False))
    site.plane.forget(site.made.id)
    missing = msgspec.structs.replace(site.made, id="0" * 8 + site.made.id[8:])
    with pytest.raises(GatewayError):
        asyncio.run(site.plane.apply(missing, {"t": tunnel("10.2.0.0/24", up=False)}))
