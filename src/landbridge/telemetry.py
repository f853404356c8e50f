"""Logs and metrics: how they look, and that no secret is in them.

Rules this module keeps:
- One line per fact: an event in words, and its values as fields. On a terminal for a
  person, elsewhere one JSON object a line, on stderr.
- A field whose name says that it is secret is never written, whatever its value.
- `request_id` is bound once (`bind_request`) and rides along on every line of that request.
- Our own lines do not pass through the standard library's logging: a request's line is part
  of what the request costs. Libraries' lines look the same.
- A line that cannot be written (disk full, reader gone) is lost, and stops nobody.
- Metrics live in a registry that their owner makes: nothing is counted at import.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import MutableMapping
from contextlib import suppress
from functools import lru_cache
from threading import Lock
from typing import Any, Final, TextIO

import msgspec
import structlog

SECRET_NAMES: Final = ("psk", "password", "secret", "token", "authorization", "api_key")
HIDDEN: Final = "***"
LATENCY_BUCKETS: Final = (
    0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0,
)  # fmt: skip
_LEVELS: Final = {
    "debug": logging.DEBUG,
    "info": logging.INFO,
    "warning": logging.WARNING,
    "error": logging.ERROR,
}
_Event = MutableMapping[str, Any]


def set_up_logs(level: str, form: str, process: str, stream: TextIO | None = None) -> None:
    """Send our lines and those of libraries to `stream` (stderr).

    `form`: ``console``, ``json``, or ``auto``: console on a terminal, else JSON.
    `process`: which of landbridge's processes speaks.
    """
    out = stream or sys.stderr
    console = form == "console" or (form == "auto" and out.isatty())
    facts: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _named(process),
        hide_secrets,
    ]
    rendering = [structlog.processors.format_exc_info, _renderer(console, out)]
    structlog.configure(
        processors=[*facts, *rendering],
        logger_factory=lambda *_: _Lines(out),
        wrapper_class=structlog.make_filtering_bound_logger(_LEVELS[level]),
        cache_logger_on_first_use=True,
    )
    _hear_libraries(out, facts, rendering)


def _hear_libraries(out: TextIO, facts: list[Any], rendering: list[Any]) -> None:
    """Warnings and worse: keystoneauth1 and uvicorn talk much below that."""
    strip = structlog.stdlib.ProcessorFormatter.remove_processors_meta
    handler = logging.StreamHandler(out)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(foreign_pre_chain=facts, processors=[strip, *rendering])
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)


class _Lines:
    """Where structlog's rendered lines end."""

    def __init__(self, out: TextIO) -> None:
        self._out = out
        self._lock = Lock()

    def msg(self, line: str) -> None:
        with self._lock, suppress(OSError, ValueError):  # ValueError: the stream is closed
            self._out.write(line + "\n")
            self._out.flush()

    debug = info = warning = error = critical = msg


def bind_request(request_id: str) -> None:
    """All lines of this task carry the request's id from now on."""
    structlog.contextvars.bind_contextvars(request_id=request_id)


def current_request() -> str:
    """The id of the request that this task serves; empty: none."""
    return str(structlog.contextvars.get_contextvars().get("request_id", ""))


def hide_secrets(_: Any, __: str, event: _Event) -> _Event:
    """Blank every field, nested ones too, whose name says that it is secret."""
    for name, value in event.items():
        event[name] = _shown(name, value)
    return event


def _shown(name: str, value: Any) -> Any:
    if value is not None and _is_secret(name):
        return HIDDEN
    if isinstance(value, dict):
        return {inner: _shown(str(inner), held) for inner, held in value.items()}
    if isinstance(value, list | tuple):
        return [_shown(name, held) for held in value]
    return value


def is_secret(name: str) -> bool:
    """Whether a field of that name holds a secret."""
    return any(secret in name.lower() for secret in SECRET_NAMES)


_is_secret: Final = lru_cache(maxsize=1024)(is_secret)  # of the names in our own lines


def _named(process: str) -> Any:
    def add(_: Any, __: str, event: _Event) -> _Event:
        event.setdefault("process", process)
        return event

    return add


def _renderer(console: bool, out: TextIO) -> Any:
    if console:
        return structlog.dev.ConsoleRenderer(colors=out.isatty())
    return _json_line


_encoder: Final = msgspec.json.Encoder(enc_hook=repr)
_lenient: Final = structlog.processors.JSONRenderer()


def _json_line(logger: Any, method: str, event: _Event) -> str | bytes:
    try:
        return _encoder.encode(event).decode()
    except (TypeError, ValueError):  # half a character, say: the standard library escapes it
        return _lenient(logger, method, event)
