"""Receives the wake-ups of other processes: LISTEN on a connection of its own.

Rules this module keeps:
- A notification is a hint for the hub. After every (re)connect all listeners are woken, because
  notifications may have been missed.
- It runs until it is cancelled; a database that is away is tried again, at growing intervals.
"""

from __future__ import annotations

import asyncio

import psycopg
import structlog
from psycopg import sql

from landbridge.backoff import Backoff
from landbridge.store.hub import Hub

CHANNEL = "landbridge"

_FIRST_PAUSE = 0.1  # seconds
_LONGEST_PAUSE = 5.0

log = structlog.get_logger(__name__)


async def listen(conninfo: str, hub: Hub) -> None:
    """Tell `hub` of every commit that wakes somebody, until cancelled."""
    backoff = Backoff(_FIRST_PAUSE, _LONGEST_PAUSE)
    while True:
        try:
            async with await psycopg.AsyncConnection.connect(conninfo, autocommit=True) as heard:
                await heard.execute(sql.SQL("LISTEN {}").format(sql.Identifier(CHANNEL)))
                hub.announce_all()
                backoff.reset()
                async for notice in heard.notifies():
                    hub.announce([notice.payload])
        except psycopg.OperationalError as error:
            log.warning("database.listen.lost", error=str(error).strip())
        await asyncio.sleep(backoff.next())
