"""Methods that a path does not have, known or not: 405 with `Allow`, in the API's envelope."""

from __future__ import annotations

import pytest

from tests.api.remote import Remote
from tests.hostile.wire import Wire, connections, get, head, until

#: As IANA lists them, those of other protocols that parsers know, and some that nobody knows.
METHODS = (
    "ACL", "BASELINE-CONTROL", "BIND", "CHECKIN", "CHECKOUT", "COPY", "LABEL", "LINK", "LOCK",
    "MERGE", "MKACTIVITY", "MKCALENDAR", "MKCOL", "MKREDIRECTREF", "MKWORKSPACE", "MOVE",
    "ORDERPATCH", "PATCH", "PROPFIND", "PROPPATCH", "QUERY", "REBIND", "REPORT", "SEARCH", "TRACE",
    "UNBIND", "UNCHECKOUT", "UNLINK", "UNLOCK", "UPDATE", "UPDATEREDIRECTREF", "VERSION-CONTROL",
    "M-SEARCH", "NOTIFY", "SUBSCRIBE", "UNSUBSCRIBE", "PURGE", "SOURCE", "DESCRIBE", "ANNOUNCE",
    "SETUP", "PLAY", "PAUSE", "TEARDOWN", "GET_PARAMETER", "SET_PARAMETER",
    "REDIRECT", "RECORD", "FLUSH", "CONNECT", "FOO", "foo", "get", "Put",
    "G", "GETS", "PRI", "*", "F" * 64,
)  # fmt: skip
NOT_THERE = "12345678-1234-4234-8234-123456789abc"
PATHS = {
    "/v2.0/networks": {"GET", "POST", "OPTIONS"},
    f"/v2.0/networks/{NOT_THERE}": {"GET", "PUT", "DELETE", "OPTIONS"},
    "/v2.0/extensions": {"GET", "OPTIONS"},
    "/landbridge/v1/events": {"GET", "OPTIONS"},
    "/healthcheck": {"GET", "HEAD"},
    "/agent/v1/report": {"POST"},
    "/": {"GET", "HEAD"},
}


def allowed(answer_headers: dict[str, str]) -> set[str]:
    return set(answer_headers["allow"].split(", "))


@pytest.mark.parametrize("method", METHODS)
def test_a_method_that_no_path_has(server: Remote, method: str) -> None:
    for path, methods in PATHS.items():
        with Wire(server) as wire:
            wire.send(head(server, method, path) + b"\r\n")
            answer = wire.answer()
            assert answer.status == 405, (path, answer)
            assert answer.error["type"] == "HTTPMethodNotAllowed"
            assert allowed(answer.headers) >= methods
            if method != "CONNECT":  # what follows one is no HTTP
                assert allowed(answer.headers) == methods
                wire.send(get(server))
                assert wire.answer().status == 200


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "HEAD"])
def test_a_method_that_this_path_has_not(server: Remote, path: str, method: str) -> None:
    if method in PATHS[path]:
        return
    with Wire(server) as wire:
        wire.send(head(server, method, path) + b"Content-Length: 2\r\n\r\n{}")
        status, headers = _head_of(wire) if method == "HEAD" else wire.answer()[:2]
    if path.startswith("/v2.0/networks/") and method == "POST":
        assert status in (400, 405)  # its body is looked at first, as the reference does
        return
    assert status == 405
    assert allowed(headers) == PATHS[path]


def _head_of(wire: Wire) -> tuple[int, dict[str, str]]:
    """An answer to HEAD has no body, whatever its length says."""
    came = b""
    while b"\r\n\r\n" not in came:
        came += wire.socket.recv(1 << 16)
    status, *lines = came.partition(b"\r\n\r\n")[0].decode().split("\r\n")
    named = (line.partition(": ") for line in lines)
    return int(status.split()[1]), {name.lower(): value for name, _, value in named}


@pytest.mark.parametrize("method", ["DESCRIBE", "PRI", "TRACE", "CONNECT", "FOO"])
def test_a_method_that_no_path_has_in_pieces(server: Remote, method: str) -> None:
    """Wherever it is cut; only where that was seen is its path known."""
    sent = head(server, method, "/v2.0/networks") + b"\r\n"
    for at in (1, 3, len(method) + 2, len(method) + 18, len(sent) - 3):
        with Wire(server) as wire:
            wire.socket.setsockopt(6, 1, 1)  # TCP_NODELAY
            wire.send(sent[:at])
            until(lambda: connections(server) > 0, "it is there")
            wire.send(sent[at:])
            answer = wire.answer()
            assert answer.status == 405, at
            assert allowed(answer.headers) >= {"GET", "POST"}


@pytest.mark.parametrize("to", ["example.org:443", "[::1]:443", "127.0.0.1:1", "/v2.0/networks"])
@pytest.mark.parametrize("caller", ["a", None])
def test_nobody_is_connected_through(server: Remote, to: str, caller: str | None) -> None:
    with Wire(server) as wire:
        wire.send(head(server, "CONNECT", to, caller) + b"\r\n" + b"\x16\x03\x01")
        answer = wire.answer()
        assert answer.status == 405
        assert answer.error["type"] == "HTTPMethodNotAllowed"
        assert "GET" in allowed(answer.headers)
        assert wire.ends()
