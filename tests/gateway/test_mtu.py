"""`mtu` with real TCP through a real tunnel, both directions, IPv4 and IPv6 inside: what is seen
is what a listener at each inside host sees."""

from __future__ import annotations

import ctypes
import fcntl
import socket
import struct
import threading
from dataclasses import dataclass, replace
from functools import partial

import msgspec
import pytest

from landbridge.agent.dataplane.firewall import INNER_MTU_LIMIT
from landbridge.lab.hosts import Host, inside, wait_until
from landbridge.lab.peer import PeerChild
from landbridge.lab.traffic import Traffic
from landbridge.model.tunnel import Tunnel
from tests.gateway.conftest import Surroundings, peer_connection
from tests.gateway.gateway import Gateway, changed, tunnel
from tests.gateway.wire import Packet, listen

pytestmark = pytest.mark.gateway
AMOUNT = 300_000  # bytes each way
HEADERS = {4: 40, 6: 60}  # IP and TCP without options
OURS = {4: "10.1.0.10", 6: "fd00:1::10"}
THEIRS = {4: "10.2.0.10", 6: "fd00:2::10"}
SIOCETHTOOL = 0x8946
OFFLOADS = (0x1F, 0x24, 0x2C)  # ETHTOOL_STSO, ETHTOOL_SGSO, ETHTOOL_SGRO
FAMILIES = {4: socket.AF_INET, 6: socket.AF_INET6}


@dataclass(frozen=True)
class Sizes:
    """As `client` and `server` hear it from each other."""

    mss: tuple[int, int]  # in the SYN that the server gets, in the SYN/ACK that the client gets
    largest: tuple[int, int]  # IP packet that the server gets, and the client


def transfer(client: Host, server: Host, target: str, version: int) -> Sizes:
    """AMOUNT bytes there and back over one TCP connection."""
    listener = server.socket(FAMILIES[version], socket.SOCK_STREAM)
    with listener, listen(client, "eth0") as near, listen(server, "eth0") as far:
        listener.bind((target, 0))
        listener.listen()
        port = listener.getsockname()[1]
        thread = threading.Thread(target=echo, args=(listener,))
        thread.start()
        with client.socket(FAMILIES[version], socket.SOCK_STREAM) as channel:
            channel.settimeout(10)
            channel.connect((target, port))
            channel.sendall(bytes(AMOUNT))
            channel.shutdown(socket.SHUT_WR)
            got = 0
            while piece := channel.recv(65536):
                got += len(piece)
        thread.join()
    assert got == AMOUNT
    there = [
        p for p in far.packets if p.ends[1] == target and p.tcp[2:4] == struct.pack("!H", port)
    ]
    back = [
        p for p in near.packets if p.ends[0] == target and p.tcp[0:2] == struct.pack("!H", port)
    ]
    return Sizes(
        mss=(opening(there), opening(back)),
        largest=(max(p.size for p in there), max(p.size for p in back)),
    )


def echo(listener: socket.socket) -> None:
    """All of what comes, then all of it back."""
    channel, _ = listener.accept()
    with channel:
        channel.settimeout(10)
        content = b"".join(iter(lambda: channel.recv(65536), b""))
        channel.sendall(content)


def opening(packets: list[Packet]) -> int:
    """The MSS option (kind 2, RFC 9293 section 3.2) of the first SYN."""
    tcp = next(p.tcp for p in packets if p.tcp[13] & 2)
    options = tcp[20 : (tcp[12] >> 4) * 4]
    while options[0] != 2:
        options = options[1:] if options[0] == 1 else options[options[1] :]
    return int(struct.unpack_from("!H", options, 2)[0])


def segments_off(*hosts: Host) -> None:
    """What is heard shall be what is on the wire, not what the kernel puts together."""

    def switch() -> None:
        with socket.socket() as channel:
            for command in OFFLOADS:
                value = ctypes.create_string_buffer(struct.pack("II", command, 0))
                address = ctypes.addressof(value)
                fcntl.ioctl(channel, SIOCETHTOOL, struct.pack("16sQ8x", b"eth0", address))

    for host in hosts:
        inside(host.name, switch)


