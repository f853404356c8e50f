"""Ends streams whose token has become invalid, by checking the tokens of open streams again.

Rules this module keeps:
- A token is checked once per `LOOK` seconds, however many streams it has open. Most checks are
  answered by the token cache without I/O (`token_cache`).
- A stream ends when its token is refused, and when the token now belongs to a changed caller
  (another project, role or policy). The client may open it again and is authenticated again.
- While tokens cannot be checked, streams continue for `AWAY` seconds beyond the cache's validity.
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
    """The checks of one process. `admit` makes a caller of a token and a service token, or
    raises."""

    def __init__(self, admit: Admit) -> None:
        self._admit = admit
        self._running: dict[Key, _Watch] = {}

    @contextmanager
    def during(
        self, token: str, service_token: str, caller: Caller, *ended: Ended
    ) -> Iterator[None]:
        """A context for a stream that was opened as `caller`; each of `ended` is called once when
        the stream must end."""
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
        """Forget the watch: a later stream of this token begins a new one."""
        if self._running.get(key) is watch:
            del self._running[key]


class _Watch:
    """One token with its caller, and what is called when it becomes invalid."""

    task: asyncio.Task[None]

    def __init__(self, caller: Caller) -> None:
        self.caller = caller
        self.streams: dict[object, tuple[Ended, ...]] = {}
