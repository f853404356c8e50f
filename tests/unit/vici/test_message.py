"""The encoding of messages: examples by hand, then every message there is."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from landbridge.vici import Message, ProtocolError, decode, encode
from tests.unit.vici.strategies import messages

EXAMPLES: dict[str, tuple[Message, bytes]] = {
    "nothing": ({}, b""),
    "a value": ({"key": "value"}, b"\x03\x03key\x00\x05value"),
    "an empty value": ({"k": ""}, b"\x03\x01k\x00\x00"),
    "a list": ({"l": ["a", ""]}, b"\x04\x01l\x05\x00\x01a\x05\x00\x00\x06"),
    "an empty list": ({"l": []}, b"\x04\x01l\x06"),
    "a section": ({"s": {"k": "v"}}, b"\x01\x01s\x03\x01k\x00\x01v\x02"),
    "an empty section": ({"s": {}}, b"\x01\x01s\x02"),
    "after a section": (
        {"s": {"t": {}}, "k": "v"},
        b"\x01\x01s\x01\x01t\x02\x02\x03\x01k\x00\x01v",
    ),
    "not ASCII": ({"é": "ü"}, b"\x03\x02\xc3\xa9\x00\x02\xc3\xbc"),
    "not UTF-8": ({"k": "\udcff"}, b"\x03\x01k\x00\x01\xff"),
    "the longest name": ({"n" * 255: {}}, b"\x01\xff" + b"n" * 255 + b"\x02"),
    "the longest value": ({"k": "x" * 65535}, b"\x03\x01k\xff\xff" + b"x" * 65535),
}


@pytest.mark.parametrize("example", EXAMPLES)
def test_examples_both_ways(example: str) -> None:
    message, data = EXAMPLES[example]
    assert encode(message) == data
    assert decode(data) == message


@given(messages)
def test_every_message_comes_back(message: Message) -> None:
    assert decode(encode(message)) == message


@pytest.mark.parametrize(
    "message",
    [
        {"n" * 256: "name too long"},
        {"é" * 128: "256 bytes of name"},
        {"value too long": "v" * 65536},
        {"item too long": ["v" * 65536]},
        {"s": {"n" * 256: {}}},
        {"a lone surrogate": "\ud800"},
    ],
    ids=str,
)
def test_what_vici_cannot_carry(message: Message) -> None:
    with pytest.raises(ProtocolError):
        encode(message)


BROKEN = {
    "no such element": b"\x00",
    "neither this": b"\x07",
    "an item outside a list": b"\x05\x00\x01a",
    "the end of no list": b"\x06",
    "the end of no section": b"\x02",
    "a section left open": b"\x01\x01s",
    "a list left open": b"\x04\x01l\x05\x00\x01a",
    "a key in a list": b"\x04\x01l\x03\x01k\x00\x01v\x06",
    "a section in a list": b"\x04\x01l\x01\x01s\x02\x06",
    "a name cut short": b"\x03\x05ke",
    "a value cut short": b"\x03\x01k\x00\x05val",
    "a length cut short": b"\x03\x01k\x00",
    "no name at all": b"\x03",
}


@pytest.mark.parametrize("case", BROKEN)
def test_what_is_no_message(case: str) -> None:
    with pytest.raises(ProtocolError):
        decode(BROKEN[case])


@given(st.binary(max_size=200))
def test_any_bytes_are_a_message_or_an_error(data: bytes) -> None:
    try:
        message = decode(data)
    except ProtocolError:
        return
    assert decode(encode(message)) == message


def test_depth_is_bounded_by_the_input_alone() -> None:
    depth = 20_000
    section = decode(b"\x01\x01s" * depth + b"\x02" * depth)
    for _ in range(depth):
        inner = section["s"]
        assert isinstance(inner, dict)
        section = inner
    assert section == {}
