"""Our encoding against strongSwan's own Python client, byte for byte."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hypothesis import given
from vici.protocol import FiniteStream
from vici.protocol import Message as TheirMessage
from vici.protocol import Packet as TheirPacket

from landbridge.vici import Message, Value, decode, encode
from landbridge.vici.protocol import Connection, Packet, Request
from tests.unit.vici.strategies import messages, names


@given(messages)
def test_we_encode_as_they_do(message: Message) -> None:
    assert encode(message) == TheirMessage.serialize(message)


@given(messages)
def test_they_read_what_we_write(message: Message) -> None:
    assert _text(TheirMessage.deserialize(FiniteStream(encode(message)))) == message


@given(messages)
def test_we_read_what_they_write(message: Message) -> None:
    assert decode(TheirMessage.serialize(message)) == message


@given(names, messages)
def test_packets(name: str, message: Message) -> None:
    body = TheirMessage.serialize(message)
    for kind, theirs in (
        (Packet.CMD_REQUEST, TheirPacket.request(name, body)),
        (Packet.EVENT_REGISTER, TheirPacket.register_event(name)),
        (Packet.EVENT_UNREGISTER, TheirPacket.unregister_event(name)),
    ):
        content = message if kind == Packet.CMD_REQUEST else None
        ours = Connection().send((Request(kind, name), content))
        assert ours == len(theirs).to_bytes(4, "big") + theirs


def _text(section: Mapping[str, Any]) -> Message:
    """Their values are bytes."""
    return {name: _value(value) for name, value in section.items()}


def _value(value: Any) -> Value:
    if isinstance(value, Mapping):
        return _text(value)
    if isinstance(value, list):
        return [item.decode() for item in value]
    return str(value, "utf-8")
