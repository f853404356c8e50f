"""What a client sent, as an error may repeat it: without secrets, and not endless.

Rules this module keeps:
- Validation repeats values in its reasons. What it is given has been through `masked`: whatever
  stands under a secret's name, at any depth and of any type, is not what it was.
- No attribute takes a secret inside another value, nor anything nested as deep as `DEEPEST`, nor
  as many values as `MOST`: a value that is changed here would be refused anyway.
"""

from __future__ import annotations

from typing import Any, Final

from landbridge.telemetry import HIDDEN, is_secret

DEEPEST: Final = 8
MOST: Final = 4096  # values in all; no attribute takes as many
_MORE: Final = "..."


def masked(value: Any) -> Any:
    """`value` itself where there is nothing to hide."""
    if not isinstance(value, dict | list):
        return value
    return _masked(value, 0, [MOST])


def _masked(value: Any, depth: int, left: list[int]) -> Any:
    """`left`: how many values may still follow."""
    if not isinstance(value, dict | list):
        return value
    left[0] -= len(value)
    if depth >= DEEPEST or left[0] < 0:
        return _MORE
    if isinstance(value, dict):
        return {
            name: HIDDEN if is_secret(name) else _masked(held, depth + 1, left)
            for name, held in value.items()
        }
    return [_masked(held, depth + 1, left) for held in value]
