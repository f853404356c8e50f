"""The connection without a socket: what goes out, and what comes in in any pieces."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from landbridge.vici import Event, ProtocolError, encode
from landbridge.vici.message import Message
from landbridge.vici.protocol import (
    MAX_PACKET,
    MAX_RECEIVED,
    Answered,
    Connection,
    Happening,
    Packet,
    Request,
    Streamed,
    Unknown,
)

COMMAND = Request(Packet.CMD_REQUEST, "version")
REGISTER = Request(Packet.EVENT_REGISTER, "list-sa")
LIST = Request(Packet.CMD_REQUEST, "list-sas", streams="list-sa")
UNREGISTER = Request(Packet.EVENT_UNREGISTER, "list-sa")


def packet(kind: int, message: Message | None = None, *, name: str = "") -> bytes:
    """A packet as the daemon writes it."""
    head = bytes((kind,)) + (bytes((len(name),)) + name.encode() if name else b"")
    body = head + encode(message or {})
    return len(body).to_bytes(4, "big") + body


def asked(*requests: Request) -> Connection:
    connection = Connection()
    connection.send(*((request, None) for request in requests))
    return connection


def test_a_command_on_the_wire() -> None:
    connection = Connection()
    data = connection.send((COMMAND, {"k": "v"}))
    assert data == b"\x00\x00\x00\x0f\x00\x07version\x03\x01k\x00\x01v"
    assert connection.pending == (COMMAND,)


def test_several_requests_are_one_write() -> None:
    data = Connection().send((REGISTER, None), (LIST, {}), (UNREGISTER, None))
    assert data == (
        b"\x00\x00\x00\x09\x03\x07list-sa"
        b"\x00\x00\x00\x0a\x00\x08list-sas"
        b"\x00\x00\x00\x09\x04\x07list-sa"
    )


def test_what_does_not_fit_a_packet_leaves_no_trace() -> None:
    connection = Connection()
    too_long: Message = {"l": ["x" * 60_000] * 9}
    with pytest.raises(ProtocolError, match="do not fit"):
        connection.send((COMMAND, None), (LIST, too_long))
    assert connection.pending == ()


def test_the_longest_packet() -> None:
    room = MAX_PACKET - len(b"\x01") - len(b"\x04\x01l\x06")
    items = ["x" * 60_000] * 8
    items.append("x" * (room - 8 * 60_003 - 3))
    answer = packet(Packet.CMD_RESPONSE, {"l": items})
    assert len(answer) == 4 + MAX_PACKET
    assert list(asked(COMMAND).receive(answer)) == [Answered(COMMAND, {"l": items})]


def test_what_is_received_may_be_longer_than_what_may_be_sent() -> None:
    """The daemon lists an IKE_SA with all its CHILD_SAs in one packet, however many they are."""
    items = ["x" * 60_000] * 20
    answer = packet(Packet.CMD_RESPONSE, {"l": items})
    assert len(answer) > 2 * MAX_PACKET
    assert list(asked(COMMAND).receive(answer)) == [Answered(COMMAND, {"l": items})]
    with pytest.raises(ProtocolError):
        list(asked(COMMAND).receive((MAX_RECEIVED + 1).to_bytes(4, "big")))


ANSWERS: list[tuple[Request, bytes, Happening]] = [
    (COMMAND, packet(Packet.CMD_RESPONSE, {"a": "b"}), Answered(COMMAND, {"a": "b"})),
    (COMMAND, packet(Packet.CMD_UNKNOWN), Unknown(COMMAND)),
    (REGISTER, packet(Packet.EVENT_CONFIRM), Answered(REGISTER, {})),
    (REGISTER, packet(Packet.EVENT_UNKNOWN), Unknown(REGISTER)),
    (UNREGISTER, packet(Packet.EVENT_CONFIRM), Answered(UNREGISTER, {})),
    (UNREGISTER, packet(Packet.EVENT_UNKNOWN), Unknown(UNREGISTER)),
    (LIST, packet(Packet.EVENT, {"k": "v"}, name="list-sa"), Streamed(LIST, {"k": "v"})),
    (LIST, packet(Packet.EVENT, {"k": "v"}, name="log"), Event("log", {"k": "v"})),
    (COMMAND, packet(Packet.EVENT, {"k": "v"}, name="list-sa"), Event("list-sa", {"k": "v"})),
]


@pytest.mark.parametrize(("request_", "data", "happening"), ANSWERS)
def test_answers(request_: Request, data: bytes, happening: Happening) -> None:
    assert list(asked(request_).receive(data)) == [happening]


def test_answers_go_to_the_requests_in_order() -> None:
    other = Request(Packet.CMD_REQUEST, "version")
    connection = asked(COMMAND, other)
    happenings = list(
        connection.receive(
            packet(Packet.CMD_RESPONSE, {"n": "1"})
            + packet(Packet.EVENT, name="log")
            + packet(Packet.CMD_RESPONSE, {"n": "2"})
        )
    )
    first, event, second = happenings
    assert isinstance(first, Answered)
    assert isinstance(second, Answered)
    assert first.request is COMMAND
    assert second.request is other
    assert event == Event("log", {})
    assert connection.pending == ()


GARBAGE: dict[str, tuple[tuple[Request, ...], bytes]] = {
    "an empty packet": ((COMMAND,), b"\x00\x00\x00\x00"),
    "a huge packet": ((COMMAND,), b"\xff\xff\xff\xff"),
    "HTTP": ((COMMAND,), b"HTTP/1.1 400 Bad Request\r\n\r\n"),
    "an answer to nothing": ((), packet(Packet.CMD_RESPONSE)),
    "a confirmation of nothing": ((), packet(Packet.EVENT_CONFIRM)),
    "a confirmation of a command": ((COMMAND,), packet(Packet.EVENT_CONFIRM)),
    "a result of a registration": ((REGISTER,), packet(Packet.CMD_RESPONSE)),
    "a request from the daemon": ((COMMAND,), packet(Packet.CMD_REQUEST, name="version")),
    "no such type": ((COMMAND,), packet(42)),
    "a broken message": ((COMMAND,), b"\x00\x00\x00\x02\x01\x02"),
    "an event without a name": ((), b"\x00\x00\x00\x01\x07"),
    "an event with half a name": ((), b"\x00\x00\x00\x04\x07\x05lo"),
}


@pytest.mark.parametrize("case", GARBAGE)
def test_garbage_is_an_error(case: str) -> None:
    requests, data = GARBAGE[case]
    with pytest.raises(ProtocolError):
        list(asked(*requests).receive(data))


def test_what_came_before_the_garbage_is_told() -> None:
    happenings = asked(COMMAND).receive(packet(Packet.CMD_RESPONSE) + packet(Packet.CMD_RESPONSE))
    assert next(happenings) == Answered(COMMAND, {})
    with pytest.raises(ProtocolError):
        next(happenings)


CONVERSATION = (COMMAND, REGISTER, LIST, UNREGISTER)
DATA = b"".join(
    (
        packet(Packet.EVENT, {"up": "yes"}, name="ike-updown"),
        packet(Packet.CMD_RESPONSE, {"daemon": "charon"}),
        packet(Packet.EVENT_CONFIRM),
        packet(Packet.EVENT, {"a": {"uniqueid": "1"}}, name="list-sa"),
        packet(Packet.EVENT, {"b": {"children": ["x", "y"]}}, name="list-sa"),
        packet(Packet.CMD_RESPONSE),
        packet(Packet.EVENT_UNKNOWN),
    )
)
HAPPENINGS = [
    Event("ike-updown", {"up": "yes"}),
    Answered(COMMAND, {"daemon": "charon"}),
    Answered(REGISTER, {}),
    Streamed(LIST, {"a": {"uniqueid": "1"}}),
    Streamed(LIST, {"b": {"children": ["x", "y"]}}),
    Answered(LIST, {}),
    Unknown(UNREGISTER),
]


def told(pieces: Iterator[bytes]) -> list[Happening]:
    connection = asked(*CONVERSATION)
    return [happening for piece in pieces for happening in connection.receive(piece)]


@pytest.mark.parametrize("at", range(len(DATA) + 1))
def test_a_split_anywhere_changes_nothing(at: int) -> None:
    assert told(iter((DATA[:at], DATA[at:]))) == HAPPENINGS


@given(st.lists(st.integers(0, len(DATA))))
def test_any_number_of_splits_changes_nothing(cuts: list[int]) -> None:
    ends = sorted((0, *cuts, len(DATA)))
    pieces = (DATA[start:end] for start, end in pairwise(ends))
    assert told(pieces) == HAPPENINGS


@given(st.binary(max_size=100))
def test_any_bytes_are_happenings_or_an_error(data: bytes) -> None:
    connection = asked(*CONVERSATION)
    try:
        list(connection.receive(data))
    except ProtocolError:
        return
