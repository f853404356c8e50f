"""Amounts as people read them: bytes, rates, packets and spans of time. Pure."""

from __future__ import annotations

from typing import Final

_THOUSAND: Final = 1000
_PREFIXES: Final = ("", "k", "M", "G", "T", "P")
_UNITS: Final = ((86400, "d"), (3600, "h"), (60, "min"), (1, "s"))
_TEN: Final = 10


def _scaled(number: float, unit: str) -> str:
    step = 0
    while number >= _THOUSAND and step < len(_PREFIXES) - 1:
        number, step = number / _THOUSAND, step + 1
    shown = f"{number:.1f}" if step and number < _TEN else f"{number:.0f}"
    return f"{shown} {_PREFIXES[step]}{unit}"


def size(number: float) -> str:
    """``12 kB``"""
    return _scaled(number, "B")


def rate(bits: float) -> str:
    """``1.2 Mbit/s``, of bits a second."""
    return _scaled(bits, "bit/s")


def count(number: int, one: str, many: str = "") -> str:
    """``1,204 packets``"""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def span(seconds: float | None) -> str:
    """``2 h 3 min``: the two greatest units; empty: not known."""
    if seconds is None:
        return ""
    left, said = max(0, int(seconds)), []
    for length, unit in _UNITS:
        number, left = divmod(left, length)
        if number:
            said.append(f"{number} {unit}")
    return " ".join(said[:2]) or "0 s"
