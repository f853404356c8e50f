"""Connections that say little or nothing, and many of them: they end, and nobody waits for them."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from tests.api.remote import Listener, Remote
from tests.environments.databases import Databases
from tests.hostile.wire import Answer, Wire, connections, get, head, served, until

POLICIES = "/v2.0/vpn/ikepolicies"
BODY = json.dumps({"ikepolicy": {"name": "x"}}).encode()
MANY = 200
PER_ADDRESS = 40
IN_ALL = 300
TIMES = {"head_seconds": "1", "body_seconds": "1", "idle_seconds": "1"}


@pytest.fixture(scope="module")
def hasty(databases: Databases, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Remote]:
    with served(databases, tmp_path_factory.mktemp("slow"), limits=TIMES) as made:
        yield made


@pytest.fixture(scope="module")
def narrow(databases: Databases, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Remote]:
    limits = {
        "connections": str(IN_ALL),
        "connections_per_address": str(PER_ADDRESS),
        "proxies": "127.9.0.0/16",
    }
    with served(databases, tmp_path_factory.mktemp("narrow"), limits=limits) as made:
        yield made


def length(of: int) -> bytes:
    return b"Content-Length: %d\r\n\r\n" % of


BEGUN = {
    "a method": (b"G", 408),
    "a method that nobody knows": (b"FO", 408),
    "a line": (b"GET / HTTP/1.1\r\n", 408),
    "a header": (b"GET / HTTP/1.1\r\nX: ", 408),
    "another protocol's preface": (b"PRI * HTTP/2.0\r\n\r\n", 408),
    "nothing": (b"", 0),
    "empty lines": (b"\r\n\r\n", 0),
}


@pytest.mark.parametrize("what", BEGUN)
def test_a_head_that_does_not_end_is_waited_for_not_long(hasty: Remote, what: str) -> None:
    sent, status = BEGUN[what]
    with Wire(hasty) as wire:
        wire.send(sent)
        if status:
            answer = wire.answer()
            assert answer.status == status
            assert "1 seconds" in answer.error["message"]
        assert wire.ends()


def dribble(wire: Wire, part: bytes, stop: threading.Event) -> None:
    while not stop.wait(0.1):
        wire.send(part)


@pytest.mark.parametrize(
    ("begin", "part"),
    [(b"GET / HTTP/1.1\r\n", b"X: 1\r\n"), (b"GET /", b"a"), (b"", b"\r\n")],
)
def test_who_sends_now_and_then_gets_no_more_time(hasty: Remote, begin: bytes, part: bytes) -> None:
    stop = threading.Event()
    with Wire(hasty) as wire:
        wire.send(begin)
        slow = threading.Thread(target=dribble, args=(wire, part, stop))
        slow.start()
        try:
            answer = wire.answer() if begin else None
            assert answer is None or answer.status == 408
            assert wire.ends()
        finally:
            stop.set()
            slow.join()


def test_a_body_that_does_not_end_is_waited_for_not_long(hasty: Remote) -> None:
    stop = threading.Event()
    for part in (b"", b" "):
        stop.clear()
        with Wire(hasty) as wire:
            wire.send(head(hasty, "POST", POLICIES) + length(1000) + b"{")
            slow = threading.Thread(target=dribble, args=(wire, part, stop))
            slow.start()
            try:
                answer = wire.answer()
                assert (answer.status, answer.error["type"]) == (408, "HTTPRequestTimeout")
                assert wire.ends()
            finally:
                stop.set()
                slow.join()
    assert hasty.request("GET", POLICIES, "a").json() == {"ikepolicies": []}


def test_half_sent_requests_do_not_stay(hasty: Remote) -> None:
    halves = (b"", b"GET /", head(hasty, "POST", POLICIES) + length(100) + b"{")
    with ExitStack() as stack:
        wires = [stack.enter_context(Wire(hasty)) for _ in range(MANY)]
        for number, wire in enumerate(wires):
            wire.send(halves[number % len(halves)])
        assert hasty.request("GET", POLICIES, "a").status_code == 200
        until(lambda: connections(hasty) <= 1, "all of them are closed")


def test_a_connection_that_is_not_used_again_ends(hasty: Remote) -> None:
    with Wire(hasty) as wire:
        wire.send(get(hasty))
        assert wire.answer().status == 200
        assert wire.ends()


def test_a_stream_is_not_cut_by_what_its_listener_begins_to_say(hasty: Remote) -> None:
    """It may ask again on the same connection; as long as it is answered no time counts."""
    policy = hasty.request("POST", POLICIES, "a", json={"ikepolicy": {"name": "0"}}).json()
    with Wire(hasty) as wire, Listener(hasty, "a") as listener:
        wire.send(head(hasty, "GET", "/landbridge/v1/events") + b"\r\nGET /")
        begun = time.monotonic()
        until(lambda: time.monotonic() > begun + 2.5, "the times are over")
        path = f"{POLICIES}/{policy['ikepolicy']['id']}"
        hasty.request("PUT", path, "a", json={"ikepolicy": {"name": "1"}})
        listener.wait("updated", name="1")
        wire.socket.settimeout(10)
        heard = b""
        while b"event: updated" not in heard:
            came = wire.socket.recv(1 << 16)
            assert came
            heard += came


def opened(server: Remote, stack: ExitStack, source: str, number: int) -> list[Wire]:
    return [stack.enter_context(Wire(server, source)) for _ in range(number)]


def told(wire: Wire) -> Answer:
    answer = wire.answer()
    assert wire.ends()
    return answer


def test_connections_of_one_address_are_limited(narrow: Remote) -> None:
    with ExitStack() as stack:
        held = opened(narrow, stack, "127.0.0.2", PER_ADDRESS)
        until(lambda: connections(narrow) >= PER_ADDRESS, "they are there")
        answer = told(stack.enter_context(Wire(narrow, "127.0.0.2")))
        assert answer.status == 429
        assert answer.headers["retry-after"]
        assert f"{PER_ADDRESS} connections from 127.0.0.2" in answer.error["message"]
        with Wire(narrow, "127.0.0.3") as other:
            other.send(get(narrow))
            assert other.answer().status == 200
        held[0].socket.close()
        until(lambda: comes_in(narrow, "127.0.0.2"), "there is room again")


def comes_in(server: Remote, source: str) -> bool:
    with Wire(server, source) as wire:
        wire.send(get(server))
        return wire.answer().status == 200


def test_connections_of_a_front_proxy_are_not_limited_by_its_address(narrow: Remote) -> None:
    with ExitStack() as stack:
        held = opened(narrow, stack, "127.9.0.1", 2 * PER_ADDRESS)
        for wire in held:
            wire.send(get(narrow))
            assert wire.answer().status == 200


def test_connections_are_limited_in_all(narrow: Remote) -> None:
    with ExitStack() as stack:
        for number in range(1, 11):
            opened(narrow, stack, f"127.9.0.{number}", IN_ALL // 10)
        answers = []
        for _ in range(200):  # most are not even told
            wire = stack.enter_context(Wire(narrow, "127.9.1.1"))
            try:
                answers.append(told(wire))
            except ConnectionError:
                continue
            except TimeoutError:
                pytest.fail("a connection beyond the limit stays open, unanswered")
        assert answers
        assert {answer.status for answer in answers} == {503}
        assert {answer.headers["retry-after"] for answer in answers} == {"1"}
        assert "connections" in answers[0].error["message"]
    until(lambda: comes_in(narrow, "127.9.1.1"), "there is room again")
