"""Streams end with their token: it is looked at again while they run, whatever goes through them.

Rules this module keeps:
- A token is asked about once per `LOOK`, however many streams it has open. What a question costs is
  the token cache's business (`verdicts`): most are answered without I/O.
- A stream ends when its token is refused, and when it is another caller's now (a changed project,
  role or policy). Who was let in may come again and be judged anew.
- While nobody can be asked, streams go on for `AWAY` seconds beyond what the cache vouches for.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from time import monotonic
from typing import Final

import structlog

from landbridge import errors
from landbridge.auth.caller import Caller
from landbridge.auth.token_cache import digest

LOOK: Final = 0.5  # seconds
AWAY: Final = 15.0  # seconds

Admit = Callable[[str, str], Awaitable[Caller]]
Ended = Callable[[], None]
Key = tuple[str, str, Caller]

log = structlog.get_logger(__name__)


class Recheck:
    """Of one process. `admit` says whose a token and a service token are, or raises."""

    def __init__(self, admit: Admit) -> None:
        self._admit = admit
        self._running: dict[Key, _Watch] = {}

    @contextmanager
    def during(
        self, token: str, service_token: str, caller: Caller, *ended: Ended
    ) -> Iterator[None]:
        """While a stream runs that was opened as `caller`; each of `ended` is called once, when it
        must end."""
        key = digest(token), digest(service_token), caller
        watch = self._running.get(key)
        if watch is None:
            watch = self._running[key] = _Watch(caller)
            ask = self._until_refused(watch, token, service_token)
            watch.task = asyncio.create_task(self._watch(key, watch, ask), name="recheck")
        mark = object()
        watch.streams[mark] = ended
        try:
            yield
        finally:
            watch.streams.pop(mark, None)
            if not watch.streams:
                watch.task.cancel()
                self._forget(key, watch)

    async def _watch(self, key: Key, watch: _Watch, ask: Awaitable[str]) -> None:
        reason = "the check failed"
        try:
            reason = await ask
        finally:
            self._forget(key, watch)
            if watch.streams:
                log.info("streams end", reason=reason, streams=len(watch.streams))
            for ended in watch.streams.values():
                for each in ended:
                    each()

    async def _until_refused(self, watch: _Watch, token: str, service_token: str) -> str:
        """Why the streams must end."""
        known = monotonic()
        while True:
            await asyncio.sleep(LOOK)
            try:
                caller = await self._admit(token, service_token)
            except errors.Unauthorized as error:
                return error.message
            except errors.ServiceUnavailable as error:
                if monotonic() - known > AWAY:
                    return error.message
                continue
            known = monotonic()
            if caller != watch.caller:
                return "the token is another caller's now"

    def _forget(self, key: Key, watch: _Watch) -> None:
        """A stream that comes later begins a watch of its own."""
        if self._running.get(key) is watch:
            del self._running[key]


class _Watch:
    """One token as one caller: what is called when it is not good any more."""

    task: asyncio.Task[None]

    def __init__(self, caller: Caller) -> None:
        self.caller = caller
        self.streams: dict[object, tuple[Ended, ...]] = {}
