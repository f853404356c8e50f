"""Decides which requests are logged, and at which level.

Rules this module keeps:
- Successes and callers' mistakes are logged at ``debug`` only; metrics count all of them.
- What the operator may have to examine is always logged at ``warning``: 5xx and slow responses.
- `[log] requests` adds lines at ``info`` as a record: of changes, or of all requests; never of the
  routine calls of gateways.
- The line has method, route, status, time and the request's id, which is also in the agent's log
  line and in the connection's history.
"""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Final, Literal

import msgspec
import structlog

from landbridge.config.settings import LogSettings

CHANGING: Final = frozenset({"POST", "PUT", "PATCH", "DELETE"})
Level = Literal["debug", "info", "warning"]
#: The methods whose requests have a line at ``info``, by `[log] requests`.
TOLD: Final[Mapping[str, frozenset[str]]] = {
    "failures": frozenset(),
    "changes": CHANGING,
    "all": CHANGING | {"GET", "HEAD", "OPTIONS"},
}


class RequestRecord(msgspec.Struct, frozen=True, kw_only=True):
    """`route` is a template, never a path with ids. `status` 0: the client disconnected before the
    response began. `routine`: a periodic call of gateways."""

    method: str
    route: str
    status: int
    seconds: float
    routine: bool


class RequestLog:
    def __init__(self, settings: LogSettings) -> None:
        self._settings = settings
        self._log = structlog.get_logger("landbridge.api")

    def tell(self, record: RequestRecord) -> None:
        tell = getattr(self._log, level(record, self._settings))
        tell(
            "request",
            method=record.method,
            route=record.route,
            status=record.status,
            milliseconds=round(record.seconds * 1000, 2),
        )


def level(record: RequestRecord, settings: LogSettings) -> Level:
    if record.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return "warning"
    if 0 < settings.slow_request <= record.seconds:
        return "warning"
    told = record.method in TOLD[settings.requests] and not record.routine
    return "info" if told else "debug"