def two_versions(around: Surroundings, gateway: Gateway) -> Tunnel:
    """One tunnel over IPv4 with a pair of CIDRs of each IP version."""
    remote = around.remote
    around.host.address("eth0", f"{OURS[6]}/64")
    around.host.ip("-6", "route", "add", "default", "via", "fd00:1::1")
    remote.peer.host.address("inside", "fd00:2::1/64")
    remote.host.address("eth0", f"{THEIRS[6]}/64")
    remote.host.ip("-6", "route", "add", "default", "via", "fd00:2::1")
    inner = gateway.router.inside[0]
    legs = (msgspec.structs.replace(inner, addresses=(*inner.addresses, "fd00:1::1/64")),)
    gateway.reconfigure(msgspec.structs.replace(gateway.router, inside=legs))
    six = PeerChild("six", "fd00:2::/64", "fd00:1::/64")
    four = PeerChild("four", "10.2.0.0/24", "10.1.0.0/24")
    remote.peer.routes = (*remote.peer.routes, "fd00:1::/64")
    remote.peer.start(replace(peer_connection(), children=(four, six)))
    return tunnel(
        local_cidrs=("10.1.0.0/24", "fd00:1::/64"),
        peer_cidrs=("10.2.0.0/24", "fd00:2::/64"),
        split_selector=True,
    )


@pytest.mark.parametrize("version", [4, 6])
def test_tcp_keeps_to_the_mtu_in_both_directions(
    surroundings: Surroundings, gateway: Gateway, version: int
) -> None:
    host, far = surroundings.host, surroundings.remote.host
    segments_off(host, far)
    wanted = two_versions(surroundings, gateway)
    gateway.want(wanted)
    gateway.start()
    gateway.wait_applied(wanted)
    wait_until(lambda: host.ping(THEIRS[version]), 15, "packets")
    before = gateway.children(wanted)
    for mtu in (1500, 1300, 1280):
        wanted = changed(wanted, mtu=mtu)
        gateway.want(wanted)
        gateway.wait_applied(wanted)
        limit = min(mtu, INNER_MTU_LIMIT)
        most = limit - HEADERS[version]
        wait_until(partial(has_path_mtu, host, version, limit), 15, f"path MTU {limit}")
        for sizes in (
            transfer(host, far, THEIRS[version], version),
            transfer(far, host, OURS[version], version),
        ):
            print(f"\nIPv{version}, mtu {mtu}: {sizes}")
            assert sizes.mss == (most, most)
            assert sizes.largest == (limit, limit)
    assert gateway.children(wanted) == before


def has_path_mtu(host: Host, version: int, limit: int) -> bool:
    """Whether the router answers so to a packet that is 8 bytes too large to pass."""
    payload = limit - {4: 20, 6: 40}[version]
    ping = ("ping", f"-{version}", "-c1", "-W0.3", "-M", "do", "-s", str(payload))
    said = host.run(*ping, THEIRS[version], check=False).replace(" ", "")
    return f"mtu={limit}" in said


@pytest.mark.parametrize("version", ["v1", "v2"])
def test_mtu_alone_touches_no_sa_and_loses_nothing(
    surroundings: Surroundings, gateway: Gateway, version: str
) -> None:
    surroundings.remote.peer.start(peer_connection(version=int(version[1])))
    wanted = tunnel(version)
    gateway.want(wanted)
    gateway.start()
    gateway.wait_applied(wanted)
    wait_until(surroundings.ping, 15, "packets")
    before = gateway.children(wanted)
    with Traffic([surroundings.flow()], rate=1000) as traffic:
        for mtu in (1300, 1500, 1280, 1400):
            wanted = changed(wanted, mtu=mtu)
            gateway.want(wanted)
            gateway.wait_applied(wanted)
            limit = min(mtu, INNER_MTU_LIMIT)
            sent = traffic.count()["tunnel"].sent
            wait_until(partial(is_routed_with, gateway, limit), 15, f"mtu {limit}")
            wait_until(partial(has_sent, traffic, sent + 200), 15, "packets with the new mtu")
        count = traffic.stop()["tunnel"]
    print(f"\nIKE{version}: {count.sent} packets sent, {count.lost} lost over 4 changes of mtu")
    assert count.lost == 0
    assert gateway.children(wanted) == before


def is_routed_with(gateway: Gateway, limit: int) -> bool:
    return f"mtu {limit}" in gateway.namespace.ip("route", "get", THEIRS[4])


def has_sent(traffic: Traffic, packets: int) -> bool:
    return traffic.count()["tunnel"].sent >= packets
