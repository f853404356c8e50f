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
from enum import IntEnum
from typing import TypeAlias

from landbridge.vici.errors import ProtocolError

Value: TypeAlias = "str | list[str] | Message"
Message: TypeAlias = dict[str, Value]
#: What `encode` takes: any mapping of that shape, so that a ``dict[str, str]`` will do.
Encodable: TypeAlias = "Mapping[str, str | Sequence[str] | Encodable]"

MAX_NAME = 0xFF  # bytes: an 8 bit length
MAX_VALUE = 0xFFFF  # bytes: a 16 bit length


class Element(IntEnum):
    SECTION_START = 1
    SECTION_END = 2
    KEY_VALUE = 3
    LIST_START = 4
    LIST_ITEM = 5
    LIST_END = 6


def encode(message: Encodable) -> bytes:
    """Raises `ProtocolError` for a name or value that is too long or no text."""
    out = bytearray()
    _encode_section(out, message)
    return bytes(out)


def decode(data: bytes) -> Message:
    """Raises `ProtocolError` for anything that is not one whole message."""
    return _Reader(data).message()


def encode_name(name: str) -> bytes:
    """A name with its 8 bit length before it, as elements and packets carry it."""
    raw = _text(name)
    if len(raw) > MAX_NAME:
        raise ProtocolError(f"a name of {len(raw)} bytes is longer than {MAX_NAME}")
    return bytes((len(raw),)) + raw


def _encode_section(out: bytearray, section: Encodable) -> None:
    for name, value in section.items():
        if isinstance(value, str):
            out.append(Element.KEY_VALUE)
            out += encode_name(name) + _value(value)
        elif isinstance(value, Mapping):
            out.append(Element.SECTION_START)
            out += encode_name(name)
            _encode_section(out, value)
            out.append(Element.SECTION_END)
        else:
            out.append(Element.LIST_START)
            out += encode_name(name)
            for item in value:
                out.append(Element.LIST_ITEM)
                out += _value(item)
            out.append(Element.LIST_END)


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


class _Reader:
    """One pass over the bytes; open sections wait on a stack of their own."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def message(self) -> Message:
        section: Message = {}
        outer: list[Message] = []
        while self._at < len(self._data):
            element = self._byte()
            if element == Element.KEY_VALUE:
                name = self._string(1)
                section[name] = self._string(2)
            elif element == Element.SECTION_START:
                inner: Message = {}
                section[self._string(1)] = inner
                outer.append(section)
                section = inner
            elif element == Element.SECTION_END:
                if not outer:
                    raise ProtocolError(f"a section ends at byte {self._at} that never began")
                section = outer.pop()
            elif element == Element.LIST_START:
                name = self._string(1)
                section[name] = self._list()
            else:
                raise ProtocolError(f"unexpected element {element} at byte {self._at - 1}")
        if outer:
            raise ProtocolError(f"{len(outer)} sections are not closed")
        return section

    def _list(self) -> list[str]:
        items: list[str] = []
        while (element := self._byte()) == Element.LIST_ITEM:
            items.append(self._string(2))
        if element != Element.LIST_END:
            raise ProtocolError(f"unexpected element {element} in a list at byte {self._at - 1}")
        return items

    def _string(self, length_bytes: int) -> str:
        length = int.from_bytes(self._take(length_bytes), "big")
        return self._take(length).decode("utf-8", "surrogateescape")

    def _byte(self) -> int:
        return self._take(1)[0]

    def _take(self, count: int) -> bytes:
        end = self._at + count
        if end > len(self._data):
            raise ProtocolError(f"the message ends early, at byte {len(self._data)}")
        taken = self._data[self._at : end]
        self._at = end
        return taken
