"""Carries packets that must wait: out of a TUN device, and on as if nothing had been.

Rules this module keeps:
- The device is the agent's and goes with it: no packet is sent into a device that nobody reads.
  What waits at that moment is lost; what comes afterwards takes the straight way.
- A packet goes on as it came, byte for byte, by a socket that adds no header.
- A host that refuses the device or its route costs the detour, never a tunnel.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import fcntl
import os
import socket
import struct
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, NamedTuple

import structlog
from pyroute2.netlink.exceptions import NetlinkError

from landbridge.agent.faults import GatewayError, leaves
from landbridge.agent.host import netlink, nft, sysctl
from landbridge.agent.host.bridges import link_by_name
from landbridge.agent.host.holdback import rules
from landbridge.agent.host.holdback.waiting import Waiting
from landbridge.agent.host.holdback.wire import Esp, parsed
from landbridge.agent.host.netlink import translated

DEVICE: Final = "lbhold"
TABLE: Final = 208
RULE_PRIORITY: Final = 208  # before those of `landbridge.agent.host.routes`
QUEUE: Final = 20_000  # packets; an agent that is busy for a moment costs none
LARGEST: Final = 65_535  # bytes
TUN: Final = "/dev/net/tun"
TUNSETIFF: Final = 0x400454CA  # linux/if_tun.h
IFF_TUN, IFF_NO_PI = 0x0001, 0x1000
FAMILIES: Final = (socket.AF_INET, socket.AF_INET6)

log = structlog.get_logger(__name__)


class _Ends(NamedTuple):
    device: int
    senders: Mapping[socket.AddressFamily, socket.socket]


class _Packet(NamedTuple):
    esp: Esp
    octets: bytes


async def hold_back(namespace: str, uplink: str | None, patience: Callable[[str], float]) -> None:
    """Until cancelled. `uplink`: the interface towards the peers; `patience`: how long, in
    seconds, the first packets to a peer of that address wait."""
    try:
        with contextlib.ExitStack() as stack:
            with translated(f"open {TUN}"):
                ends = await netlink.within(namespace, lambda: _opened(stack))
            await _wire(namespace, uplink)
            await _Detour(namespace, ends, patience).run()
    except* GatewayError as errors:
        words = "; ".join(str(error) for error in leaves(errors))
        log.warning("first_packets_do_not_wait", namespace=namespace, error=words)


class _Detour:
    def __init__(self, namespace: str, ends: _Ends, patience: Callable[[str], float]) -> None:
        self._namespace = namespace
        self._ends = ends
        self._patience = patience
        self._waiting: Waiting[_Packet] = Waiting()
        self._spi = 0  # of the last packet: later fragments go with it
        self._sooner = asyncio.Event()
        self._released = asyncio.Event()

    async def run(self) -> None:
        loop = asyncio.get_running_loop()
        loop.add_reader(self._ends.device, self._read)
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._release())
                group.create_task(self._settle())
        finally:
            loop.remove_reader(self._ends.device)

    def _read(self) -> None:
        """Take in what the kernel has sent here."""
        while True:
            try:
                packet = os.read(self._ends.device, LARGEST)
            except OSError as error:
                if error.errno != errno.EAGAIN:  # the namespace is going away
                    asyncio.get_running_loop().remove_reader(self._ends.device)
                return
            if esp := parsed(packet):
                self._spi = self._spi if esp.spi is None else esp.spi
                before, now = self._waiting.next_due, time.monotonic()
                patience = self._patience(esp.destination)
                taken = _Packet(esp, packet)
                self._send(self._waiting.take(self._spi, taken, now, patience))
                if self._waiting.next_due != before:
                    self._sooner.set()

    async def _release(self) -> None:
        while True:
            due = self._waiting.next_due
            self._sooner.clear()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(None if due is None else due - time.monotonic()):
                    await self._sooner.wait()
            self._send(self._waiting.due(time.monotonic()))
            self._released.set()

    async def _settle(self) -> None:
        """Have the kernel send straight what need not wait any more."""
        while True:
            await self._released.wait()
            self._released.clear()
            if news := self._waiting.take_news():
                await nft.apply_text(self._namespace, rules.settled(news))

    def _send(self, packets: Iterable[_Packet]) -> None:
        for esp, octets in packets:
            with contextlib.suppress(OSError):  # lost, as a datagram may be anywhere
                self._ends.senders[esp.family].sendto(octets, (esp.destination, 0))


def _opened(stack: contextlib.ExitStack) -> _Ends:
    """In the namespace of this thread; closed with `stack`."""
    device = os.open(TUN, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
    stack.callback(os.close, device)
    fcntl.ioctl(device, TUNSETIFF, struct.pack("16sH22x", DEVICE.encode(), IFF_TUN | IFF_NO_PI))
    return _Ends(device, {family: stack.enter_context(_sender(family)) for family in FAMILIES})


def _sender(family: socket.AddressFamily) -> socket.socket:
    sender = socket.socket(family, socket.SOCK_RAW | socket.SOCK_NONBLOCK, socket.IPPROTO_RAW)
    sender.setsockopt(socket.SOL_SOCKET, socket.SO_MARK, rules.RELEASED)
    return sender


async def _wire(namespace: str, uplink: str | None) -> None:
    """Route marked packets into the device; what does not fit the uplink comes in fragments."""
    await sysctl.ensure(namespace, {f"ipv6/conf/{DEVICE}/addr_gen_mode": "1"})  # no address
    async with netlink.opened(namespace) as route:
        with translated(f"set {DEVICE} up"):
            device = await link_by_name(route, DEVICE)
            if device is None:
                raise GatewayError(f"{DEVICE} has gone")
            index = device["index"]
            outside = await link_by_name(route, uplink) if uplink else None
            mtu = outside.get("mtu") if outside is not None else LARGEST
            await route.link("set", index=index, mtu=mtu, txqlen=QUEUE, state="up")
            for family in FAMILIES:
                await route.route("replace", dst="default", oif=index, family=family, table=TABLE)
                await _rule(route, family)


async def _rule(route: Any, family: int) -> None:
    try:
        rule = {"priority": RULE_PRIORITY, "table": TABLE, "fwmark": rules.HELD}
        await route.rule("add", family=family, **rule)
    except NetlinkError as error:
        if error.code != errno.EEXIST:
            raise
