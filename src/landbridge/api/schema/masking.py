"""Masks what a client sent, so that an error may repeat it: no secrets, bounded length.

Rules this module keeps:
- Validation repeats values in its reasons, so it is given masked values only. Whatever has the name
  of a secret is masked, at any depth and of any type.
- No attribute accepts a secret inside another value, a nesting of `MAX_DEPTH` levels, or
  `MAX_VALUES` values: a value that masking changes would be refused anyway.
"""

from __future__ import annotations

from typing import Any, Final

from landbridge.telemetry import HIDDEN, is_secret

MAX_DEPTH: Final = 8
MAX_VALUES: Final = 4096  # values in all
_MORE: Final = "..."


def masked(value: Any) -> Any:
    """`value` itself where there is nothing to mask."""
    if not isinstance(value, dict | list):
        return value
    return _masked(value, 0, [MAX_VALUES])


def _masked(value: Any, depth: int, left: list[int]) -> Any:
    """`left`: how many more values may follow."""
    if not isinstance(value, dict | list):
        return value
    left[0] -= len(value)
    if depth >= MAX_DEPTH or left[0] < 0:
        return _MORE
    if isinstance(value, dict):
        return {
            name: HIDDEN if is_secret(name) else _masked(held, depth + 1, left)
            for name, held in value.items()
        }
    return [_masked(held, depth + 1, left) for held in value]
