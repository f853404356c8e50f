"""One VICI connection as a state machine over bytes; no I/O.

Rules this module keeps:
- Bytes go in (`receive`), happenings come out; `send` gives the bytes of a request and
  remembers it. Nothing here waits, reads a clock or owns a socket.
- The daemon answers strictly in order, so an answer belongs to the oldest pending request,
  whether somebody still waits for it or not. An answer of the wrong kind is an error, never
  a guess.
- An event that arrives while the oldest pending request is a command that streams it belongs
  to that command; every other event is a subscriber's.
- Any split of the input gives the same happenings. After a `ProtocolError` the connection is
  worth nothing.

Source: strongSwan, src/libcharon/plugins/vici/README.md, "Transport" and "Packet format".
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum
from typing import TypeAlias

from landbridge.vici.errors import ProtocolError
from landbridge.vici.message import Encodable, Message, decode, encode, encode_name

#: Bytes of one packet that is sent, without its length field; the daemon closes on anything longer.
MAX_PACKET = 512 * 1024
#: Of one that is received: an IKE_SA with a thousand CHILD_SAs is listed in one, and the daemon
#: has no limit there. Beyond it the bytes are no VICI.
MAX_RECEIVED = 64 * 1024 * 1024
_HEADER = 4


class Packet(IntEnum):
    CMD_REQUEST = 0
    CMD_RESPONSE = 1
    CMD_UNKNOWN = 2
    EVENT_REGISTER = 3
    EVENT_UNREGISTER = 4
    EVENT_CONFIRM = 5
    EVENT_UNKNOWN = 6
    EVENT = 7


@dataclass(frozen=True, slots=True, eq=False)
class Request:
    """A request on the wire. `streams` names the event by which the command's results come."""

    kind: Packet
    name: str
    streams: str | None = None


@dataclass(frozen=True, slots=True)
class Answered:
    """`message` is the command's answer; empty for a registration that was confirmed."""

    request: Request
    message: Message


@dataclass(frozen=True, slots=True)
class Unknown:
    """The daemon knows no command or event of this request's name."""

    request: Request


@dataclass(frozen=True, slots=True)
class Streamed:
    """A result of a command that is still running."""

    request: Request
    message: Message


@dataclass(frozen=True, slots=True)
class Event:
    """What happened in the daemon, told to a subscriber."""

    name: str
    message: Message


Happening: TypeAlias = Answered | Unknown | Streamed | Event

#: What was asked, and the answers that may come.
_ANSWERED = {
    (Packet.CMD_REQUEST, Packet.CMD_RESPONSE),
    (Packet.EVENT_REGISTER, Packet.EVENT_CONFIRM),
    (Packet.EVENT_UNREGISTER, Packet.EVENT_CONFIRM),
}
_UNKNOWN = {
    (Packet.CMD_REQUEST, Packet.CMD_UNKNOWN),
    (Packet.EVENT_REGISTER, Packet.EVENT_UNKNOWN),
    (Packet.EVENT_UNREGISTER, Packet.EVENT_UNKNOWN),
}


class Connection:
    """The client's side of one connection."""

    def __init__(self) -> None:
        self._pending: deque[Request] = deque()
        self._buffer = bytearray()

    @property
    def pending(self) -> tuple[Request, ...]:
        """Requests without an answer yet, oldest first."""
        return tuple(self._pending)

    def send(self, *requests: tuple[Request, Encodable | None]) -> bytes:
        """The bytes to write, in this order and at once. Raises `ProtocolError`, with none of
        them remembered, for a message that does not fit the format or one packet."""
        data = b"".join(_encode_packet(request, message or {}) for request, message in requests)
        self._pending.extend(request for request, _ in requests)
        return data

    def receive(self, data: bytes) -> Iterator[Happening]:
        """Takes what was read, in pieces of any size, and gives what it completes: to be
        used up before the next call. Raises `ProtocolError` where the input goes wrong, after
        everything that came before."""
        self._buffer += data
        return self._happenings()

    def _happenings(self) -> Iterator[Happening]:
        at = 0
        while (packet := self._packet(at)) is not None:
            yield self._happening(packet)
            at += _HEADER + len(packet)
        del self._buffer[:at]

    def _packet(self, at: int) -> bytes | None:
        start = at + _HEADER
        if len(self._buffer) < start:
            return None
        length = int.from_bytes(self._buffer[at:start], "big")
        if not 0 < length <= MAX_RECEIVED:
            raise ProtocolError(f"a packet of {length} bytes")
        if len(self._buffer) < start + length:
            return None
        return bytes(self._buffer[start : start + length])

    def _happening(self, packet: bytes) -> Happening:
        if packet[0] == Packet.EVENT:
            return self._event(packet)
        return self._answer(packet)

    def _event(self, packet: bytes) -> Streamed | Event:
        end = 2 + packet[1] if len(packet) > 1 else len(packet) + 1
        if end > len(packet):
            raise ProtocolError("the name of an event ends early")
        name = packet[2:end].decode("utf-8", "surrogateescape")
        message = decode(packet[end:])
        if self._pending and self._pending[0].streams == name:
            return Streamed(self._pending[0], message)
        return Event(name, message)

    def _answer(self, packet: bytes) -> Answered | Unknown:
        kind = packet[0]
        if not self._pending:
            raise ProtocolError(f"a packet of type {kind} that nobody asked for")
        request = self._pending[0]
        if (request.kind, kind) in _ANSWERED:
            answer: Answered | Unknown = Answered(request, decode(packet[1:]))
        elif (request.kind, kind) in _UNKNOWN:
            answer = Unknown(request)
        else:
            raise ProtocolError(f"a packet of type {kind} as the answer to {request.name}")
        self._pending.popleft()
        return answer


def _encode_packet(request: Request, message: Encodable) -> bytes:
    body = bytes((request.kind,)) + encode_name(request.name) + encode(message)
    if len(body) > MAX_PACKET:
        raise ProtocolError(f"{request.name}: {len(body)} bytes do not fit one packet")
    return len(body).to_bytes(_HEADER, "big") + body
