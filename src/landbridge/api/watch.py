"""What an API process does besides answering: notice silent gateways, forget old events.

Rules this module keeps:
- A gateway is not blamed for our own absence: after the start, after the database was away, and
  after this process was stopped itself, it has `grace` seconds to report first.
- Any number of API processes may watch: what they write is conditional.
"""

from __future__ import annotations

import asyncio
from time import monotonic
from typing import Final

import structlog

from landbridge import errors
from landbridge.api.agents import LEASE_TTL
from landbridge.store import events
from landbridge.store.database import Database
from landbridge.vpn import silence

PERIOD: Final = 1.0  # seconds
GRACE: Final = LEASE_TTL
TRIM_EVERY: Final = 60.0  # seconds

log = structlog.get_logger("landbridge.api")


class Watch:
    """`run` goes on until it is cancelled."""

    def __init__(self, db: Database, *, period: float = PERIOD, grace: float = GRACE) -> None:
        self._db = db
        self._period = period
        self._grace = grace

    async def run(self) -> None:
        judged_from = looked = monotonic()
        judged_from += self._grace
        trimmed = looked
        while True:
            await asyncio.sleep(self._period)
            now = monotonic()
            if now - looked > self._period + self._grace:
                judged_from = now + self._grace
            looked = now
            try:
                if now >= judged_from:
                    await self._look()
                if now - trimmed > TRIM_EVERY:
                    trimmed = now
                    await self._db.write(events.trim)
            except errors.ApiError as error:
                log.warning("watch interrupted", reason=str(error))
                judged_from = monotonic() + self._grace

    async def _look(self) -> None:
        for gateway in await self._db.read(silence.overdue):
            told = await self._db.write(silence.fall, gateway)
            log.warning("gateway is silent", gateway=gateway, connections=told)
