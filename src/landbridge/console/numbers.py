"""Whole numbers as a form or an address has them. Pure."""

from __future__ import annotations


def whole(text: str, digits: int = 9) -> int | None:
    """None: it is none, or one of more than `digits`."""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= digits else None
