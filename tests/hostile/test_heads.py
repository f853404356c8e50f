"""Requests that are too large, too many, or no HTTP: refused in words, at no one else's cost."""

from __future__ import annotations

from itertools import repeat

import pytest

from landbridge.api.http.protocol import MOST_WAITING
from tests.api.remote import Remote
from tests.hostile.wire import DEADLINE, Answer, Wire, get, head, resident

MIB = 2**20
GROWTH = 24 * MIB  # bytes that the server may have more at the end of an attack
NETWORKS = "/v2.0/networks"


def refused(server: Remote, *parts: bytes) -> Answer:
    """The answer to `parts`, which ends the connection; the server serves others as before."""
    with Wire(server) as wire:
        wire.send(parts)
        answer = wire.answer()
        assert answer.headers["connection"] == "close"
        assert wire.ends()
    assert server.request("GET", NETWORKS, "a").status_code == 200
    return answer


LIMIT = 65_536
TOO_MUCH = {
    "one header line": (431, b"GET / HTTP/1.1\r\nX: " + b"a" * (LIMIT + 1) + b"\r\n\r\n"),
    "one header's name": (431, b"GET / HTTP/1.1\r\n" + b"a" * (LIMIT + 1) + b": 1\r\n\r\n"),
    "header lines together": (431, b"GET / HTTP/1.1\r\n" + (b"X: " + b"a" * 4096 + b"\r\n") * 17),
    "many header lines": (431, b"GET / HTTP/1.1\r\n" + b"X:\r\n" * 101 + b"\r\n"),
    "a path": (414, b"GET /" + b"a" * LIMIT + b" HTTP/1.1\r\n\r\n"),
    "a query": (414, b"GET /v2.0/networks?" + b"a" * LIMIT + b" HTTP/1.1\r\n\r\n"),
    "a path of a method that nobody knows": (414, b"FOO /" + b"a" * LIMIT + b" HTTP/1.1\r\n\r\n"),
}


@pytest.mark.parametrize("what", TOO_MUCH)
def test_a_head_that_is_too_large_is_refused(server: Remote, what: str) -> None:
    status, sent = TOO_MUCH[what]
    answer = refused(server, sent)
    assert answer.status == status
    assert "more than" in answer.error["message"] or "longer than" in answer.error["message"]


@pytest.mark.parametrize(
    ("status", "begin"),
    [(431, b"GET / HTTP/1.1\r\nX: "), (414, b"GET /?"), (431, b"GET / HTTP/1.1\r\nX: 1\r\nY")],
)
def test_a_head_without_an_end_costs_no_memory(server: Remote, status: int, begin: bytes) -> None:
    before = resident(server)
    answer = refused(server, begin, *repeat(b"a" * MIB, 100))
    assert answer.status == status
    assert answer.error["message"]
    assert resident(server) - before < GROWTH


def test_what_is_within_the_limits_is_served(server: Remote) -> None:
    lines = b"".join(b"X-%d: %b\r\n" % (n, b"a" * 600) for n in range(90))
    query = b"?" + b"&".join(b"fields=%d" % n for n in range(60))
    with Wire(server) as wire:
        wire.send(head(server, "GET", NETWORKS + query.decode()) + lines + b"\r\n")
        assert wire.answer().status == 200
        wire.send(get(server))  # and the connection goes on
        assert wire.answer().status == 200


def test_a_head_may_come_in_pieces(server: Remote) -> None:
    sent = head(server, "FOO", NETWORKS) + b"\r\n" + get(server)
    with Wire(server) as wire:
        wire.socket.setsockopt(6, 1, 1)  # TCP_NODELAY
        for byte in sent:
            wire.send(bytes([byte]))
        assert wire.answer().status == 405
        assert wire.answer().status == 200


@pytest.mark.parametrize(
    "method", ["FOO", "BREW", "get", "GETX", "G", "X-Y.Z", "PROPFIND", "F" * 64]
)
@pytest.mark.parametrize("caller", ["a", None])
@pytest.mark.parametrize("body", [b"", b"{}"])
def test_a_method_that_nobody_knows_is_told_what_is_allowed(
    server: Remote, method: str, caller: str | None, body: bytes
) -> None:
    length = f"Content-Length: {len(body)}\r\n\r\n".encode()
    with Wire(server) as wire:
        wire.send(head(server, method, NETWORKS, caller) + length + body)
        answer = wire.answer()
        assert answer.status == 405
        assert answer.headers["allow"] == "GET, POST, OPTIONS"
        assert answer.error["type"] == "HTTPMethodNotAllowed"
        wire.send(get(server))  # it was a request as others: the connection goes on
        assert wire.answer().status == 200


