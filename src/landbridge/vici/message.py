"""VICI messages to and from bytes; pure.

Rules this module keeps:
- A message is a tree of sections; a leaf is a string or a list of strings, nothing else.
- `decode(encode(m)) == m` for every message within the format's limits; whatever is beyond
  them raises `ProtocolError` before a byte is made.
- `decode` accepts any bytes: it answers a message or raises `ProtocolError`, and its depth of
  nesting is bounded by the input only, never by Python's stack.
- Text is UTF-8. Bytes that are not are carried as surrogate escapes, so that a peer's odd
  identity cannot break the reading of a list.

Source: strongSwan, src/libcharon/plugins/vici/README.md, "Message format".
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, TypeAlias

from landbridge.vici.errors import ProtocolError

Value: TypeAlias = "str | list[str] | Message"
Message: TypeAlias = dict[str, Value]
#: What `encode` takes: any mapping of that shape, so that a ``dict[str, str]`` will do.
Encodable: TypeAlias = "Mapping[str, str | Sequence[str] | Encodable]"

MAX_NAME = 0xFF  # bytes: an 8 bit length
MAX_VALUE = 0xFFFF  # bytes: a 16 bit length


_SECTION_START: Final = 1
_SECTION_END: Final = 2
_KEY_VALUE: Final = 3
_LIST_START: Final = 4
_LIST_ITEM: Final = 5
_LIST_END: Final = 6


def encode(message: Encodable) -> bytes:
    """Raises `ProtocolError` for a name or value that is too long or no text."""
    out = bytearray()
    _encode_section(out, message)
    return bytes(out)


def decode(data: bytes) -> Message:
    """Raises `ProtocolError` for anything that is not one whole message."""
    try:
        message, end = _decode_section(data)
    except IndexError:
        end, message = len(data) + 1, {}
    if end > len(data):
        raise ProtocolError(f"the message ends early, at byte {len(data)}")
    return message


def encode_name(name: str) -> bytes:
    """A name with its 8 bit length before it, as elements and packets carry it."""
    raw = _text(name)
    if len(raw) > MAX_NAME:
        raise ProtocolError(f"a name of {len(raw)} bytes is longer than {MAX_NAME}")
    return bytes((len(raw),)) + raw


def _encode_section(out: bytearray, section: Encodable) -> None:
    for name, value in section.items():
        if isinstance(value, str):
            out.append(_KEY_VALUE)
            out += encode_name(name) + _value(value)
        elif isinstance(value, Mapping):
            out.append(_SECTION_START)
            out += encode_name(name)
            _encode_section(out, value)
            out.append(_SECTION_END)
        else:
            out.append(_LIST_START)
            out += encode_name(name)
            for item in value:
                out.append(_LIST_ITEM)
                out += _value(item)
            out.append(_LIST_END)


def _value(value: str) -> bytes:
    raw = _text(value)
    if len(raw) > MAX_VALUE:
        raise ProtocolError(f"a value of {len(raw)} bytes is longer than {MAX_VALUE}")
    return len(raw).to_bytes(2, "big") + raw


def _text(text: str) -> bytes:
    try:
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError as error:
        raise ProtocolError(f"not encodable as UTF-8 at character {error.start}") from error


def _decode_section(data: bytes) -> tuple[Message, int]:
    """The message, and where it ends: beyond `data` if a text in it does. Raises `IndexError` where
    a number is missing.

    One loop, without a call per element: a charon that sets up hundreds of tunnels says a
    thousand lines a second, each an event of a dozen elements.
    """
    section: Message = {}
    outer: list[Message] = []
    at, size = 0, len(data)
    while at < size:
        element = data[at]
        if element == _SECTION_END:
            if not outer:
                raise ProtocolError(f"a section ends at byte {at + 1} that never began")
            section = outer.pop()
            at += 1
            continue
        start, at = at + 2, at + 2 + data[at + 1]
        name = str(data[start:at], "utf-8", "surrogateescape")
        if element == _KEY_VALUE:
            start, at = at + 2, at + 2 + (data[at] << 8 | data[at + 1])
            section[name] = str(data[start:at], "utf-8", "surrogateescape")
        elif element == _SECTION_START:
            inner: Message = {}
            section[name] = inner
            outer.append(section)
            section = inner
        elif element == _LIST_START:
            section[name], at = _decode_list(data, at)
        else:
            raise ProtocolError(f"unexpected element {element} at byte {start - 2}")
    if outer:
        raise ProtocolError(f"{len(outer)} sections are not closed")
    return section, at


def _decode_list(data: bytes, at: int) -> tuple[list[str], int]:
    items: list[str] = []
    while (element := data[at]) == _LIST_ITEM:
        start, at = at + 3, at + 3 + (data[at + 1] << 8 | data[at + 2])
        items.append(str(data[start:at], "utf-8", "surrogateescape"))
    if element != _LIST_END:
        raise ProtocolError(f"unexpected element {element} in a list at byte {at}")
    return items, at + 1
