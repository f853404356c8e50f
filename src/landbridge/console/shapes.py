"""How values of the API are typed: a text of each, and each of a text. Pure.

Rules this module keeps:
- One table, by the type of the attribute; what has no line of its own is text.
- What is typed is made a value of the API's shape and no more: whether it is right the API says.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import msgspec

from landbridge.api.schema import address_types as addresses
from landbridge.api.schema.field_types import Boolean, Choice, FieldType, MemberNumber, Number, Uuid


class Shape(msgspec.Struct, frozen=True, kw_only=True):
    """How values of a type are typed: `show` makes text of a value, `read` a value of a text."""

    widget: str = "text"
    show: Callable[[Any], str] = lambda value: "" if value is None else str(value)
    read: Callable[[str], Any] = lambda text: text
    mono: bool = False


def _lines(value: Any) -> str:
    return "\n".join(str(each) for each in value or ())


def _read_lines(text: str) -> list[str]:
    return [line.strip() for line in text.replace(",", "\n").splitlines() if line.strip()]


def _pairs(first: str, between: str, second: str) -> Shape:
    """Objects with two members, one a line."""

    def read(text: str) -> list[Any]:
        found: list[Any] = []
        for line in filter(None, map(str.strip, text.splitlines())):
            left, mark, right = line.partition(between)
            found.append({first: left.strip(), second: right.strip()} if mark else line)
        return found

    def show(value: Any) -> str:
        return "\n".join(f"{each[first]} {between} {each[second]}" for each in value or ())

    return Shape(widget="lines", show=show, read=read, mono=True)


def _show_uplink(value: Any) -> str:
    return str(value["network_id"]) if value else ""


def _show_addresses(value: Any) -> str:
    return "\n".join(each.get("ip_address", "") for each in value or ())


def _read_addresses(text: str) -> list[dict[str, str]]:
    return [{"ip_address": line} for line in _read_lines(text)]


def number(text: str) -> Any:
    """What is no number stays text: the API says so."""
    bare = text.strip()
    return int(bare) if bare.isascii() and bare.lstrip("-").isdigit() else bare


_SHAPES: Final[tuple[tuple[type[FieldType], Shape], ...]] = (
    (Boolean, Shape(widget="switch", show=lambda value: "on" if value else "",
                     read=bool)),
    (Choice, Shape(widget="choice")),
    (Number, Shape(read=number, mono=True)),
    (MemberNumber, Shape(read=number, mono=True)),
    (Uuid, Shape(widget="choice")),
    (addresses.Gateway, Shape(widget="choice", show=_show_uplink,
                               read=lambda text: {"network_id": text} if text else {})),
    (addresses.FixedIps, Shape(widget="lines", show=_show_addresses, read=_read_addresses,
                                mono=True)),
    (addresses.Pools, _pairs("start", "-", "end")),
    (addresses.HostRoutes, _pairs("destination", "via", "nexthop")),
    (addresses.Nameservers, Shape(widget="lines", show=_lines, read=_read_lines, mono=True)),
    (addresses.Endpoints, Shape(widget="lines", show=_lines, read=_read_lines, mono=True)),
    (addresses.Cidrs, Shape(widget="lines", show=_lines, read=_read_lines, mono=True)),
)  # fmt: skip
_TEXT: Final = Shape()


def is_one(kind: FieldType) -> bool:
    """Whether there is nothing to choose."""
    return isinstance(kind, Choice) and len(kind.values) == 1


def shape_of(kind: FieldType) -> Shape:
    return next((shape for of, shape in _SHAPES if isinstance(kind, of)), _TEXT)
