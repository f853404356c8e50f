"""Parts that the namespace and firewall tests share: routers, hosts on their bridges."""

from __future__ import annotations

import json
import socket
import struct
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any
from uuid import uuid4

from landbridge.agent.dataplane.dataplane import Backend, TunnelNet
from landbridge.agent.dataplane.names import auto_bridge, namespace_name
from landbridge.lab.hosts import Ground, Host, inside, ip
from landbridge.model.router import Leg, Router


def leg(*addresses: str, gateways: tuple[str, ...] = ()) -> Leg:
    network = uuid4()
    return Leg(
        network_id=str(network),
        network_name=f"net-{network.hex[:6]}",
        port_id=str(uuid4()),
        mac_address="02:" + ":".join(f"{byte:02x}" for byte in network.bytes[:5]),
        addresses=addresses,
        gateways=gateways,
    )


def router(uplink: Leg | None, *inside_legs: Leg, up: bool = True) -> Router:
    return Router(
        id=str(uuid4()),
        name="r",
        revision=1,
        admin_state_up=up,
        uplink=uplink,
        inside=inside_legs,
    )


def tunnel(*peer_cidrs: str, up: bool = True, mtu: int = 1400, id: str = "t") -> TunnelNet:
    return TunnelNet(
        id=id,
        local_cidrs=("10.1.0.0/24",),
        peer_cidrs=peer_cidrs,
        up=up,
        mtu=mtu,
        backend=Backend.LIBIPSEC,
    )


def inner(made: Router) -> Host:
    return Host(namespace_name(made.id))


def plug(ground: Ground, host: Host, leg: Leg, *addresses: str) -> None:
    """Put a host on the network of a leg."""
    ground.attach(host, auto_bridge(leg.network_id), "eth0", *addresses)


def links(host: Host | None = None) -> list[dict[str, Any]]:
    where = () if host is None else ("-n", host.name)
    found: list[dict[str, Any]] = json.loads(ip(*where, "-j", "-d", "link"))
    return found


def link_names(host: Host | None = None) -> set[str]:
    return {link["ifname"] for link in links(host)}


def fingerprint(host: Host) -> str:
    """All that outlives an agent: links with their indexes, addresses, routes, rules."""
    routes = host.ip("route", "show", "table", "all")
    return host.ip("-o", "address") + routes + host.ip("rule")


@contextmanager
def listening(host: Host, interface: str) -> Iterator[socket.socket]:
    """Everything that an interface of the host receives or sends."""
    everything = socket.htons(3)

    def open_it() -> socket.socket:
        channel = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, everything)
        channel.bind((interface, 0))
        return channel

    with inside(host.name, open_it) as channel:
        channel.setblocking(False)
        yield channel


def frames(channel: socket.socket) -> list[bytes]:
    got: list[bytes] = []
    while True:
        try:
            got.append(channel.recv(65536))
        except BlockingIOError:
            return got


def clear_text(heard: Sequence[bytes], destination: str) -> list[bytes]:
    """IPv4 packets to `destination` among the frames, whatever they carry."""
    wanted = socket.inet_aton(destination)
    return [f for f in heard if f[12:14] == b"\x08\x00" and f[30:34] == wanted]


def segment_size(frame: bytes) -> int | None:
    """The MSS option of a TCP SYN in an Ethernet frame with IPv4."""
    if frame[12:14] != b"\x08\x00" or frame[23] != socket.IPPROTO_TCP:
        return None
    tcp = frame[14 + (frame[14] & 15) * 4 :]
    if not tcp[13] & 2:
        return None
    options = tcp[20 : (tcp[12] >> 4) * 4]
    while options and options[0]:
        if options[0] == 1:
            options = options[1:]
        elif options[0] == 2:
            (size,) = struct.unpack_from("!H", options, 2)
            return int(size)
        else:
            options = options[options[1] :]
    return None


def deadline(seconds: float) -> Iterator[None]:
    """Yields until the time is over, for polling loops."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        yield
        time.sleep(0.01)
