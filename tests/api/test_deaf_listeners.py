"""A listener that does not read: it holds up nobody, costs little, and is let go of."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from landbridge.api.events.stream import PATH
from landbridge.lab.hosts import wait_until
from landbridge.model.status import Reason, ReasonCode, TunnelState, TunnelStatus
from tests.api.gateway import Gateway
from tests.api.population import Site
from tests.api.remote import Listener, Remote, remote
from tests.environments.databases import Databases
from tests.environments.landbridge import running, with_tokens

TUNNELS = 50
ROUNDS = 100
LONG = "x" * 2000  # ten megabytes of events in all: no buffer of the kernel's takes them
MOST = 24 * 2**20  # bytes that the server may grow by


@pytest.fixture
def served(databases: Databases, tmp_path: Path) -> Iterator[Remote]:
    with (
        databases.fresh("sqlite") as url,
        running(tmp_path / "state", with_tokens(url)) as server,
        remote(server, url) as made,
    ):
        yield made


def deaf(served: Remote) -> socket.socket:
    """Asks for events and reads nothing."""
    host, port = served.server.url.removeprefix("http://").split(":")
    made = socket.socket()
    made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    made.connect((host, int(port)))
    head = f"GET {PATH} HTTP/1.1\r\nHost: x\r\nX-Auth-Token: {served.token('a')}\r\n\r\n"
    made.sendall(head.encode())
    return made


def measured(served: Remote, name: str) -> float:
    page = served.request("GET", "/metrics", None).text
    (line,) = (line for line in page.splitlines() if line.startswith(f"{name} "))
    return float(line.split()[1])


def sockets(served: Remote) -> int:
    found = Path(f"/proc/{served.server.server.process.pid}/fd").iterdir()
    return sum(str(each.readlink()).startswith("socket:") for each in found)


def resident(served: Remote) -> int:
    pages = Path(f"/proc/{served.server.server.process.pid}/statm").read_text().split()[1]
    return int(pages) * 4096


def test_a_reader_that_does_not_read_is_let_go_of(served: Remote) -> None:
    gateway, site = Gateway(served), Site(served)
    gateway.lease()
    ids = [
        site.connection(peer_address=f"198.51.100.{n}", peer_id=f"{n}.x")["id"]
        for n in range(1, TUNNELS + 1)
    ]
    with Listener(served, "a") as listener:
        listener_sockets = sockets(served)
        began, number = resident(served), listener.number
        assert number is not None
        reader = deaf(served)
        wait_until(lambda: measured(served, "landbridge_event_listeners") == 2, 10, "it listens")
        for turn in range(ROUNDS):
            change_all(gateway, ids, turn)
        wait_until(
            lambda: measured(served, "landbridge_event_listeners_dropped_total") == 1,
            30,
            "the deaf listener is let go of",
        )
        wait_until(
            lambda: measured(served, "landbridge_event_listeners") == 1, 5, "nobody else listens"
        )
        wait_until(lambda: sockets(served) <= listener_sockets, 20, "its connection is closed")
        assert resident(served) - began < MOST
        assert len(listener.heard) >= TUNNELS * ROUNDS
    heard = [each.number for each in listener.heard]  # up to its end; more may have been under way
    read_to_its_end(reader)
    with Listener(served, "a", last=number) as again:
        wait_until(lambda: len(again.heard) >= len(heard), 20, "it has heard as much")
        assert [each.number for each in again.heard][: len(heard)] == heard


def change_all(gateway: Gateway, ids: list[str], turn: int) -> None:
    """Up and down by turns."""
    up = turn % 2 == 0
    why = Reason(code=ReasonCode.PEER_CLOSED, message=LONG)
    gateway.send(
        tunnels=tuple(
            TunnelStatus(
                id=each,
                revision=1,
                applied_revision=1,
                state=TunnelState.UP if up else TunnelState.DOWN,
                reason=why,
                observed_at=time.time(),
            )
            for each in ids
        )
    )


def read_to_its_end(reader: socket.socket) -> None:
    """What the kernel had taken may still come, then nothing more."""
    reader.settimeout(10)
    with reader:
        try:
            while reader.recv(1 << 16):
                pass
        except ConnectionResetError:
            return
