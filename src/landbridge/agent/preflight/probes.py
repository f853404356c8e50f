"""Tries what the agent does with the kernel, on a small scale, in a namespace that is thrown away.

Rules this module keeps:
- What can be tried by the agent's own code is: the same netlink requests, the same packet filter.
- A probe changes nothing outside of the namespace that it is given, and raises `GatewayError`
  (or `OSError`) when the kernel refuses.
"""

from __future__ import annotations

import ctypes
import fcntl
import os
import socket
import struct
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, Final

from landbridge.agent.dataplane import firewall, netlink, nft, routes, sysctl, xfrm
from landbridge.agent.dataplane.bridges import link_by_name
from landbridge.agent.dataplane.dataplane import Backend, TunnelNet
from landbridge.agent.dataplane.netlink import translated
from landbridge.agent.errors import GatewayError
from landbridge.model.router import Leg, Router

#: Is given a namespace.
Probe = Callable[[str], Awaitable[None]]

BRIDGE, OUTER, INNER = "lbprobe-br", "lbprobe-out", "lbprobe-in"
LOOPBACK: Final = 1  # its index, in every namespace
TUN: Final = "/dev/net/tun"
TUNSETIFF: Final = 0x400454CA  # linux/if_tun.h
IFF_TUN, IFF_NO_PI = 0x0001, 0x1000
CLONE_NEWNS: Final = 0x00020000
MS_BIND, MS_REC, MS_PRIVATE = 0x1000, 0x4000, 0x40000
CAPABILITIES: Final = {
    "CAP_NET_BIND_SERVICE": 10,
    "CAP_NET_ADMIN": 12,
    "CAP_NET_RAW": 13,
    "CAP_SYS_ADMIN": 21,
}
_NETS: Final = {4: ("198.51.100.0/24", "10.2.0.0/24"), 6: ("2001:db8:1::/64", "2001:db8:2::/64")}


async def nothing(_: str) -> None:
    """That there is a namespace to be given says it all."""


async def capabilities(_: str) -> None:
    """What the kernel asks for before anything else."""
    held = _held()
    missing = [name for name, bit in CAPABILITIES.items() if not held >> bit & 1]
    if missing:
        raise GatewayError(f"it lacks {', '.join(missing)}")


def _held() -> int:
    """This process's effective capabilities."""
    lines = Path("/proc/self/status").read_text().splitlines()
    line = next(line for line in lines if line.startswith("CapEff:"))
    return int(line.split()[1], 16)


async def host_network(_: str) -> None:
    """Whether the host's own interfaces may be changed: nothing is, by a change of nothing."""
    async with netlink.opened(None) as host:
        with translated("change the host's interfaces"):
            await host.link("set", index=LOOPBACK)


async def mounts(_: str) -> None:
    """What ``ip netns add`` does, in mounts that only this thread sees."""
    await netlink.within(None, _mount)


def _mount() -> None:
    libc = ctypes.CDLL(None, use_errno=True)

    def check(result: int) -> None:
        if result:
            raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))

    check(libc.unshare(CLONE_NEWNS))
    check(libc.mount(b"none", b"/", None, ctypes.c_ulong(MS_REC | MS_PRIVATE), None))
    place = os.fsencode(netlink.NAMESPACES.parent)
    check(libc.mount(b"none", place, b"tmpfs", ctypes.c_ulong(0), None))
    file = place + b"/namespace"
    os.close(os.open(file, os.O_CREAT | os.O_CLOEXEC))
    check(libc.mount(b"/proc/thread-self/ns/net", file, None, ctypes.c_ulong(MS_BIND), None))


async def switches(namespace: str) -> None:
    await sysctl.ensure(namespace, sysctl.of_router(forwarding=True))


async def veth(namespace: str) -> None:
    await _make_link(namespace, ifname=OUTER, kind="veth", peer={"ifname": INNER})


async def bridge(namespace: str) -> None:
    await _make_link(namespace, ifname=BRIDGE, kind="bridge", br_stp_state=0, br_mcast_snooping=0)
    async with netlink.opened(namespace) as route:
        made, port = await link_by_name(route, BRIDGE), await link_by_name(route, OUTER)
        if made is not None and port is not None:  # where there is no veth, that is said already
            with translated("put an interface into a bridge"):
                await route.link("set", index=port["index"], master=made["index"], state="up")


async def _make_link(namespace: str, **request: Any) -> None:
    async with netlink.opened(namespace) as route:
        with translated(f"make {request['ifname']}"):
            await route.link("add", **request)


async def packet_sockets(namespace: str) -> None:
    await netlink.within(
        namespace, lambda: socket.socket(socket.AF_PACKET, socket.SOCK_RAW).close()
    )


def routing(version: int) -> Probe:
    """Rules and every kind of route that a tunnel has."""

    async def probe(namespace: str) -> None:
        router, tunnel = _sample(version, up=True)
        async with netlink.opened(namespace) as route:
            with translated("bring the loopback interface up"):
                await route.link("set", index=LOOPBACK, state="up")
            await routes.ensure_rules(route, (version,))
            wanted = routes.wanted(router, [tunnel], LOOPBACK)
            await routes.RouteTable().change(route, wanted, frozenset(wanted))

    return probe


async def filter_family(namespace: str) -> None:
    """The smallest table of ours: the family, and a chain that sees packets."""
    hook = {"type": "filter", "hook": "forward", "prio": 0, "policy": "accept"}
    table = {"family": firewall.TABLE["family"], "name": firewall.TABLE["table"]}
    chain = {**firewall.TABLE, "name": "forward", **hook}
    await nft.apply(namespace, [{"add": {"table": table}}, {"add": {"chain": chain}}])


def packet_filter(backend: Backend) -> Probe:
    """All that is ever asked of nft."""

    async def probe(namespace: str) -> None:
        contents = firewall.contents(_sample(version, up=False)[1] for version in _NETS)
        await nft.apply(namespace, firewall.whole(OUTER, backend, contents))
        await nft.apply(namespace, firewall.difference(contents, firewall.EMPTY))

    return probe


def state(wanted: xfrm.State) -> Probe:
    async def probe(namespace: str) -> None:
        await netlink.within(namespace, lambda: xfrm.add(wanted))

    return probe


async def tun(namespace: str) -> None:
    await netlink.within(namespace, _open_tun)


def _open_tun() -> None:
    device = os.open(TUN, os.O_RDWR | os.O_CLOEXEC)
    try:
        fcntl.ioctl(device, TUNSETIFF, struct.pack("16sH22x", b"lbprobe", IFF_TUN | IFF_NO_PI))
    finally:
        os.close(device)


def _sample(version: int, *, up: bool) -> tuple[Router, TunnelNet]:
    here, there = _NETS[version]
    leg = Leg(
        network_id="",
        network_name="",
        port_id="",
        mac_address="",
        addresses=(here,),
    )
    router = Router(id="", name="", revision=1, admin_state_up=True, uplink=leg, inside=())
    tunnel = TunnelNet(
        id="",
        local_cidrs=(here,),
        peer_cidrs=(there,),
        up=up,
        mtu=1400,
        backend=Backend.NETLINK,
    )
    return router, tunnel
