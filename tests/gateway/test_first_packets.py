"""The first packets of a new SA wait, on the real kernel: datagrams as charon would send them.

charon is left out here: what it sends is sent by the test, from its port in the router's
namespace. What the detour is for, packets of a live tunnel, test_update and test_zero_loss count.
"""

from __future__ import annotations

import asyncio
import contextlib
import select
import socket
import struct
import time
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import msgspec
import pytest

from landbridge.agent.host.bridges import Bridges
from landbridge.agent.host.dataplane import Backend, TunnelNet
from landbridge.agent.host.holdback import detour
from landbridge.agent.host.traffic import HostDataplane
from landbridge.agent.namespace import Namespaces
from landbridge.lab.hosts import Ground, Host, inside, wait_until
from landbridge.model import Router
from tests.gateway.netparts import inner, leg, plug, router, tunnel

pytestmark = pytest.mark.gateway

OURS = ("198.51.100.2", "2001:db8::2")
LATE = ("198.51.100.8", "2001:db8::8")
PROMPT = ("198.51.100.9", "2001:db8::9")
PORT = 4500
DEADLINE = 10.0
SHORT, ENDLESS = 0.3, 600.0  # how late a peer may be, seconds
KEEP_ALIVE, IKE = b"\xff", bytes(4) + b"an IKE message"


def esp(spi: int, number: int, size: int = 0) -> bytes:
    return struct.pack("!II", spi, number) + bytes(size)


class Site:
    """A router with charon's sockets, and a network with two peers on one host."""

    def __init__(self, made: Router, outside: Host, close: contextlib.ExitStack) -> None:
        self.made = made
        self.plane = HostDataplane(Backend.LIBIPSEC)
        self._senders = [self._socket(inner(made), address, close) for address in OURS]
        self._ears = {
            address: self._socket(outside, address, close) for address in (*LATE, *PROMPT)
        }

    def _socket(self, host: Host, address: str, close: contextlib.ExitStack) -> socket.socket:
        family = socket.AF_INET6 if ":" in address else socket.AF_INET

        def bound() -> socket.socket:
            made = close.enter_context(socket.socket(family, socket.SOCK_DGRAM))
            made.bind((address, PORT))
            made.settimeout(DEADLINE)
            return made

        return inside(host.name, bound)

    def send(self, peer: str, *datagrams: bytes) -> None:
        sender = self._senders[":" in peer]
        for each in datagrams:
            sender.sendto(each, (peer, PORT))

    def heard(self, peer: str, count: int = 1) -> list[bytes]:
        """The next datagrams that come there; a `TimeoutError` if they do not."""
        return [self._ears[peer].recv(70_000) for _ in range(count)]

    def passes(self, peer: str, *datagrams: bytes) -> bool:
        """Whether these come, and in their order."""
        self.send(peer, *datagrams)
        return self.heard(peer, len(datagrams)) == list(datagrams)

    def comes(self, peer: str, datagram: bytes) -> bool:
        """Whether it is there at once."""
        self.send(peer, datagram)
        return bool(select.select([self._ears[peer]], [], [], 0.05)[0])

    async def expect(self, late_by: float) -> None:
        """What the tunnels of a router say of their peers."""
        lateness = dict.fromkeys(PROMPT, 0.0) | dict.fromkeys(LATE, late_by)
        nets = {peer: _net(peer, seconds) for peer, seconds in lateness.items()}
        await self.plane.apply(self.made, nets)

    @contextlib.asynccontextmanager
    async def attended(self) -> AsyncIterator[None]:
        """While an agent runs."""
        task = asyncio.create_task(self.plane.attend(self.made))
        try:
            await until(self._is_ready, "the detour is set up")
            yield
        finally:
            task.cancel()
            await asyncio.wait([task])

    def settled(self) -> str:
        command = ("nft", "list", "set", "inet", "landbridge-holdback", "settled")
        return inner(self.made).run(*command)

    def _is_ready(self) -> bool:
        """The last thing that is set up: the rule for IPv6."""
        return "lookup 208" in inner(self.made).ip("-6", "rule", "list")


def _net(peer: str, late_by: float) -> TunnelNet:
    plain = tunnel("10.2.0.0/24", id=peer)
    return msgspec.structs.replace(plain, peer_address=peer, late_by=late_by)


async def until(holds: Callable[[], bool], what: str) -> None:
    await asyncio.to_thread(wait_until, holds, DEADLINE, what)


