"""Who encrypts on this host: the kernel where it has ESP, charon itself where it has not.

Rules this module keeps:
- The kernel is asked, not guessed from versions or modules: an ESP state is added for
  real (``XFRM_MSG_NEWSA``, linux/xfrm.h), in an empty namespace that is gone afterwards.
- A refusal is an answer: only "yes" chooses `kernel-netlink`, and where the operator has asked for
  it, anything else ends the agent.
"""

from __future__ import annotations

import socket
import struct
from typing import Final

from landbridge.agent.faults import GatewayError
from landbridge.agent.host.dataplane import Backend
from landbridge.agent.host.netlink import translated, within_new

NETLINK_XFRM: Final = 6
XFRM_MSG_NEWSA: Final = 0x10
XFRMA_ALG_AUTH: Final = 1
XFRMA_ALG_CRYPT: Final = 2
NLMSG_ERROR: Final = 2
NLM_F_REQUEST_ACK_CREATE_EXCL: Final = 0x01 | 0x04 | 0x400 | 0x200
REPLY_TIMEOUT: Final = 2.0  # seconds
SELECTOR_SIZE: Final = 56
FOREVER: Final = 0xFFFFFFFFFFFFFFFF


async def choose_backend(setting: str) -> Backend:
    """The backend for every charon of this agent: as configured, or what the probe finds.

    Raises:
        GatewayError: no network namespace can be made (not root), or the kernel is to encrypt and
            cannot.
    """
    if setting == "libipsec":
        return Backend.LIBIPSEC
    with translated("probe the kernel for ESP (is the agent running as root?)"):
        has_esp = await within_new(_kernel_takes_esp)
    if setting == "netlink" and not has_esp:
        raise GatewayError(
            "[agent] kernel = netlink, but this kernel has no ESP; load esp4 and esp6, or set it to"
            " auto or libipsec"
        )
    return Backend.NETLINK if has_esp else Backend.LIBIPSEC


def _kernel_takes_esp() -> bool:
    try:
        channel = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_XFRM)
    except OSError:  # no XFRM at all: EPROTONOSUPPORT
        return False
    with channel:
        channel.settimeout(REPLY_TIMEOUT)
        channel.sendto(new_esp_state(), (0, 0))
        try:
            reply = channel.recv(4096)
        except TimeoutError:
            return False
    _, kind, _, _, _ = struct.unpack_from("=IHHII", reply)
    (code,) = struct.unpack_from("=i", reply, 16)
    return bool(kind == NLMSG_ERROR and code == 0)


def new_esp_state() -> bytes:
    """A netlink request to add one ESP state, AES-CBC with HMAC-SHA1, 192.0.2.1 to .2."""
    body = _state_info() + _algorithm(XFRMA_ALG_AUTH, b"hmac(sha1)", 20)
    body += _algorithm(XFRMA_ALG_CRYPT, b"cbc(aes)", 16)
    header = struct.pack(
        "=IHHII", 16 + len(body), XFRM_MSG_NEWSA, NLM_F_REQUEST_ACK_CREATE_EXCL, 1, 0
    )
    return header + body


def _state_info() -> bytes:
    """``struct xfrm_usersa_info``."""
    source, destination = (socket.inet_aton(a).ljust(16, b"\0") for a in ("192.0.2.1", "192.0.2.2"))
    selector = bytearray(SELECTOR_SIZE)
    struct.pack_into("=H", selector, 40, socket.AF_INET)
    identity = destination + struct.pack("!I", 0x1000) + struct.pack("=B3x", socket.IPPROTO_ESP)
    limits = struct.pack("=8Q", FOREVER, FOREVER, FOREVER, FOREVER, 0, 0, 0, 0)
    current, statistics = bytes(32), bytes(12)
    tail = struct.pack("=IIHBBB7x", 0, 1, socket.AF_INET, 1, 32, 0)  # mode 1: tunnel
    return bytes(selector) + identity + source + limits + current + statistics + tail


def _algorithm(attribute: int, name: bytes, key_bytes: int) -> bytes:
    """``struct xfrm_algo`` as an attribute; the key is all zeros and never used."""
    value = name.ljust(64, b"\0") + struct.pack("=I", key_bytes * 8) + bytes(key_bytes)
    return struct.pack("=HH", 4 + len(value), attribute) + value + bytes(-len(value) % 4)
