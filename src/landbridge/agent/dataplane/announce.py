"""Tells the neighbours at once that an address lives here now.

Rules this module keeps:
- IPv4: an ARP announcement (RFC 5227 section 3); IPv6: an unsolicited neighbour
  advertisement with the override flag (RFC 4861 section 7.2.6).
- Frames are rendered by pure functions; `announce` alone opens a socket.
"""

from __future__ import annotations

import ipaddress
import socket
import struct
from collections.abc import Sequence
from typing import Final

from landbridge.agent.dataplane.netlink import translated, within

ETHERTYPE_ARP: Final = 0x0806
ETHERTYPE_IPV6: Final = 0x86DD
BROADCAST: Final = b"\xff" * 6
ALL_NODES: Final = ipaddress.IPv6Address("ff02::1")
ALL_NODES_MAC: Final = bytes.fromhex("333300000001")
NEIGHBOUR_ADVERTISEMENT: Final = 136
ROUTER_AND_OVERRIDE: Final = 0xA0000000
TARGET_LINK_ADDRESS: Final = 2


async def announce(namespace: str, interface: str, mac: str, addresses: Sequence[str]) -> None:
    """Send one frame per interface address (with prefix) out of an interface that is up.

    Raises:
        GatewayError: no packet socket, or the interface is gone.
    """
    frames = [announcement(mac, ipaddress.ip_interface(address).ip) for address in addresses]

    def send() -> None:
        with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as channel:
            channel.bind((interface, 0))
            for frame in frames:
                channel.send(frame)

    with translated(f"announce the addresses of {interface}"):
        await within(namespace, send)


def announcement(mac: str, address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bytes:
    hardware = bytes.fromhex(mac.replace(":", ""))
    if isinstance(address, ipaddress.IPv4Address):
        return _arp(hardware, address)
    return _advertisement(hardware, address)


def _arp(hardware: bytes, address: ipaddress.IPv4Address) -> bytes:
    ethernet = BROADCAST + hardware + struct.pack("!H", ETHERTYPE_ARP)
    operation = struct.pack("!HHBBH", 1, 0x0800, 6, 4, 1)
    return ethernet + operation + hardware + address.packed + bytes(6) + address.packed


def _advertisement(hardware: bytes, address: ipaddress.IPv6Address) -> bytes:
    option = struct.pack("!BB", TARGET_LINK_ADDRESS, 1) + hardware
    body = struct.pack("!I", ROUTER_AND_OVERRIDE) + address.packed + option
    length = 4 + len(body)
    pseudo = address.packed + ALL_NODES.packed + struct.pack("!II", length, socket.IPPROTO_ICMPV6)
    unsummed = struct.pack("!BBH", NEIGHBOUR_ADVERTISEMENT, 0, 0) + body
    checksum = struct.pack("!H", _internet_checksum(pseudo + unsummed))
    message = unsummed[:2] + checksum + unsummed[4:]
    header = struct.pack("!IHBB", 0x60000000, length, socket.IPPROTO_ICMPV6, 255)
    ethernet = ALL_NODES_MAC + hardware + struct.pack("!H", ETHERTYPE_IPV6)
    return ethernet + header + address.packed + ALL_NODES.packed + message


def _internet_checksum(data: bytes) -> int:
    """RFC 1071."""
    total: int = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF
