"""Bodies that are too large, that lie, or that are mostly packing."""

from __future__ import annotations

import json
from itertools import repeat

import pytest

from tests.api.remote import Remote
from tests.hostile.wire import Wire, get, head, resident

MIB = 2**20
GROWTH = 24 * MIB  # bytes that the server may have more at the end of an attack
POLICIES = "/v2.0/vpn/ikepolicies"
CHUNKED = b"Transfer-Encoding: chunked\r\n\r\n"
BODY = json.dumps({"ikepolicy": {"name": "x"}}).encode()


def chunks(content: bytes, size: int) -> bytes:
    parts = (content[at : at + size] for at in range(0, len(content), size))
    return b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in parts)


@pytest.mark.parametrize("caller", ["a", None])
@pytest.mark.parametrize("kind", ["a length", "chunks"])
def test_a_body_that_is_too_large_is_answered_and_not_kept(
    server: Remote, caller: str | None, kind: str
) -> None:
    before = resident(server)
    with Wire(server) as wire:
        if kind == "chunks":
            wire.send(head(server, "POST", POLICIES, caller) + CHUNKED)
            wire.send(repeat(chunks(b"a" * MIB, MIB), 64))
        else:
            length = b"Content-Length: %d\r\n\r\n" % (64 * MIB)
            wire.send(head(server, "POST", POLICIES, caller) + length)
            wire.send(repeat(b"a" * MIB, 64))
        answer = wire.answer()
        assert answer.status == (413 if caller else 401)
        assert answer.headers["connection"] == "close"
        assert wire.ends()
    assert resident(server) - before < GROWTH


@pytest.mark.parametrize("length", [10**12, 2**63 - 1])
def test_a_length_is_not_waited_for_where_it_is_too_much(server: Remote, length: int) -> None:
    with Wire(server) as wire:
        wire.send(head(server, "POST", POLICIES) + b"Content-Length: %d\r\n\r\n" % length)
        answer = wire.answer()
        assert (answer.status, answer.error["type"]) == (413, "HTTPRequestEntityTooLarge")
        assert wire.ends()


def test_an_answer_before_the_bodys_end_is_the_last_of_its_connection(server: Remote) -> None:
    """What is said to be a body is never read as a request."""
    sneaked = get(server)
    with Wire(server) as wire:
        length = b"Content-Length: %d\r\n\r\n" % (2 * len(sneaked))
        wire.send(head(server, "POST", POLICIES, None) + length + sneaked)
        assert wire.answer().status == 401
        wire.send(sneaked)
        assert wire.ends()


def test_a_body_that_is_longer_than_its_length(server: Remote) -> None:
    with Wire(server) as wire:
        length = b"Content-Length: %d\r\n\r\n" % len(BODY)
        wire.send(head(server, "POST", POLICIES) + length + BODY + b"{more}")
        assert wire.answer().status == 201
        assert wire.ends()


PACKING = {
    "an extension": b"5;" + b"x" * MIB,
    "extensions": b"".join(b"1;%b\r\na\r\n" % (b"x" * 1000) for _ in range(400)),
    "trailer lines": b"0\r\n" + b"X:\r\n" * 1000 + b"\r\n",
    "one trailer line": b"0\r\nX: " + b"x" * MIB,
    "chunks of one byte": chunks(b"a" * 100_000, 1),
}


@pytest.mark.parametrize("what", PACKING)
def test_packing_is_no_body(server: Remote, what: str) -> None:
    before = resident(server)
    with Wire(server) as wire:
        wire.send(head(server, "POST", POLICIES) + CHUNKED + PACKING[what])
        answer = wire.answer()
        assert answer.status in (400, 431)
        assert answer.error["message"]
        assert wire.ends()
    assert resident(server) - before < GROWTH


@pytest.mark.parametrize("size", [1, 7, 1000])
def test_a_body_may_come_in_chunks(server: Remote, size: int) -> None:
    with Wire(server) as wire:
        for _ in range(2):
            wire.send(head(server, "POST", POLICIES) + CHUNKED)
            wire.send(chunks(BODY, size) + b"0\r\nX-Checksum: 1\r\n\r\n")
            assert wire.answer().status == 201


def test_who_asks_whether_to_go_on_is_told(server: Remote) -> None:
    length = b"Content-Length: %d\r\nExpect: 100-continue\r\n\r\n" % len(BODY)
    with Wire(server) as wire:
        wire.send(head(server, "POST", POLICIES) + length)
        assert wire.answer().status == 100
        wire.send(BODY)
        assert wire.answer().status == 201
    with Wire(server) as wire:
        wire.send(head(server, "POST", POLICIES, None) + length)
        answer = wire.answer()
        assert (answer.status, answer.headers["connection"]) == (401, "close")
        assert wire.ends()
