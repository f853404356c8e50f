"""What this gateway says, in texts that the server can keep.

Rules this module keeps:
- Words of others (a peer's identity, charon's lines) may hold anything. What no database and no
  JSON keeps (NUL, half a character) shows as a replacement character, what is too long ends early:
  no status is held up by its own explanation.
"""

from __future__ import annotations

from contextlib import suppress
from typing import Any, Final

import msgspec

from landbridge.model.fields import LONGEST_TEXT

_NUL: Final = rb"\u0000"
_CUT: Final = " ..."
_UNWRITABLE: Final = dict.fromkeys((0, *range(0xD800, 0xE000)), "\ufffd")


def written(content: Any) -> bytes:
    """JSON of a struct or a dictionary of builtins, every text in it as the server takes it."""
    with suppress(UnicodeEncodeError):
        made = msgspec.json.encode(content)
        if len(made) < LONGEST_TEXT and _NUL not in made:
            return made
    return msgspec.json.encode(_fitting(msgspec.to_builtins(content)))


def fitting(text: str) -> str:
    if len(text) > LONGEST_TEXT:
        text = text[: LONGEST_TEXT - len(_CUT)] + _CUT
    return text if text.isprintable() else text.translate(_UNWRITABLE)


def _fitting(value: Any) -> Any:
    if isinstance(value, str):
        return fitting(value)
    if isinstance(value, dict):
        return {key: _fitting(held) for key, held in value.items()}
    if isinstance(value, list | tuple):
        return [_fitting(held) for held in value]
    return value
