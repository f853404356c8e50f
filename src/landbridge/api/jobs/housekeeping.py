"""Periodic work of an API process: marks silent gateways, deletes old events, reviews secrets.

Rules this module keeps:
- It ends with `DatabaseReplaced` when the database does not know the opening that this process
  made: another database was put in its place, and what the process has cached is wrong.
- A gateway is not marked for our own absence: after the start, after the database was away, after
  this process was stopped, and after the clock was set, it has `grace` seconds to report first.
- Any number of API processes may do this: their updates are conditional.
"""

from __future__ import annotations

import asyncio
import time
from time import monotonic
from typing import Final

import structlog

from landbridge import errors
from landbridge.api.agents.routes import LEASE_TTL
from landbridge.store import events, identity
from landbridge.store.database import Database
from landbridge.vpn.gateways import liveness
from landbridge.vpn.status import unreadable_psks
from landbridge.vpn.status.unreadable_psks import Reviewed

PERIOD: Final = 1.0  # seconds
GRACE: Final = LEASE_TTL
TRIM_EVERY: Final = 60.0  # seconds
CLOCK_STEP: Final = 1.0  # seconds; what slews is slower

log = structlog.get_logger("landbridge.api")


def tell(found: Reviewed) -> None:
    """One line for each connection."""
    for each in found.damaged:
        log.error("psk unreadable", connection=each, advice="set psk again")
    for each in found.healed:
        log.info("psk readable again", connection=each)


class DatabaseReplaced(Exception):
    """The database is not the one that was opened at the start."""


class Housekeeping:
    """`run` goes on until it is cancelled. `opening`: this process's own (empty: none)."""

    def __init__(
        self, db: Database, *, opening: str = "", period: float = PERIOD, grace: float = GRACE
    ) -> None:
        self._db = db
        self._opening = opening
        self._period = period
        self._grace = grace

    async def run(self) -> None:
        """Raises: DatabaseReplaced."""
        judged_from = looked = monotonic()
        judged_from += self._grace
        trimmed, clock = looked, time.time() - looked
        while True:
            await asyncio.sleep(self._period)
            now = monotonic()
            was, clock = clock, time.time() - now
            if now - looked > self._period + self._grace or abs(clock - was) > CLOCK_STEP:
                judged_from = now + self._grace
            looked = now
            try:
                await self._recognise()
                await self._review()
                if now >= judged_from:
                    await self._look()
                if now - trimmed > TRIM_EVERY:
                    trimmed = now
                    await self._db.write(events.trim)
            except errors.ApiError as error:
                log.warning("housekeeping interrupted", reason=str(error))
                judged_from = monotonic() + self._grace

    async def _recognise(self) -> None:
        if self._opening and not await self._db.read(identity.is_known, self._opening):
            raise DatabaseReplaced(
                "The database is another one than when this process started (a backup was put "
                "back?): it starts again."
            )

    async def _review(self) -> None:
        if suspects := self._db.take_suspects():
            tell(await self._db.write(unreadable_psks.review, suspects))

    async def _look(self) -> None:
        for gateway in await self._db.read(liveness.overdue):
            told = await self._db.write(liveness.mark_silent, gateway)
            log.warning("gateway is silent", gateway=gateway, connections=told)
