"""The base of all structs that server and agent share, and the bounded types of their fields.

Rules this package keeps:
- It is the only vocabulary that server and agent share; it imports neither of them, no database and
  no daemon.
- Every struct is frozen. All of them travel as JSON over ``/agent/v1``. A field may be added with a
  default; none is renamed or removed, so that neighbouring releases understand each other.
- What agents send has bounds, in the types of its fields: integers of 64 bits, times until the year
  9999, texts of valid characters, lists with a maximum.
"""

from __future__ import annotations

from typing import Annotated, Final

import msgspec
from msgspec import Meta

LONGEST_TEXT: Final = 4096
_WRITABLE: Final = r"^[^\x00\ud800-\udfff]*\Z"  # no NUL, no half of a character
Number = Annotated[int, Meta(ge=0, le=2**63 - 1)]
Moment = Annotated[float, Meta(ge=0.0, le=253_402_300_799.0)]  # seconds, until the year 9999
Id = Annotated[str, Meta(min_length=1, max_length=36, pattern=r"^[!-~]*\Z")]
Short = Annotated[str, Meta(max_length=255, pattern=_WRITABLE)]
Text = Annotated[str, Meta(max_length=LONGEST_TEXT, pattern=_WRITABLE)]
Texts = Annotated[tuple[Text, ...], Meta(max_length=10_000)]
Networks = Annotated[tuple[Short, ...], Meta(max_length=10_000)]


class Model(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=False):
    """Base of all: frozen, keyword-only, tolerant of fields of a newer release."""