@pytest.fixture
def site(ground: Ground, tmp_path: Path) -> Iterator[Site]:
    up = leg(*(f"{address}/64" if ":" in address else f"{address}/24" for address in OURS))
    made = router(up)
    namespaces = Namespaces(Bridges({}, tmp_path))
    try:
        asyncio.run(namespaces.ensure(made))
        outside = ground.host("out")
        plug(ground, outside, up, *(f"{a}/24" for a in (LATE[0], PROMPT[0])))
        for address in (LATE[1], PROMPT[1]):
            outside.ip("address", "add", f"{address}/64", "dev", "eth0", "nodad")
        with contextlib.ExitStack() as close:
            yield Site(made, outside, close)
    finally:
        ground.close()
        asyncio.run(namespaces.remove(made.id))


@pytest.fixture(params=[0, 1], ids=["ipv4", "ipv6"])
def peers(request: pytest.FixtureRequest) -> tuple[str, str]:
    """One that is late and one that is not."""
    return LATE[request.param], PROMPT[request.param]


def test_first_packets_to_a_late_peer_wait_together(site: Site, peers: tuple[str, str]) -> None:
    async def scene() -> None:
        await site.expect(SHORT)
        async with site.attended():
            for spi in (0xC1, 0xC2):
                began = time.monotonic()
                packets = [esp(spi, number) for number in range(50)]
                assert await asyncio.to_thread(site.passes, peers[0], *packets)
                assert time.monotonic() - began >= SHORT

    asyncio.run(scene())


def test_a_short_wait_does_not_wait_for_a_long_one(site: Site) -> None:
    async def scene() -> None:
        await site.expect(ENDLESS)
        async with site.attended():
            site.send(LATE[0], esp(0xC1, 1))
            await site.expect(SHORT)
            assert await asyncio.to_thread(site.passes, LATE[1], esp(0xC2, 1))

    asyncio.run(scene())


def test_nothing_else_waits(site: Site, peers: tuple[str, str]) -> None:
    late, prompt = peers

    async def scene() -> None:
        await site.expect(SHORT)
        async with site.attended():
            assert await asyncio.to_thread(site.passes, late, esp(0xC1, 1))
            await until(lambda: str(0xC1) in site.settled(), "the SA has settled")
            await site.expect(ENDLESS)
            straight = [esp(0xC1, 2), KEEP_ALIVE, IKE]
            assert await asyncio.to_thread(site.passes, late, *straight)
            assert await asyncio.to_thread(site.passes, prompt, esp(0xC9, 1))
        site.plane = HostDataplane(Backend.LIBIPSEC)  # an agent that begins anew
        await site.expect(ENDLESS)
        async with site.attended():
            assert await asyncio.to_thread(site.passes, late, esp(0xC1, 3))

    asyncio.run(scene())


def test_without_an_agent_nothing_waits(site: Site, peers: tuple[str, str]) -> None:
    async def scene() -> None:
        await site.expect(ENDLESS)
        assert site.passes(peers[0], esp(0xC1, 1))
        async with site.attended():
            site.send(peers[0], esp(0xC2, 1))  # lost with the agent that has it
        assert site.passes(peers[0], esp(0xC2, 2))

    asyncio.run(scene())


def test_an_agent_that_hangs_stops_nothing(site: Site, peers: tuple[str, str]) -> None:
    async def scene() -> None:
        await site.expect(SHORT)
        async with site.attended():
            # Nothing is read from here on: this blocks the event loop, as a hung agent would.
            wait_until(lambda: site.comes(peers[0], esp(0xC1, 1)), DEADLINE, "it goes straight")

    asyncio.run(scene())


def test_a_packet_too_long_for_the_uplink_goes_on_in_fragments(
    site: Site, peers: tuple[str, str]
) -> None:
    packets = [esp(0xC1, number, size=4000) for number in range(3)]

    async def scene() -> None:
        await site.expect(SHORT)
        async with site.attended():
            assert await asyncio.to_thread(site.passes, peers[0], *packets)

    asyncio.run(scene())


def test_a_host_without_the_device_runs_its_tunnels_all_the_same(
    site: Site, peers: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(detour, "TUN", "/dev/net/nothing")

    async def scene() -> None:
        await site.expect(ENDLESS)
        await site.plane.attend(site.made)  # gives up, and says so
        assert site.passes(peers[0], esp(0xC1, 1))

    asyncio.run(scene())
