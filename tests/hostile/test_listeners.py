"""Streams are for so many: of a token, a project, a gateway, in all; each is told so in words.

Who goes makes room, also who goes without a word.
"""

from __future__ import annotations

import itertools
import secrets
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from landbridge.api.events.stream import PATH
from landbridge.auth.caller import AGENT_ROLE
from landbridge.lab.hosts import Ground, ip
from tests.api.remote import Remote, remote
from tests.environments.databases import Databases
from tests.environments.landbridge import running, with_tokens
from tests.hostile.wire import Answer, Wire, head, served, until

PER_TOKEN, PER_PROJECT, IN_ALL, PER_GATEWAY = 3, 5, 8, 2
LIMITS = {
    "listeners_per_token": str(PER_TOKEN),
    "listeners_per_project": str(PER_PROJECT),
    "listeners": str(IN_ALL),
    "streams_per_gateway": str(PER_GATEWAY),
}
STREAM = "/agent/v1/stream?gateway_id={}"
POLICIES = "/v2.0/vpn/ikepolicies"


@pytest.fixture(scope="module")
def narrow(databases: Databases, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Remote]:
    with served(databases, tmp_path_factory.mktemp("narrow"), limits=LIMITS) as made:
        for caller in ("a2", "a3"):
            made.caller(caller, "proj-a", "member", "reader")
        for name in ("gw-1", "gw-2"):
            made.caller(f"{name} again", "agents", AGENT_ROLE, gateway=name)
            made.caller(name, "agents", AGENT_ROLE, gateway=name)
            asked = {"gateway_id": name, "hostname": "h", "version": "1"}
            assert made.request("POST", "/agent/v1/lease", name, json=asked).status_code == 200
        yield made


class NotLetIn(Exception):
    """The answer was no stream."""


def opened(to: Remote, caller: str, path: str = PATH) -> Wire:
    """A stream that has begun; closed by whoever asked for it. Raises: NotLetIn."""
    wire = Wire(to)
    wire.send(head(to, "GET", path, caller) + b"\r\n")
    begun = b""
    while not begun.partition(b"\r\n\r\n")[2]:
        begun += wire.socket.recv(1 << 16)
    if not begun.startswith(b"HTTP/1.1 200"):
        wire.socket.close()
        raise NotLetIn(begun)
    return wire


def refused(to: Remote, caller: str, path: str = PATH) -> Answer:
    with Wire(to) as wire:
        wire.send(head(to, "GET", path, caller) + b"\r\n")
        return wire.answer()


def comes_in(to: Remote, caller: str, path: str = PATH) -> bool:
    try:
        with opened(to, caller, path):
            return True
    except NotLetIn:
        return False


