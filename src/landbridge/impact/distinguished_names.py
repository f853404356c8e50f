"""Distinguished names as text and as the DER of an ID_DER_ASN1_DN payload (RFC 7296, 3.5); pure.

Rules this module keeps:
- The text is read as charon reads it (strongSwan's ``atodn``): ``C=CH, O=Example, CN=name``, or
  ``/C=CH/O=Example, Inc./CN=name`` where a value has a comma; no escapes; in the given order.
- A value is a PrintableString where its characters allow that (X.680), else a UTF8String; e-mail
  addresses are IA5Strings (RFC 2985). What peers configure as the same text is the same bytes.
- Text whose first attribute is none of `ATTRIBUTES` is no distinguished name. Text that begins as
  one and does not go on as one is refused.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

_MOST: Final = 20  # charon's limit
_PRINTABLE: Final = frozenset(
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789 '()+,-./:=?"
)
_LONG: Final = 0x80  # in a length: that many bytes of it follow
_OID, _UTF8, _PRINTABLE_STRING, _IA5, _SEQUENCE, _SET = 0x06, 0x0C, 0x13, 0x16, 0x30, 0x31

#: Names that charon knows, in lower case, with their object identifiers.
ATTRIBUTES: Final = {
    "c": "2.5.4.6",
    "cn": "2.5.4.3",
    "d": "2.5.4.13",
    "dc": "0.9.2342.19200300.100.1.25",
    "dmdname": "2.5.4.54",
    "dnqualifier": "2.5.4.46",
    "e": "1.2.840.113549.1.9.1",
    "email": "1.2.840.113549.1.9.1",
    "emailaddress": "1.2.840.113549.1.9.1",
    "employeenumber": "2.16.840.1.113730.3.1.3",
    "en": "2.16.840.1.113730.3.1.3",
    "g": "2.5.4.42",
    "i": "2.5.4.43",
    "id": "2.5.4.45",
    "l": "2.5.4.7",
    "n": "2.5.4.41",
    "nd": "0.2.262.1.10.7.20",
    "o": "2.5.4.10",
    "ou": "2.5.4.11",
    "postaladdress": "2.5.4.16",
    "postalcode": "2.5.4.17",
    "pseudonym": "2.5.4.65",
    "serialnumber": "2.5.4.5",
    "sn": "2.5.4.4",
    "st": "2.5.4.8",
    "street": "2.5.4.9",
    "t": "2.5.4.12",
    "ua": "1.2.840.113549.1.9.8",
    "uid": "0.9.2342.19200300.100.1.1",
    "un": "1.2.840.113549.1.9.2",
    "unstructuredaddress": "1.2.840.113549.1.9.8",
    "unstructuredname": "1.2.840.113549.1.9.2",
}
_AS_IA5: Final = frozenset({"1.2.840.113549.1.9.1", "1.2.840.113549.1.9.2"})


class NotAName(ValueError):
    """The text begins as a distinguished name and is none; the words say where and why."""


def parse(text: str) -> tuple[tuple[str, str], ...] | None:
    """(attribute, value) in order; None: the text is something else. Raises `NotAName`."""
    if "=" not in text or _attribute(_parts(text)[0]) not in ATTRIBUTES:
        return None
    found = tuple(_pairs(text))
    if len(found) > _MOST:
        raise NotAName(f"it has more than {_MOST} parts")
    return found


def _parts(text: str) -> list[str]:
    stripped = text.lstrip(" ")
    if stripped.startswith("/"):
        return stripped.removeprefix("/").split("/")
    return stripped.split(",")


def _attribute(part: str) -> str:
    return part.partition("=")[0].strip(" ").lower()


def _pairs(text: str) -> Iterator[tuple[str, str]]:
    for part in _parts(text):
        name, equals, value = part.partition("=")
        name, value = name.strip(" "), value.lstrip(" =").rstrip(" ")
        if not equals or name.lower() not in ATTRIBUTES:
            raise NotAName(
                f"'{part.strip()}' is no part of a distinguished name; where a value has a comma, "
                "begin each part with a slash: /C=CH/O=Example, Inc./CN=name"
            )
        if not value:
            raise NotAName(f"'{name}' has no value")
        if value == "*":
            raise NotAName(f"'{part.strip()}' would stand for many peers")
        yield name, value


def encode(name: tuple[tuple[str, str], ...]) -> bytes:
    """The DER of `parse`'s result."""
    return _wrapped(_SEQUENCE, b"".join(_rdn(*pair) for pair in name))


def is_encoded(data: bytes) -> bool:
    """Whether `data` can be the DER of a distinguished name: one sequence, and nothing after."""
    if data[:1] != bytes((_SEQUENCE,)):
        return False
    size = max(0, data[1] - _LONG) if data[1:2] else 0
    content = data[2 + size :]
    return bool(content) and _wrapped(_SEQUENCE, content) == data


def _rdn(attribute: str, value: str) -> bytes:
    oid = ATTRIBUTES[attribute.lower()]
    if oid in _AS_IA5 and value.isascii():
        kind = _IA5
    else:
        kind = _PRINTABLE_STRING if _PRINTABLE.issuperset(value) else _UTF8
    pair = _wrapped(_OID, _oid(oid)) + _wrapped(kind, value.encode())
    return _wrapped(_SET, _wrapped(_SEQUENCE, pair))


def _wrapped(tag: int, content: bytes) -> bytes:
    length = len(content)
    if length < _LONG:
        return bytes((tag, length)) + content
    size = length.to_bytes((length.bit_length() + 7) // 8)
    return bytes((tag, _LONG | len(size))) + size + content


def _oid(dotted: str) -> bytes:
    first, second, *rest = map(int, dotted.split("."))
    return b"".join(map(_base128, (first * 40 + second, *rest)))


def _base128(number: int) -> bytes:
    digits = [number & 0x7F]
    while number := number >> 7:
        digits.append(_LONG | number & 0x7F)
    return bytes(reversed(digits))
