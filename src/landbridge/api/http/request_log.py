"""Which requests are told in the log, and at which level.

Rules this module keeps:
- A service that does well is silent: what succeeds, and what a caller did wrong, is told at
  ``debug`` only. Metrics count all of it.
- What the operator may have to look into is always told, at ``warning``: 5xx and slow answers.
- `[log] requests` adds at ``info`` what may be wanted as a record: changes, or all; never what
  gateways ask by routine.
- The line has method, route, status and time, and the request's id, which is that of the change's
  line in the agent's log and in the connection's history.
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
    """`route` is a template, never a path with ids. `status` 0: the client went before its answer
    began. `routine`: gateways ask it all the time."""

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
