"""What agents of before 0.1.0 left in a namespace (the detour of first packets) is cleared away.

It is made here by hand, as they made it. Goes with `landbridge.agent.dataplane.outdated`.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
import socket
import struct
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from landbridge.agent.dataplane.bridges import Bridges
from landbridge.agent.dataplane.dataplane import Backend
from landbridge.agent.dataplane.namespace import Namespaces
from landbridge.agent.dataplane.traffic import HostDataplane
from landbridge.lab.hosts import Ground, Host, inside
from landbridge.model.router import Router
from tests.gateway.netparts import inner, leg, link_names, plug, router

pytestmark = pytest.mark.gateway

OURS, PEER = ("198.51.100.2", "2001:db8::2"), ("198.51.100.8", "2001:db8::8")
PORT = 4500
DEVICE = "lbhold"
TUNSETIFF, IFF_TUN, IFF_NO_PI = 0x400454CA, 1, 0x1000
FILTER = """\
table inet landbridge-holdback {
    set late4 { type ipv4_addr; elements = { 198.51.100.8 } }
    set late6 { type ipv6_addr; elements = { 2001:db8::8 } }
    set settled { typeof esp spi; flags timeout; timeout 1d; size 65536; elements = { 7 } }
    set known { typeof esp spi; flags dynamic,timeout; timeout 1d; size 65536; }
    set young { typeof esp spi; flags dynamic,timeout; timeout 2s; size 65536; }
    chain in-udp {
        @th,64,32 @settled accept
        @th,64,32 @young meta mark set 0x1b27 accept
        @th,64,32 @known accept
        add @known { @th,64,32 } add @young { @th,64,32 } meta mark set 0x1b27
    }
    chain output {
        type route hook output priority -140; policy accept;
        meta mark 0x1b28 accept
        ip daddr @late4 udp sport 4500 @th,64,32 != 0 jump in-udp
        ip6 daddr @late6 udp sport 4500 @th,64,32 != 0 jump in-udp
    }
}
"""


@pytest.fixture
def site(ground: Ground, tmp_path: Path) -> Iterator[tuple[Router, Host]]:
    """A router, and the peer's host on its uplink."""
    up = leg(f"{OURS[0]}/24", f"{OURS[1]}/64")
    made = router(up)
    namespaces = Namespaces(Bridges({}, tmp_path))
    try:
        asyncio.run(namespaces.ensure(made))
        outside = ground.host("out")
        plug(ground, outside, up, f"{PEER[0]}/24")
        outside.ip("address", "add", f"{PEER[1]}/64", "dev", "eth0", "nodad")
        yield made, outside
    finally:
        ground.close()
        asyncio.run(namespaces.remove(made.id))


def leave_detour(host: Host, close: contextlib.ExitStack, *, runs: bool) -> None:
    """`runs`: the older agent has its device still, and reads nothing from it."""
    filter_it = ["ip", "netns", "exec", host.name, "nft", "-f", "-"]
    subprocess.run(filter_it, input=FILTER, text=True, check=True)
    if runs:
        close.callback(os.close, inside(host.name, _device))
        host.ip("link", "set", DEVICE, "up")
    for family in ("-4", "-6"):
        mark = ("fwmark", "0x1b27")
        host.ip(family, "rule", "add", "priority", "208", *mark, "lookup", "208")
        if runs:
            host.ip(family, "route", "add", "default", "dev", DEVICE, "table", "208")


def _device() -> int:
    handle = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(handle, TUNSETIFF, struct.pack("16sH22x", DEVICE.encode(), IFF_TUN | IFF_NO_PI))
    return handle


def seen(host: Host) -> list[str]:
    """All that may show something of it."""
    return [
        host.run("nft", "list", "tables"),
        *(host.ip(family, "rule") for family in ("-4", "-6")),
        *(host.ip(f, "route", "show", "table", "208", check=False) for f in ("-4", "-6")),
        *sorted(link_names(host)),
    ]


def arrives(made: Router, outside: Host, address: int, spi: int) -> bool:
    """Whether the first packet of an SA comes to the peer, in UDP as charon would send it."""
    family = (socket.AF_INET, socket.AF_INET6)[address]

    def bound(where: str) -> Callable[[], socket.socket]:
        def make() -> socket.socket:
            opened = socket.socket(family, socket.SOCK_DGRAM)
            opened.bind((where, PORT))
            return opened

        return make

    packet = struct.pack("!II", spi, 1)
    with (
        inside(outside.name, bound(PEER[address])) as ear,
        inside(inner(made).name, bound(OURS[address])) as sender,
    ):
        ear.settimeout(1)
        sender.sendto(packet, (PEER[address], PORT))
        with contextlib.suppress(TimeoutError):
            return ear.recv(100) == packet
    return False


def begin_anew(made: Router) -> None:
    """As an agent that has just been started."""
    asyncio.run(HostDataplane(Backend.LIBIPSEC).apply(made, {}))


@pytest.mark.parametrize("runs", [False, True], ids=["has ended", "hangs"])
def test_an_older_agents_detour_is_cleared_away(site: tuple[Router, Host], runs: bool) -> None:
    made, outside = site
    begin_anew(made)
    plain = seen(inner(made))
    with contextlib.ExitStack() as close:
        leave_detour(inner(made), close, runs=runs)
        assert all(now != before for now, before in zip(seen(inner(made)), plain[:3], strict=False))
        assert arrives(made, outside, 0, 0xC1) is not runs
        begin_anew(made)
        assert seen(inner(made)) == plain
        assert all(arrives(made, outside, address, 0xC2) for address in (0, 1))
