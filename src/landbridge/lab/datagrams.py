"""Many UDP datagrams of one size with one system call: sendmmsg(2) and recvmmsg(2), by ctypes.

Rules this module keeps:
- Buffers and headers are made once; a call costs no allocation.
- A datagram that cannot be sent (no route, a full buffer) is passed over: whoever counts them finds
  it lost.
"""

from __future__ import annotations

import ctypes
import socket
import struct
from typing import Any, Final

MANY: Final = 64  # datagrams in one call
BUFFER: Final = 1 << 24  # bytes that a socket keeps while this process does not run
SO_SNDBUFFORCE: Final = 32  # asm-generic/socket.h; beyond the system's limit
SO_RCVBUFFORCE: Final = 33

_libc = ctypes.CDLL(None, use_errno=True)


class _Vector(ctypes.Structure):
    """``struct iovec``."""

    _fields_ = (("base", ctypes.c_void_p), ("length", ctypes.c_size_t))


class _Header(ctypes.Structure):
    """``struct msghdr``."""

    _fields_ = (
        ("name", ctypes.c_void_p),
        ("name_length", ctypes.c_uint32),
        ("vectors", ctypes.POINTER(_Vector)),
        ("vector_count", ctypes.c_size_t),
        ("control", ctypes.c_void_p),
        ("control_length", ctypes.c_size_t),
        ("flags", ctypes.c_int),
    )


class _Message(ctypes.Structure):
    """``struct mmsghdr``; `length`: of what was transferred."""

    _fields_ = (("header", _Header), ("length", ctypes.c_uint))


class Datagrams:
    """`MANY` datagrams of `size` bytes each, one after the other in `buffer`."""

    def __init__(self, size: int, target: tuple[Any, ...] | None = None) -> None:
        self.size = size
        self.buffer = bytearray(size * MANY)
        self._name = _encoded(target) if target else None
        start = ctypes.addressof(ctypes.c_char.from_buffer(self.buffer))
        self._vectors = (_Vector * MANY)(*(_Vector(start + n * size, size) for n in range(MANY)))
        self._messages = (_Message * MANY)()
        for message, vector in zip(self._messages, self._vectors, strict=True):
            message.header.vectors = ctypes.pointer(vector)
            message.header.vector_count = 1
            if self._name is not None:
                message.header.name = ctypes.addressof(self._name)
                message.header.name_length = len(self._name)

    def send(self, channel: socket.socket, count: int) -> None:
        """The first `count` of them, to `target`."""
        done = 0
        while done < count:
            rest = ctypes.byref(self._messages, done * ctypes.sizeof(_Message))
            taken = _libc.sendmmsg(channel.fileno(), rest, count - done, 0)
            done += taken if taken > 0 else 1

    def receive(self, channel: socket.socket) -> int:
        """How many have come: they are the first ones. 0: there are none now."""
        taken = _libc.recvmmsg(channel.fileno(), self._messages, MANY, socket.MSG_DONTWAIT, None)
        return max(0, int(taken))


def family_of(address: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in address else socket.AF_INET


def opened(address: str) -> socket.socket:
    """A UDP socket that does not block, at any port of `address`, with large buffers."""
    channel = socket.socket(family_of(address), socket.SOCK_DGRAM)
    channel.setblocking(False)
    for option in (SO_SNDBUFFORCE, SO_RCVBUFFORCE):
        channel.setsockopt(socket.SOL_SOCKET, option, BUFFER)
    channel.bind((address, 0))
    return channel


def _encoded(target: tuple[Any, ...]) -> Any:
    """A ``sockaddr`` for what `socket.getsockname` gives."""
    host, port = target[0], target[1]
    family = family_of(host)
    address = socket.inet_pton(family, host)
    rest = address + bytes(8) if family == socket.AF_INET else bytes(4) + address + bytes(4)
    encoded = struct.pack("=H", family) + struct.pack("!H", port) + rest
    return (ctypes.c_char * len(encoded)).from_buffer_copy(encoded)
