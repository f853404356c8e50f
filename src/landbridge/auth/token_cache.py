"""Caches checked tokens by the token's SHA-256.

Rules this module keeps:
- A fresh entry costs no I/O. From an age of `fresh` seconds on the token is checked again: in the
  background at first, and from twice that on before the caller continues. So a revoked token is
  accepted for ``2 * fresh`` seconds at most, busy or idle.
- While tokens cannot be checked, an entry is valid for `keep` seconds; never longer than the token.
- Concurrent misses of one token cause one check. Refusals are not cached.
- No token is stored, only its digest.
"""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections.abc import Awaitable, Callable
from typing import Final

import msgspec

from landbridge import errors
from landbridge.auth.caller import Caller

MOST_KEPT: Final = 10_000


class CheckedToken(msgspec.Struct, frozen=True, kw_only=True):
    """`expires_at`: seconds since the epoch, None: never."""

    caller: Caller
    expires_at: float | None = None


class _Entry(msgspec.Struct, frozen=True):
    checked: CheckedToken
    since: float  # by the monotonic clock


Ask = Callable[[], Awaitable[CheckedToken]]


def digest(token: str) -> str:
    """The token's SHA-256 in hexadecimal digits."""
    return hashlib.sha256(token.encode()).hexdigest()


class TokenCache:
    def __init__(
        self,
        *,
        fresh: float,
        keep: float,
        monotonic: Callable[[], float] = time.monotonic,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._fresh = fresh
        self._keep = keep
        self._monotonic = monotonic
        self._now = now
        self._kept: dict[str, _Entry] = {}
        self._asking: dict[str, asyncio.Task[CheckedToken]] = {}

    async def get(self, key: str, ask: Ask) -> Caller:
        """The caller by `key`, by `ask` where there is no fresh entry.

        Raises: Unauthorized, or what `ask` raises.
        """
        kept = self._kept.get(key)
        if kept is None:
            return self._unexpired(await self._ask(key, ask)).caller
        checked = self._unexpired(kept.checked)
        age = self._monotonic() - kept.since
        if age < self._fresh:
            return checked.caller
        if age < 2 * self._fresh:
            self._start(key, ask)
            return checked.caller
        try:
            return self._unexpired(await self._ask(key, ask)).caller
        except errors.ServiceUnavailable:
            if age < self._keep:
                return checked.caller
            raise

    def forget(self, key: str | None = None) -> None:
        """Remove one entry, or all: the next call checks again."""
        if key is None:
            self._kept.clear()
        else:
            self._kept.pop(key, None)

    def _unexpired(self, checked: CheckedToken) -> CheckedToken:
        if checked.expires_at is not None and checked.expires_at <= self._now():
            raise errors.Unauthorized("The token has expired.")
        return checked

    async def _ask(self, key: str, ask: Ask) -> CheckedToken:
        return await asyncio.shield(self._start(key, ask))

    def _start(self, key: str, ask: Ask) -> asyncio.Task[CheckedToken]:
        if key not in self._asking:
            task = asyncio.ensure_future(self._learn(key, ask))
            self._asking[key] = task
            task.add_done_callback(lambda done: self._asked(key, done))
        return self._asking[key]

    def _asked(self, key: str, done: asyncio.Task[CheckedToken]) -> None:
        del self._asking[key]
        if not done.cancelled():
            done.exception()  # who waits has it; nobody waits in the background

    async def _learn(self, key: str, ask: Ask) -> CheckedToken:
        try:
            checked = await ask()
        except errors.Unauthorized:
            self.forget(key)
            raise
        if self._keep > 0:
            self._make_room()
            self._kept[key] = _Entry(checked, self._monotonic())
        return checked

    def _make_room(self) -> None:
        if len(self._kept) < MOST_KEPT:
            return
        oldest = self._monotonic() - self._keep
        self._kept = {key: kept for key, kept in self._kept.items() if kept.since > oldest}
        while len(self._kept) >= MOST_KEPT:
            del self._kept[next(iter(self._kept))]
