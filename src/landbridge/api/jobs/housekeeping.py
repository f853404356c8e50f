"""Periodic work of an API process: marks silent gateways, deletes old events, reviews secrets.

Rules this module keeps:
- It ends with `DatabaseReplaced` when the database does not know the opening that this process
  made: another database was put in its place, and what the process has cached is wrong.
- A gateway is not marked for our own absence: after the start, after the database was away, after
  this process was stopped, and after the clock was set, it has `grace` seconds to report first.
- Transactions of others that hold listeners back for long are passed by (`store.order`).
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
from landbridge.api.http.metrics import ApiMetrics
from landbridge.store import events, identity
from landbridge.store.database import Database
from landbridge.store.order import HistoryMoved, held_back, pass_by
from landbridge.vpn.gateways import liveness
from landbridge.vpn.status import unreadable_psks
from landbridge.vpn.status.unreadable_psks import Reviewed

PERIOD: Final = 1.0  # seconds
GRACE: Final = LEASE_TTL
TRIM_EVERY: Final = 60.0  # seconds
CLOCK_STEP: Final = 1.0  # seconds; what slews is slower

_REPLACED: Final = (
    "The database is another one than when this process started (a backup was put back?): it "
    "starts again."
)
_ADVICE: Final = "end it, or wait; meanwhile listeners and gateways hear seconds later"

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
        self,
        db: Database,
        *,
        opening: str = "",
        period: float = PERIOD,
        grace: float = GRACE,
        metrics: ApiMetrics | None = None,
    ) -> None:
        self._db = db
        self._metrics = metrics or ApiMetrics()
        self._held_by = ""
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
                await self._pass_by()
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
        if self._opening and not await self._db.read_one(identity.is_known, self._opening):
            raise DatabaseReplaced(_REPLACED)

    async def _pass_by(self) -> None:
        """Let listeners go on where a transaction of somebody else holds them back."""
        try:
            held = await self._db.read(held_back)
        except HistoryMoved:
            raise DatabaseReplaced(_REPLACED) from None
        self._metrics.held_back.set(held.seconds if held else 0.0)
        if held is None:
            if self._held_by:
                log.info("events are not held back any more")
            self._held_by = ""
            return
        if held.by != self._held_by:
            log.warning("a transaction holds events back", **held._asdict(), advice=_ADVICE)
        self._held_by = held.by
        await self._db.write(pass_by)

    async def _review(self) -> None:
        if suspects := self._db.take_suspects():
            tell(await self._db.write(unreadable_psks.review, suspects))

    async def _look(self) -> None:
        for gateway in await self._db.read_one(liveness.overdue):
            told = await self._db.write(liveness.mark_silent, gateway)
            log.warning("gateway is silent", gateway=gateway, connections=told)
