"""Which requests have a line in the log, and at which level."""

from __future__ import annotations

from typing import Any

import pytest

from landbridge.api.http.request_log import RequestRecord, level
from landbridge.config.settings import LogSettings

READ: dict[str, Any] = {"method": "GET", "status": 200, "seconds": 0.002, "routine": False}


def of(**given: Any) -> RequestRecord:
    return RequestRecord(route="/v2.0/networks", **(READ | given))


def with_(**given: Any) -> LogSettings:
    usual: dict[str, Any] = {"level": "info", "format": "json", "slow_request": 1.0}
    return LogSettings(**(usual | given))


@pytest.mark.parametrize(
    ("record", "default", "changes", "all_"),
    [
        (of(), "debug", "debug", "info"),
        (of(method="HEAD", status=304), "debug", "debug", "info"),
        (of(method="POST", status=201), "debug", "info", "info"),
        (of(method="PUT"), "debug", "info", "info"),
        (of(method="DELETE", status=204), "debug", "info", "info"),
        (of(method="PUT", status=400), "debug", "info", "info"),
        (of(status=401), "debug", "debug", "info"),
        (of(status=404), "debug", "debug", "info"),
        (of(status=0), "debug", "debug", "info"),
        (of(routine=True), "debug", "debug", "debug"),
        (of(method="POST", routine=True), "debug", "debug", "debug"),
        (of(seconds=1.0), "warning", "warning", "warning"),
        (of(routine=True, seconds=7.5), "warning", "warning", "warning"),
        (of(status=500), "warning", "warning", "warning"),
        (of(status=503, routine=True), "warning", "warning", "warning"),
        (of(method="PUT", status=500, seconds=7.5), "warning", "warning", "warning"),
        (of(method="BREW", status=405), "debug", "debug", "debug"),
    ],
)
def test_the_level_of_a_request(
    record: RequestRecord, default: str, changes: str, all_: str
) -> None:
    wanted = [level(record, with_(requests=name)) for name in ("failures", "changes", "all")]
    assert wanted == [default, changes, all_]


def test_no_time_is_slow_where_the_operator_says_so() -> None:
    assert level(of(seconds=60.0), with_(requests="failures", slow_request=0.0)) == "debug"
    assert level(of(seconds=0.3), with_(requests="failures", slow_request=0.25)) == "warning"