#: Who comes in before, who is then one too many, and what they are told.
TOO_MANY = {
    "with a token": (["a"] * PER_TOKEN, "a", 429, f"{PER_TOKEN} listeners to events with this"),
    "of a project": (
        ["a", "a", "a2", "a2", "a3"], "a3", 429, f"{PER_PROJECT} listeners to events of this",
    ),
    "in all": (
        ["a", "a", "a2", "a2", "a3", "b", "b", "b"], "admin", 503, f"{IN_ALL} listeners to events",
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", TOO_MANY)
def test_listeners_have_so_many_places(narrow: Remote, what: str) -> None:
    first, late, status, words = TOO_MANY[what]
    with ExitStack() as stack:
        held = [stack.enter_context(opened(narrow, caller)) for caller in first]
        answer = refused(narrow, late)
        assert answer.status == status
        assert words in answer.error["message"]
        assert answer.headers.get("retry-after")
        for other in ("a", "b", "admin"):  # only streams are counted
            assert narrow.request("GET", POLICIES, other).status_code == 200
        held[-1].socket.close()
        until(lambda: comes_in(narrow, late), "the place is free")
    until(lambda: all(comes_in(narrow, each) for each in set(first)), "all places are free")


def test_a_gateways_streams_have_so_many_places(narrow: Remote) -> None:
    """Whichever of its credentials opens them; another gateway has its own."""
    path, other = STREAM.format("gw-1"), STREAM.format("gw-2")
    with ExitStack() as stack:
        held = [
            stack.enter_context(opened(narrow, caller, path)) for caller in ("gw-1", "gw-1 again")
        ]
        for caller in ("gw-1", "gw-1 again"):
            answer = refused(narrow, caller, path)
            assert answer.status == 429
            assert f"{PER_GATEWAY} streams of changes of this gateway" in answer.error["message"]
        stack.enter_context(opened(narrow, "gw-2", other))
        assert narrow.request("GET", "/agent/v1/desired", "gw-1", params=[("gateway_id", "gw-1")])
        held[0].socket.close()
        until(lambda: comes_in(narrow, "gw-1", path), "the place is free")


@pytest.mark.parametrize("caller", ["nobody", "ro"])
def test_who_is_not_let_in_takes_no_place(narrow: Remote, caller: str) -> None:
    """A token that is none, and a member at the gateways' door."""
    path = PATH if caller == "nobody" else STREAM.format("gw-1")
    token = {"X-Auth-Token": "none"} if caller == "nobody" else {}
    who = None if caller == "nobody" else caller
    for _ in range(IN_ALL + 2):
        answer = narrow.request("GET", path, who, headers=token)
        assert answer.status_code in (401, 403)
    with ExitStack() as stack:
        for each in ["a"] * PER_TOKEN:
            stack.enter_context(opened(narrow, each))


LISTENS = """
import socket, sys, time
wires = []
for _ in range({number}):
    wire = socket.create_connection({address!r})
    wire.sendall({request!r})
    while b"retry" not in wire.recv(1 << 16):
        pass
    wires.append(wire)
print("listening", flush=True)
time.sleep(600)
"""


@contextmanager
def listening(to: Remote, number: int, *prefix: str) -> Iterator[subprocess.Popen[bytes]]:
    """A process of its own that listens so often."""
    host, port = to.server.url.removeprefix("http://").split(":")
    request = head(to, "GET", PATH, "a") + b"\r\n"
    program = LISTENS.format(number=number, address=(host, int(port)), request=request)
    command = [*prefix, sys.executable, "-c", program]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as made:
        assert made.stdout is not None
        try:
            assert made.stdout.readline() == b"listening\n"
            yield made
        finally:
            made.kill()


def test_who_is_killed_makes_room(narrow: Remote) -> None:
    with listening(narrow, PER_TOKEN) as process:
        assert refused(narrow, "a").status == 429
        process.send_signal(signal.SIGKILL)
        until(lambda: comes_in(narrow, "a"), "its places are free")


def test_whose_host_vanishes_makes_room(databases: Databases, tmp_path: Path) -> None:
    """Nothing comes from there any more, not even an end."""
    network = f"198.18.{secrets.randbelow(250)}"
    ours, theirs = f"{network}.1", f"{network}.2"
    limits = {**LIMITS, "gone_seconds": "2"}
    with ExitStack() as stack:
        ground = stack.enter_context(Ground.unique())
        bridge = ground.bridge("b")
        ip("link", "set", "dev", bridge, "up")
        Path("/proc/sys/net/ipv4/conf", bridge, "arp_ignore").write_text("0")
        ip("address", "add", f"{ours}/24", "dev", bridge)
        host = ground.host("h")
        ground.attach(host, bridge, "eth0", f"{theirs}/24")
        url = stack.enter_context(databases.fresh("sqlite"))
        plain = {"allow_plain_http": "true"}
        configuration = {**with_tokens(url), "limits": limits, "api": plain}
        server = stack.enter_context(running(tmp_path / "state", configuration, bind=ours))
        here = stack.enter_context(remote(server, url))
        stack.enter_context(listening(here, PER_TOKEN, *host.argv()))
        assert refused(here, "a").status == 429
        host.ip("link", "set", "dev", "eth0", "down")
        numbers = itertools.count()

        def is_free() -> bool:
            """Something has to be sent to notice: what happens, else a sign of life."""
            body = {"ikepolicy": {"name": str(next(numbers))}}
            assert here.request("POST", POLICIES, "a", json=body).status_code == 201
            return comes_in(here, "a")

        until(is_free, "the places are free")
