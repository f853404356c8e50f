"""Finds the SPI in an IP packet; pure.

Rules this module keeps:
- Only what `agent.host.holdback.rules` sends this way has one: ESP (RFC 4303), bare or in UDP
  (RFC 3948). Anything else that the kernel says on a device of its own accord has none.
- Later fragments carry no header of ESP; they belong to the packet before them.
"""

from __future__ import annotations

import socket
import struct
from typing import Final, NamedTuple

UDP, ESP, FRAGMENT = socket.IPPROTO_UDP, socket.IPPROTO_ESP, socket.IPPROTO_FRAGMENT
IPV4, IPV6 = 4, 6
IPV6_HEADER: Final = 40  # bytes
FRAGMENT_HEADER: Final = 8
UDP_HEADER: Final = 8
OFFSET_V4: Final = 0x1FFF  # of the field with the flags
OFFSET_V6: Final = 0xFFF8


class Esp(NamedTuple):
    """`spi` None: a later fragment of the packet before it."""

    family: socket.AddressFamily
    destination: str
    spi: int | None


def parsed(packet: bytes) -> Esp | None:
    """None: no ESP, or not all of a header."""
    try:
        version = packet[0] >> 4
        if version == IPV4:
            return _of_ipv4(packet)
        return _of_ipv6(packet) if version == IPV6 else None
    except (IndexError, ValueError, struct.error):
        return None


def _of_ipv4(packet: bytes) -> Esp | None:
    protocol, (field,) = packet[9], struct.unpack_from("!H", packet, 6)
    destination = socket.inet_ntop(socket.AF_INET, packet[16:20])
    if protocol not in (UDP, ESP):
        return None
    later = bool(field & OFFSET_V4)
    spi = None if later else _spi(packet, (packet[0] & 0xF) * 4, protocol)
    return Esp(socket.AF_INET, destination, spi)


def _of_ipv6(packet: bytes) -> Esp | None:
    protocol, start, later = packet[6], IPV6_HEADER, False
    if protocol == FRAGMENT:
        protocol, (field,) = packet[start], struct.unpack_from("!H", packet, start + 2)
        later, start = bool(field & OFFSET_V6), start + FRAGMENT_HEADER
    if protocol not in (UDP, ESP):
        return None
    destination = socket.inet_ntop(socket.AF_INET6, packet[24:40])
    return Esp(socket.AF_INET6, destination, None if later else _spi(packet, start, protocol))


def _spi(packet: bytes, start: int, protocol: int) -> int:
    at = start + UDP_HEADER if protocol == UDP else start
    return int(struct.unpack_from("!I", packet, at)[0])
