"""Logs: one line a fact, the request's id on it, and no secret."""

from __future__ import annotations

import io
import json
import logging
from pathlib import Path

import structlog

from landbridge import telemetry


def lines(form: str = "json") -> tuple[io.StringIO, structlog.stdlib.BoundLogger]:
    stream = io.StringIO()
    telemetry.set_up_logs("info", form, "api", stream)
    logger: structlog.stdlib.BoundLogger = structlog.get_logger("landbridge.test").new()
    return stream, logger


def test_a_line_is_one_object_with_event_values_process_and_request() -> None:
    stream, logger = lines()
    telemetry.bind_request("req-1")
    logger.info("tunnel up", connection="c1")
    logger.debug("not shown")
    structlog.contextvars.clear_contextvars()
    [line] = stream.getvalue().splitlines()
    told = json.loads(line)
    assert told["event"] == "tunnel up"
    assert (told["connection"], told["process"], told["request_id"]) == ("c1", "api", "req-1")
    assert told["level"] == "info"
    assert told["timestamp"].endswith("Z")


def test_secrets_are_blanked_at_any_depth() -> None:
    for form in ("json", "console"):
        stream, logger = lines(form)
        logger.info(
            "body",
            psk="hush-1",
            body={"ipsec_site_connection": {"psk": "hush-2", "name": "n"}},
            all=[{"password": b"hush-3"}],
            x_auth_token="hush-4",
            secret={"of any type": ["hush-5"]},
            api_key=31337,
        )
        assert "31337" not in stream.getvalue()
        assert "hush" not in stream.getvalue()
        assert "***" in stream.getvalue()


def test_libraries_speak_only_when_it_matters() -> None:
    stream, _ = lines()
    logging.getLogger("keystoneauth1").info("chatter")
    logging.getLogger("uvicorn.error").warning("something")
    [line] = stream.getvalue().splitlines()
    assert json.loads(line)["event"] == "something"


def test_an_exception_is_on_the_line_of_its_event() -> None:
    stream, logger = lines()
    try:
        int("bad")
    except ValueError:
        logger.exception("went wrong")
    [line] = stream.getvalue().splitlines()
    assert "ValueError: invalid literal" in json.loads(line)["exception"]


def test_what_json_has_no_words_for_is_told_all_the_same() -> None:
    stream, logger = lines()
    logger.info("odd", path=Path("/x"), text="\udcff", table={1: 2})
    logger.info("plain", path=Path("/x"))
    assert [json.loads(line)["event"] for line in stream.getvalue().splitlines()] == [
        "odd",
        "plain",
    ]


def test_a_stream_that_takes_nothing_stops_nobody() -> None:
    stream, logger = lines()
    stream.close()
    logger.info("lost")
