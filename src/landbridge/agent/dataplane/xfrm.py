"""Asks the kernel whether it takes an IPsec state: rendered as netlink messages, and sent.

Rules this module keeps:
- The kernel is asked, not guessed from versions or modules: a state is added for real
  (``XFRM_MSG_NEWSA``, linux/xfrm.h), in the network namespace of the calling thread.
- Rendering is pure; `add` alone opens a socket. Keys are a count of bytes and never used.
"""

from __future__ import annotations

import ipaddress
import os
import socket
import struct
from dataclasses import dataclass
from typing import Final

NETLINK_XFRM: Final = 6
XFRM_MSG_NEWSA: Final = 0x10
XFRMA_ALG_CRYPT: Final = 2
XFRMA_ALG_AEAD: Final = 18
XFRMA_ALG_AUTH_TRUNC: Final = 20
NLMSG_ERROR: Final = 2
NLM_F_REQUEST_ACK_CREATE_EXCL: Final = 0x01 | 0x04 | 0x400 | 0x200
REPLY_TIMEOUT: Final = 5.0  # seconds; modules may have to be loaded
SELECTOR_SIZE: Final = 56
FOREVER: Final = 0xFFFFFFFFFFFFFFFF
MODE_TUNNEL: Final = 1
ENDS: Final = {4: ("192.0.2.1", "192.0.2.2"), 6: ("2001:db8::1", "2001:db8::2")}
FAMILIES: Final = {4: socket.AF_INET, 6: socket.AF_INET6}


@dataclass(frozen=True)
class Algorithm:
    """As the kernel names it. `bits`: of its key; `icv`: of its check value, where it has one."""

    attribute: int
    name: str
    bits: int
    icv: int = 0


def cipher(name: str, bits: int) -> Algorithm:
    return Algorithm(XFRMA_ALG_CRYPT, name, bits)


def integrity(name: str, bits: int, icv: int) -> Algorithm:
    return Algorithm(XFRMA_ALG_AUTH_TRUNC, name, bits, icv)


def aead(name: str, bits: int, icv: int) -> Algorithm:
    return Algorithm(XFRMA_ALG_AEAD, name, bits, icv)


AES_CBC: Final = cipher("cbc(aes)", 128)
HMAC_SHA256: Final = integrity("hmac(sha256)", 256, 128)


@dataclass(frozen=True)
class State:
    """One direction of a CHILD_SA in tunnel mode. `version`: of the IP outside. Two states of one
    protocol and version differ in their `spi`."""

    protocol: int
    algorithms: tuple[Algorithm, ...]
    version: int = 4
    spi: int = 0x1000


ESP: Final = State(socket.IPPROTO_ESP, (AES_CBC, HMAC_SHA256))
ESP6: Final = State(socket.IPPROTO_ESP, (AES_CBC, HMAC_SHA256), version=6)
AH: Final = State(socket.IPPROTO_AH, (HMAC_SHA256,))
AH6: Final = State(socket.IPPROTO_AH, (HMAC_SHA256,), version=6)


def add(state: State) -> None:
    """Add a state in this thread's network namespace. Raises: OSError, as the kernel refuses."""
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_XFRM) as channel:
        channel.settimeout(REPLY_TIMEOUT)
        channel.sendto(new_state(state), (0, 0))
        reply = channel.recv(4096)
    _, kind, _, _, _ = struct.unpack_from("=IHHII", reply)
    (code,) = struct.unpack_from("=i", reply, 16)
    if kind != NLMSG_ERROR or code:
        raise OSError(-code, os.strerror(-code))


def new_state(state: State) -> bytes:
    """The netlink request that adds it."""
    body = _state_info(state) + b"".join(map(_algorithm, state.algorithms))
    header = struct.pack(
        "=IHHII", 16 + len(body), XFRM_MSG_NEWSA, NLM_F_REQUEST_ACK_CREATE_EXCL, 1, 0
    )
    return header + body


def _state_info(state: State) -> bytes:
    """``struct xfrm_usersa_info``."""
    family = FAMILIES[state.version]
    source, destination = (
        ipaddress.ip_address(end).packed.ljust(16, b"\0") for end in ENDS[state.version]
    )
    selector = bytearray(SELECTOR_SIZE)
    struct.pack_into("=H", selector, 40, family)
    identity = destination + struct.pack("!I", state.spi) + struct.pack("=B3x", state.protocol)
    limits = struct.pack("=8Q", FOREVER, FOREVER, FOREVER, FOREVER, 0, 0, 0, 0)
    current, statistics = bytes(32), bytes(12)
    tail = struct.pack("=IIHBBB7x", 0, 1, family, MODE_TUNNEL, 32, 0)
    return bytes(selector) + identity + source + limits + current + statistics + tail


def _algorithm(algorithm: Algorithm) -> bytes:
    """``struct xfrm_algo``, ``xfrm_algo_auth`` or ``xfrm_algo_aead`` as an attribute."""
    value = algorithm.name.encode().ljust(64, b"\0") + struct.pack("=I", algorithm.bits)
    if algorithm.icv:
        value += struct.pack("=I", algorithm.icv)
    value += bytes(range(algorithm.bits // 8))
    return struct.pack("=HH", 4 + len(value), algorithm.attribute) + value + bytes(-len(value) % 4)
