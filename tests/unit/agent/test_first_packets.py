"""The first packets of a new SA: which of them wait, in what order they go, and for how long."""

from __future__ import annotations

import socket
import struct

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from landbridge.agent.daemon.proposals import QUICK_MODE_TIME_OF_MOST, quick_mode_time
from landbridge.agent.host.dataplane import Backend
from landbridge.agent.host.holdback import rules
from landbridge.agent.host.holdback.waiting import BATCH, KNOWN, LIMIT, Waiting
from landbridge.agent.host.holdback.wire import Esp, parsed
from landbridge.agent.swan import target
from tests.unit.agent.tunnels import tunnel

PEER4, PEER6 = "198.51.100.9", "2001:db8::9"
PATIENCE = 0.5


def ipv4(protocol: int, payload: bytes, *, offset: int = 0) -> bytes:
    addresses = socket.inet_aton("198.51.100.2") + socket.inet_aton(PEER4)
    length = 20 + len(payload)
    header = struct.pack("!BBHHHBBH", 0x45, 0, length, 7, offset, 64, protocol, 0)
    return header + addresses + payload


def ipv6(protocol: int, payload: bytes) -> bytes:
    addresses = socket.inet_pton(socket.AF_INET6, "2001:db8::2")
    addresses += socket.inet_pton(socket.AF_INET6, PEER6)
    return struct.pack("!IHBB", 0x6000_0000, len(payload), protocol, 64) + addresses + payload


def in_udp(spi: int) -> bytes:
    return struct.pack("!HHHHI", 4500, 4500, 12, 0, spi)


def bare(spi: int) -> bytes:
    return struct.pack("!II", spi, 1)


def fragment(protocol: int, payload: bytes, *, offset: int = 0) -> bytes:
    return struct.pack("!BBHI", protocol, 0, offset, 7) + payload


@pytest.mark.parametrize(
    ("packet", "found"),
    [
        (ipv4(17, in_udp(0xC1)), Esp(socket.AF_INET, PEER4, 0xC1)),
        (ipv4(50, bare(0xC2)), Esp(socket.AF_INET, PEER4, 0xC2)),
        (ipv4(17, b"later bytes", offset=185), Esp(socket.AF_INET, PEER4, None)),
        (ipv6(17, in_udp(0xC3)), Esp(socket.AF_INET6, PEER6, 0xC3)),
        (ipv6(50, bare(0xC4)), Esp(socket.AF_INET6, PEER6, 0xC4)),
        (ipv6(44, fragment(50, bare(0xC5))), Esp(socket.AF_INET6, PEER6, 0xC5)),
        (ipv6(44, fragment(17, b"later", offset=1448)), Esp(socket.AF_INET6, PEER6, None)),
        (ipv6(58, b"router solicitation"), None),
        (ipv4(17, b"\xff"), None),
        (ipv4(6, b"no business here"), None),
        (b"", None),
    ],
)
def test_the_spi_of_a_packet_is_found(packet: bytes, found: Esp | None) -> None:
    assert parsed(packet) == found


@given(st.binary(max_size=80))
def test_no_packet_is_too_odd(packet: bytes) -> None:
    parsed(packet)


def test_packets_of_a_new_sa_wait_for_the_first_and_leave_in_order() -> None:
    waiting: Waiting[bytes] = Waiting()
    assert waiting.take(1, b"a", 0.0, PATIENCE) == []
    assert waiting.take(1, b"b", 0.4, PATIENCE) == []
    assert waiting.next_due == PATIENCE
    assert waiting.due(0.49) == []
    assert waiting.due(PATIENCE) == [b"a", b"b"]
    assert waiting.take_news() == {1}
    assert waiting.take(1, b"c", 0.6, PATIENCE) == [b"c"]
    assert not waiting.take_news()


def test_many_leave_little_by_little_and_in_order_with_those_that_still_come() -> None:
    waiting: Waiting[bytes] = Waiting()
    now = PATIENCE
    packets = [b"%d" % number for number in range(3 * BATCH)]
    for packet in packets[:-1]:
        waiting.take(1, packet, 0.0, PATIENCE)
    left = waiting.due(now)
    assert len(left) == BATCH
    assert waiting.due(now) == []
    assert waiting.take(1, packets[-1], now, PATIENCE) == []
    while waiting.next_due is not None:
        now = waiting.next_due
        left += waiting.due(now)
    assert left == packets
    assert waiting.take_news() == {1}


def test_each_sa_waits_for_its_own_time() -> None:
    waiting: Waiting[bytes] = Waiting()
    waiting.take(1, b"patient", 0.0, 2.0)
    waiting.take(2, b"quick", 0.0, 0.1)
    assert waiting.next_due == 0.1
    assert waiting.due(0.1) == [b"quick"]
    assert waiting.next_due == 2.0


def test_there_is_an_end_to_what_is_kept() -> None:
    waiting: Waiting[bytes] = Waiting()
    for number in range(LIMIT):
        assert waiting.take(number % 3, b"%d" % number, 0.0, PATIENCE) == []
    released = waiting.take(0, b"one more", 0.0, PATIENCE)
    assert len(released) == LIMIT + 1
    assert waiting.next_due is None
    for spi in range(KNOWN + 10):
        waiting.take(spi, b"", 0.0, 0.0)
        waiting.due(1.0)
    assert waiting.take(3, b"forgotten", 2.0, PATIENCE) == []
    assert waiting.take(KNOWN, b"known", 2.0, PATIENCE) == [b"known"]


def test_rules_change_by_the_peers_that_change() -> None:
    before, after = frozenset({PEER4, PEER6}), frozenset({PEER6, "192.0.2.7"})
    table = "inet landbridge-holdback"
    assert rules.difference(before, after) == (
        f"delete element {table} late4 {{ {PEER4} }}\nadd element {table} late4 {{ 192.0.2.7 }}\n"
    )
    assert rules.difference(after, after) == ""


def test_ikev1_peers_are_late_and_more_so_with_long_groups() -> None:
    v2 = tunnel()
    v1 = tunnel(ike=msgspec.structs.replace(v2.ike, version="v1"))
    assert target(v2, Backend.LIBIPSEC).late_by == 0
    assert target(v1, Backend.LIBIPSEC).late_by == QUICK_MODE_TIME_OF_MOST
    long = msgspec.structs.replace(v2.esp, pfs_group="group18")
    assert quick_mode_time(long) > QUICK_MODE_TIME_OF_MOST
