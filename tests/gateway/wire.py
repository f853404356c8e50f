"""What is seen on the uplink: a listener in the peer's place, and what it tells of a packet."""

from __future__ import annotations

import contextlib
import ipaddress
import socket
import struct
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from landbridge.lab.hosts import Host, inside

ETHERNET = 14
IKE_PORTS = frozenset({500, 4500})
ESP_PORT = 4500
MARKED = 12  # bytes of UDP before what follows an SPI, or zeros in its place (RFC 3948)
SO_RCVBUFFORCE = 33  # asm-generic/socket.h
SOL_PACKET, PACKET_ADD_MEMBERSHIP, PACKET_MR_PROMISC = 263, 1, 1  # packet(7)
INITIATES = {34: "IKE_SA_INIT", 2: "main mode", 4: "aggressive mode"}
_FLAG_INITIATOR, _FLAG_RESPONSE = 0x08, 0x20  # RFC 7296, section 3.1


@dataclass(frozen=True)
class Packet:
    """An IP packet in an Ethernet frame. `at`: the monotonic clock."""

    at: float
    frame: bytes

    @property
    def version(self) -> int:
        return {b"\x08\x00": 4, b"\x86\xdd": 6}.get(self.frame[12:14], 0)

    @property
    def ends(self) -> tuple[str, str]:
        """Source and destination; empty for what is not IP."""
        ip = self.frame[ETHERNET:]
        where = {4: (12, 16, 20), 6: (8, 24, 40)}.get(self.version)
        if where is None:
            return "", ""
        first, second, end = where
        return (
            str(ipaddress.ip_address(ip[first:second])),
            str(ipaddress.ip_address(ip[second:end])),
        )

    @property
    def size(self) -> int:
        """Of the IP packet, in bytes."""
        ip = self.frame[ETHERNET:]
        if self.version == 6:
            return 40 + int.from_bytes(ip[4:6], "big")
        return int.from_bytes(ip[2:4], "big")

    @property
    def transport(self) -> tuple[int, bytes]:
        """The protocol's number, and what follows the IP header."""
        ip = self.frame[ETHERNET : ETHERNET + self.size]
        if self.version == 6:
            return ip[6], ip[40:]
        return (ip[9], ip[(ip[0] & 15) * 4 :]) if self.version == 4 else (0, b"")

    @property
    def ike(self) -> bytes:
        """The IKE message, without a non-ESP marker; empty for anything else."""
        protocol, body = self.transport
        if protocol != socket.IPPROTO_UDP or len(body) < 36:
            return b""
        ports = {int.from_bytes(body[0:2], "big"), int.from_bytes(body[2:4], "big")}
        if not ports & IKE_PORTS:
            return b""
        message = body[8:]
        if 4500 in ports:
            return message[4:] if message[:4] == bytes(4) else b""
        return message

    @property
    def spi(self) -> int:
        """Of ESP, bare or in UDP; 0 for anything else."""
        protocol, body = self.transport
        if protocol == socket.IPPROTO_UDP and int.from_bytes(body[0:2], "big") == ESP_PORT:
            return int.from_bytes(body[8:12], "big") if len(body) > MARKED else 0
        return int.from_bytes(body[0:4], "big") if protocol == socket.IPPROTO_ESP else 0

    @property
    def begins_ike(self) -> bool:
        """The first message of an IKE_SA, from the one who initiates it."""
        message = self.ike
        if len(message) < 28 or message[8:16] != bytes(8) or message[18] not in INITIATES:
            return False
        return message[17] >> 4 == 1 or not message[19] & _FLAG_RESPONSE

    @property
    def tcp(self) -> bytes:
        protocol, body = self.transport
        return body if protocol == socket.IPPROTO_TCP else b""


@dataclass
class Ear:
    """Everything that an interface of a host has seen so far."""

    packets: list[Packet] = field(default_factory=list)

    def clear_text(self, *prefixes: str) -> list[Packet]:
        """Packets from or to addresses that begin so: they should have been encrypted."""
        return [p for p in self.packets if any(e.startswith(prefixes) for e in p.ends)]

    def sent_by(self, address: str) -> list[Packet]:
        return [packet for packet in self.packets if packet.ends[0] == address]


@contextmanager
def listen(host: Host, interface: str) -> Iterator[Ear]:
    """Until the end of the block; what came last is in before that.

    Where the kernel decrypts, the host's own interface shows what it has decrypted, too.
    """
    with _heard(inside(host.name, lambda: _opened(interface))) as ear:
        yield ear


@contextmanager
def listen_between(bridge: str) -> Iterator[Ear]:
    """What passes over a bridge of this machine: as it is on the wire, nothing decrypted."""
    channel = _opened(bridge)
    index = socket.if_nametoindex(bridge)
    everything = struct.pack("iHH8s", index, PACKET_MR_PROMISC, 0, bytes(8))
    channel.setsockopt(SOL_PACKET, PACKET_ADD_MEMBERSHIP, everything)
    with _heard(channel) as ear:
        yield ear


def _opened(interface: str) -> socket.socket:
    channel = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
    channel.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 1 << 26)  # who listens loses none
    channel.bind((interface, 0))
    return channel


@contextmanager
def _heard(opened: socket.socket) -> Iterator[Ear]:
    ear, over = Ear(), threading.Event()
    with opened as channel:
        channel.settimeout(0.05)

        def hear() -> None:
            while not over.is_set():
                with contextlib.suppress(TimeoutError):
                    ear.packets.append(Packet(time.monotonic(), channel.recv(65536)))
            channel.setblocking(False)
            with contextlib.suppress(BlockingIOError):  # that is all, whatever still comes
                while True:
                    ear.packets.append(Packet(time.monotonic(), channel.recv(65536)))

        thread = threading.Thread(target=hear)
        thread.start()
        try:
            yield ear
        finally:
            over.set()
            thread.join()
