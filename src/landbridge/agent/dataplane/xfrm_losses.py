"""How many packets of the peer's each inbound SA of the kernel has missed.

Rules this module keeps:
- The sender numbers its packets from 1 without a gap (RFC 4303, section 2.2), so what is missing
  below the highest number seen is lost, refused, or still on its way.
- Number and count come from one record of the kernel's: no packet gets in between.
- Reading is pure (`losses`); `inbound_losses` alone opens a socket, in the calling thread's network
  namespace. An SA that has received nothing is not told: an outbound one looks the same.
"""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterator
from typing import Final

NETLINK_XFRM: Final = 6
XFRM_MSG_NEWSA: Final = 0x10
XFRM_MSG_GETSA: Final = 0x12
NLMSG_ERROR: Final = 2
NLMSG_DONE: Final = 3
NLM_F_REQUEST_DUMP: Final = 0x301
XFRMA_REPLAY_VAL: Final = 10
XFRMA_REPLAY_ESN_VAL: Final = 23
HEADER: Final = struct.Struct("=IHHII")  # nlmsghdr: length, type, flags, sequence, port
ATTRIBUTE: Final = struct.Struct("=HH")  # length, type
#: Offsets in ``struct xfrm_usersa_info`` (linux/xfrm.h), and its size.
SPI_AT: Final = 72
PACKETS_AT: Final = 168
INFO_SIZE: Final = 224
REPLY_TIMEOUT: Final = 5.0  # seconds
BUFFER: Final = 1 << 18

Losses = dict[int, int]  # SPI -> packets


def inbound_losses() -> Losses:
    """Of every SA that has received something. Raises: OSError."""
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_XFRM) as channel:
        channel.settimeout(REPLY_TIMEOUT)
        channel.sendto(HEADER.pack(HEADER.size, XFRM_MSG_GETSA, NLM_F_REQUEST_DUMP, 1, 0), (0, 0))
        found: Losses = {}
        while True:
            reply = channel.recv(BUFFER)
            found |= losses(reply)
            if any(kind in {NLMSG_DONE, NLMSG_ERROR} for kind, _ in _messages(reply)):
                return found


def losses(reply: bytes) -> Losses:
    """Of the SAs in a part of a dump."""
    states = (body for kind, body in _messages(reply) if kind == XFRM_MSG_NEWSA)
    return {spi: lost for body in states for spi, lost in [_loss(body)] if lost is not None}


def _loss(state: bytes) -> tuple[int, int | None]:
    (spi,) = struct.unpack_from("!I", state, SPI_AT)
    (packets,) = struct.unpack_from("=Q", state, PACKETS_AT)
    highest = max((_highest(*each) for each in _attributes(state)), default=0)
    return spi, max(0, highest - packets) if highest else None


def _highest(kind: int, value: bytes) -> int:
    """The highest sequence number received; 0: the attribute has none."""
    if kind == XFRMA_REPLAY_VAL:  # struct xfrm_replay_state: oseq, seq, bitmap
        return int(struct.unpack_from("=II", value)[1])
    if kind == XFRMA_REPLAY_ESN_VAL:  # bmp_len, oseq, seq, oseq_hi, seq_hi, replay_window
        _, _, low, _, high = struct.unpack_from("=IIIII", value)
        return int(high << 32 | low)
    return 0


def _messages(reply: bytes) -> Iterator[tuple[int, bytes]]:
    """Type and body of each."""
    at = 0
    while at + HEADER.size <= len(reply):
        length, kind, *_ = HEADER.unpack_from(reply, at)
        if length < HEADER.size:
            return
        yield kind, reply[at + HEADER.size : at + length]
        at += _aligned(length)


def _attributes(state: bytes) -> Iterator[tuple[int, bytes]]:
    at = INFO_SIZE
    while at + ATTRIBUTE.size <= len(state):
        length, kind = ATTRIBUTE.unpack_from(state, at)
        if length < ATTRIBUTE.size:
            return
        yield kind, state[at + ATTRIBUTE.size : at + length]
        at += _aligned(length)


def _aligned(length: int) -> int:
    return (length + 3) & ~3
