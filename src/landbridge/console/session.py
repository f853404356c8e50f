"""A viewer's session: what the browser keeps, sealed, between two requests.

Rules this module keeps:
- The token is in the cookie, sealed with a key that is derived from the state's (all API processes
  have it). What cannot be opened is no session.
- Of a session that was signed out this process keeps the mark until it would have ended: a copy of
  the cookie opens nothing here any more. Other processes, and the next start, do not know it; to
  end it everywhere, the token is revoked.
- The session is worth what its token is: the token is checked at every request. It ends after
  `LONGEST` all the same, as tokens may have no end.
- `csrf` goes into the forms of this session; a form without it is refused.
"""

from __future__ import annotations

import base64
import binascii
import secrets
import time
from collections.abc import Callable
from typing import Final

import msgspec

from landbridge.store.secrets import Sealer, SealError

LONGEST: Final = 12 * 3600  # seconds
LONGEST_COOKIE: Final = 4000  # bytes: browsers keep 4096 with name and attributes
_ROW: Final = "session"


class Session(msgspec.Struct, frozen=True, kw_only=True):
    """`token` empty: not signed in yet. `user`, `project`: what to call them; empty: as the API
    knows them."""

    token: str
    csrf: str
    until: int
    user: str = ""
    project: str = ""

    def __repr__(self) -> str:
        return f"Session(user={self.user!r})"


class TokenTooLong(Exception):
    """A browser would not keep a cookie with this token."""


class Sessions:
    """Makes, seals and opens sessions. `now`: seconds since the epoch."""

    def __init__(self, sealer: Sealer, now: Callable[[], float] = time.time) -> None:
        self._sealer = sealer.derived("landbridge console session")
        self._now = now
        self._signed_out: dict[str, int] = {}  # mark -> when the session would have ended

    def begin(self, token: str = "", *, user: str = "", project: str = "") -> Session:
        return Session(
            token=token,
            csrf=secrets.token_urlsafe(24),
            until=int(self._now()) + LONGEST,
            user=user,
            project=project,
        )

    def seal(self, session: Session) -> str:
        """Raises: TokenTooLong."""
        sealed = self._sealer.seal(_ROW, msgspec.json.encode(session).decode())
        value = base64.urlsafe_b64encode(sealed).decode().rstrip("=")
        if len(value) > LONGEST_COOKIE:
            raise TokenTooLong
        return value

    def open(self, value: str) -> Session | None:
        try:
            sealed = base64.urlsafe_b64decode(value + "=" * (-len(value) % 4))
            session = msgspec.json.decode(self._sealer.unseal(_ROW, sealed), type=Session)
        except (SealError, msgspec.MsgspecError, binascii.Error, ValueError):
            return None
        if session.until <= self._now() or session.csrf in self._signed_out:
            return None
        return session

    def end(self, session: Session) -> None:
        now = self._now()
        kept = {mark: until for mark, until in self._signed_out.items() if until > now}
        self._signed_out = kept | {session.csrf: session.until}
