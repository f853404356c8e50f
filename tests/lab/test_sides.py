"""What the benchmarks read of either end: packets that it has discarded, lines of its log."""

from __future__ import annotations

import contextlib
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from bench.sides import OUTSIDE_WINDOW, Discards, Side, Tail

from landbridge.lab.hosts import Ground, Host, inside, wait_until
from tests.gateway.wire import ETHERNET, Packet, listen
from tests.lab.test_lab import connection, two_sites

pytestmark = pytest.mark.gateway
ESP_PORT = (4500).to_bytes(2, "big")
AGAIN = 3  # times that a packet is sent again


def test_a_packet_that_comes_again_is_told_as_outside_the_replay_window(
    ground: Ground, tmp_path: Path
) -> None:
    left, right = two_sites(ground, tmp_path)
    left.peer.start(connection(1, 2))
    right.peer.start(connection(2, 2))
    left.peer.initiate("net")
    peer = right.peer
    side = Side("peer", peer.host, peer.log, peer.directory / "charon.vici")
    with listen(left.peer.host, "uplink") as ear, contextlib.closing(Discards(side)) as discards:
        assert left.host.ping(right.address)
        wait_until(lambda: bool(_esp(ear.packets)), 5, "an ESP packet on the uplink")
        assert discards.new() == {}
        spi, frame = _esp(ear.packets)[0]
        with _uplink(left.peer.host) as uplink:
            for _ in range(AGAIN):
                uplink.send(frame)
        found = dict(_until_some(discards))
    assert found == {OUTSIDE_WINDOW: AGAIN}
    assert spi in side.associations()


def test_a_log_that_is_turned_over_is_read_to_its_end(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text("before\n")
    with contextlib.closing(Tail(log)) as tail:
        assert tail.new() == b""
        with log.open("a") as old:
            old.write("one\n")
            old.flush()
            assert tail.new() == b"one\n"
            old.write("two\n")
        log.rename(tmp_path / "log.1")
        log.write_text("three\n")
        assert tail.new() == b"two\nthree\n"
        assert tail.new() == b""


def _esp(packets: list[Packet]) -> list[tuple[str, bytes]]:
    """Those that the left one has sent: SPI and frame."""
    sent = [packet for packet in packets if packet.ends[0] == "198.51.100.1"]
    return [(spi.hex(), _sendable(each)) for each in sent if (spi := _spi(*each.transport))]


def _sendable(packet: Packet) -> bytes:
    """Without a checksum in UDP, as RFC 3948 has it: the device would have filled it in."""
    if packet.transport[0] != socket.IPPROTO_UDP:
        return packet.frame
    at = ETHERNET + 20 + 6
    return packet.frame[:at] + bytes(2) + packet.frame[at + 2 :]


def _spi(protocol: int, body: bytes) -> bytes:
    """Of ESP, bare or in UDP; empty for anything else."""
    if protocol == socket.IPPROTO_ESP:
        return body[:4]
    in_udp = protocol == socket.IPPROTO_UDP and body[:2] == ESP_PORT
    return body[8:12] if in_udp and body[8:12] != bytes(4) else b""


def _until_some(discards: Discards) -> Iterator[tuple[str, int]]:
    found: dict[str, int] = {}
    deadline = time.monotonic() + 5
    while sum(found.values()) < AGAIN and time.monotonic() < deadline:
        for name, count in discards.new().items():
            found[name] = found.get(name, 0) + count
        time.sleep(0.02)
    yield from found.items()


@contextlib.contextmanager
def _uplink(host: Host) -> Iterator[socket.socket]:
    def opened() -> socket.socket:
        channel = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
        channel.bind(("uplink", 0))
        return channel

    with inside(host.name, opened) as channel:
        yield channel
