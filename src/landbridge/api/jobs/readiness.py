"""``GET /readyz``: whether this process can write to its database now; it tries.

Rules this module keeps:
- The attempt is a write that changes nothing and takes the path of all writes, up to the commit.
  `/healthcheck` says only that the process answers.
- It is tried once per `KEPT` seconds, however many ask, and given up after `PATIENCE` seconds.
- The reason is one line without a path, an address or a statement, since anybody may ask.
"""

from __future__ import annotations

import asyncio
import sqlite3
from typing import Final

import structlog
from sqlalchemy import Connection, exc, text
from starlette.requests import Request
from starlette.responses import Response

from landbridge import errors
from landbridge.api.http import json_body
from landbridge.api.http.shared_response import Shared
from landbridge.store.database import Database

KEPT: Final = 1.0  # seconds
PATIENCE: Final = 3.0  # seconds
_PRIMARY_CODE: Final = 0xFF  # of SQLite's extended result codes
_WORDS: Final = {
    sqlite3.SQLITE_FULL: "the database's disk is full",
    sqlite3.SQLITE_READONLY: "the database is read-only",
    sqlite3.SQLITE_IOERR: "the database's disk fails",
    sqlite3.SQLITE_BUSY: "another process holds the database",
    sqlite3.SQLITE_LOCKED: "another process holds the database",
    sqlite3.SQLITE_CORRUPT: "the database is damaged",
    sqlite3.SQLITE_NOTADB: "the database is damaged",
    sqlite3.SQLITE_CANTOPEN: "the database cannot be opened",
}
#: A row that every database of ours has, whatever its version; the write leaves it as it is.
_NOTHING_NEW: Final = text("UPDATE alembic_version SET version_num = version_num")

log = structlog.get_logger("landbridge.api")


class NotReady(errors.ServiceUnavailable):
    type = "NotReady"

    def __init__(self, reason: str) -> None:
        super().__init__(f"Not ready: {reason}.")
        self.reason = reason


class Readiness:
    """Of one process."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._found = Shared(self._try, KEPT)
        self._said = ""

    async def answer(self, request: Request) -> Response:
        reason = await self._found.get()
        if reason:
            raise NotReady(reason)
        return json_body.Json({"ready": True})

    async def _try(self) -> str:
        """Why not; empty: it is ready."""
        reason = ""
        try:
            async with asyncio.timeout(PATIENCE):
                await self._db.write(_write)
        except TimeoutError:
            reason = f"no write to the database was possible within {PATIENCE:g} seconds"
        except errors.ApiError as error:
            reason = reason_of(error)
        if reason != self._said:
            self._said = reason
            log.warning("not ready" if reason else "ready again", reason=reason)
        return reason


def reason_of(error: errors.ApiError) -> str:
    """In words that anybody may read."""
    cause = error.__cause__
    driver = cause.orig if isinstance(cause, exc.DBAPIError) else cause
    code = getattr(driver, "sqlite_errorcode", None)
    if code is not None and (words := _WORDS.get(code & _PRIMARY_CODE)):
        return words
    return "the database does not answer, or takes no writes"


def _write(tx: Connection) -> None:
    tx.execute(_NOTHING_NEW)