@pytest.mark.parametrize("path", ["/", "/healthcheck", "/agent/v1/report", f"{NETWORKS}/x"])
def test_every_path_says_what_is_allowed(server: Remote, path: str) -> None:
    with Wire(server) as wire:
        wire.send(head(server, "FOO", path) + b"\r\n")
        answer = wire.answer()
    assert answer.status == 405
    assert answer.headers["allow"]
    assert answer.error["type"] == "HTTPMethodNotAllowed"


def test_a_method_that_nobody_knows_in_pieces(server: Remote) -> None:
    for pieces in (
        [b"F", b"O", b"O /"],
        [b"GE", b"TX /"],
        [b"FO", b"GET /"],
        [b"\r\n", b"B", b"X /"],
    ):
        with Wire(server) as wire:
            wire.socket.setsockopt(6, 1, 1)  # TCP_NODELAY
            for piece in pieces:
                wire.send(piece)
            wire.send(b" HTTP/1.1\r\nHost: x\r\n\r\n")
            assert wire.answer().status == 405, pieces


CHUNKED = b"Transfer-Encoding: chunked\r\n\r\n"
NO_HTTP = {
    "a TLS hello": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    "a method without an end": b"A" * 1000,
    "a method in brackets": b"(FOO) / HTTP/1.1\r\n\r\n",
    "no space after a method": b"FOO\r\n\r\n",
    "a version": b"GET / HTTP/9.9\r\n\r\n",
    "a header line without a name": b"GET / HTTP/1.1\r\nHost: x\r\n: 1\r\n\r\n",
    "a header line with a space in its name": b"GET / HTTP/1.1\r\nA b: 1\r\n\r\n",
    "a folded header line": b"GET / HTTP/1.1\r\nA: b\r\n c\r\n\r\n",
    "a NUL": b"GET / HTTP/1.1\r\nA: \0\r\n\r\n",
    "an address that is none": b"GET nowhere HTTP/1.1\r\n\r\n",
    "an address that is not ASCII": b"GET /\xff HTTP/1.1\r\n\r\n",
    "two lengths": b"PUT / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
    "a length and chunks": b"PUT / HTTP/1.1\r\nContent-Length: 1\r\n" + CHUNKED,
    "a length beyond numbers": b"PUT / HTTP/1.1\r\nContent-Length: 99999999999999999999\r\n\r\n",
    "a negative length": b"PUT / HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
    "an encoding": b"PUT / HTTP/1.1\r\nTransfer-Encoding: gzip\r\n\r\n",
    "a chunk beyond numbers": b"PUT / HTTP/1.1\r\n" + CHUNKED + b"ffffffffffffffffff\r\n",
    "a chunk that is none": b"PUT / HTTP/1.1\r\n" + CHUNKED + b"zz\r\n",
}  # fmt: skip


@pytest.mark.parametrize("what", NO_HTTP)
def test_what_is_no_http_is_refused_in_the_envelope(server: Remote, what: str) -> None:
    answer = refused(server, NO_HTTP[what])
    assert answer.status == 400
    assert answer.error["message"]


def test_what_follows_a_request_that_is_answered_does_not_take_its_answer(server: Remote) -> None:
    with Wire(server) as wire:
        wire.send(get(server) + b"(no http)")
        assert wire.answer().status == 200
        assert wire.ends()


def test_requests_may_wait_on_one_connection_but_not_many(server: Remote) -> None:
    with Wire(server) as wire:
        wire.send(get(server) * MOST_WAITING)
        assert [wire.answer().status for _ in range(MOST_WAITING)] == [200] * MOST_WAITING
        wire.send(get(server))
        assert wire.answer().status == 200
    before = resident(server)
    with Wire(server) as wire:
        wire.send(get(server, "/") * 5_000)
        answered = 0
        try:
            while wire.answer().status:
                answered += 1
        except ConnectionError:
            pass
    assert 1 <= answered <= MOST_WAITING + 2
    assert resident(server) - before < GROWTH


def test_an_upgrade_is_not_taken_and_the_request_answered(server: Remote) -> None:
    for to in ("websocket", "h2c"):
        upgrade = f"Connection: Upgrade\r\nUpgrade: {to}\r\n\r\n".encode()
        with Wire(server) as wire:
            wire.send(head(server, "GET", NETWORKS) + upgrade + get(server))
            assert wire.answer().status == 200
            assert wire.answer().status == 200


def test_a_refusal_is_counted(server: Remote) -> None:
    refused(server, b"\x16\x03\x01")
    page = server.request("GET", "/metrics", None).text
    (line,) = (
        one
        for one in page.splitlines()
        if one.startswith('landbridge_http_refused_total{code="400"')
    )
    assert float(line.split()[1]) >= 1


def test_nothing_of_it_is_in_the_log(server: Remote) -> None:
    refused(server, b"GET /s3cret-path HTTP/9.9\r\n\r\n")
    assert "s3cret-path" not in server.server.server.log.read_text()
    assert DEADLINE  # the log is read after the answer: what it says was said before
