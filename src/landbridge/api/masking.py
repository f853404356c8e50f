"""What a client sent, as an error may repeat it: without secrets, and not endlessly nested.

Rules this module keeps:
- Validation repeats values in its reasons. What it is given has been through `masked`: whatever
  stands under a secret's name, at any depth and of any type, is not what it was.
- No attribute takes a secret inside another value, nor anything nested as deep as `DEEPEST`: a
  value that is changed here would be refused anyway.
"""

from __future__ import annotations

from typing import Any, Final

from landbridge.telemetry import HIDDEN, is_secret

DEEPEST: Final = 8
_DEEPER: Final = "..."


def masked(value: Any, depth: int = 0) -> Any:
    """`value` itself where there is nothing to hide."""
    if not isinstance(value, dict | list):
        return value
    if depth >= DEEPEST:
        return _DEEPER
    if isinstance(value, dict):
        return {
            name: HIDDEN if is_secret(name) else masked(held, depth + 1)
            for name, held in value.items()
        }
    return [masked(held, depth + 1) for held in value]
