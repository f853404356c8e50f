"""A stream ends with its token, however much goes through it.

A flood of events goes on until the end was seen: none of the pauses that a quiet stream has.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx2
import pytest

from landbridge.auth import gateways, local_tokens
from landbridge.auth.caller import AGENT_ROLE
from landbridge.lab.hosts import wait_until
from tests.api.gateway import Gateway
from tests.api.population import CONNECTIONS, Site
from tests.api.remote import Remote, remote
from tests.environments.landbridge import running, with_tokens

SOON = 10.0  # seconds; it takes less than two on a calm machine, and was for ever under a flood
EVENTS = "/landbridge/v1/events"


@pytest.fixture
def served(database_url: str, tmp_path: Path) -> Iterator[Remote]:
    with (
        running(tmp_path / "state", with_tokens(database_url)) as server,
        remote(server, database_url) as made,
    ):
        yield made


class Stream:
    """Reads a stream to its end in a thread. `last`: when something came (monotonic)."""

    def __init__(self, served: Remote, path: str, token: str, **params: str) -> None:
        self.lines = 0
        self.last = 0.0
        self.status = 0
        self.ended = threading.Event()
        self._http = httpx2.Client(timeout=30, trust_env=False)
        headers = {"X-Auth-Token": token}
        url = served.server.url + path
        self._stream = self._http.stream("GET", url, headers=headers, params=params)
        self._thread = threading.Thread(target=self._read, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        wait_until(lambda: self.lines > 0, 20, "the stream has begun")
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._http.close()

    def _read(self) -> None:
        try:
            with self._stream as answer:
                self.status = answer.status_code
                for _ in answer.iter_lines():
                    self.lines += 1
                    self.last = time.monotonic()
                self.ended.set()  # at its proper end
        except (httpx2.TransportError, httpx2.StreamError, RuntimeError):
            return


@contextmanager
def flood(served: Remote, path: str) -> Iterator[None]:
    """One change after the other, until the end of the block."""
    stop = threading.Event()

    def run() -> None:
        number = 0
        with httpx2.Client(timeout=30, trust_env=False) as client:
            while not stop.is_set():
                number += 1
                body = {"ipsec_site_connection": {"mtu": 1400 + number % 50}}
                headers = {"X-Auth-Token": served.token("a")}
                client.put(served.server.url + path, json=body, headers=headers)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def credential(served: Remote, **values: Any) -> str:
    secret = local_tokens.new_secret()
    served.db.write_sync(partial(local_tokens.add, **values), secret)
    return secret


def member(served: Remote, expires_at: int | None = None) -> str:
    return credential(
        served, name="leaver", project_id="proj-a", roles=("member", "reader"),
        expires_at=expires_at,
    )  # fmt: skip


def flooded(served: Remote, stream: Stream) -> None:
    """It was in the middle of a flood when it ended."""
    assert stream.ended.wait(SOON), "the stream goes on"
    assert stream.lines > 10
    assert time.monotonic() - stream.last < SOON


def test_a_revoked_token_hears_no_more(served: Remote) -> None:
    path = f"{CONNECTIONS}/{Site(served).connection()['id']}"
    with (
        Stream(served, EVENTS, served.token("a")) as other,
        Stream(served, EVENTS, member(served)) as stream,
        flood(served, path),
    ):
        wait_until(lambda: stream.lines > 10, 20, "the flood has come")
        served.db.write_sync(local_tokens.revoke, "leaver")
        flooded(served, stream)
        heard = other.lines
        wait_until(lambda: other.lines > heard, 20, "who is not revoked hears on")
        assert not other.ended.is_set()
    again = served.request("GET", "/v2.0/networks", None, headers={"X-Auth-Token": "leaver"})
    assert again.status_code == 401


def test_an_expired_token_hears_no_more(served: Remote) -> None:
    path = f"{CONNECTIONS}/{Site(served).connection()['id']}"
    with (
        Stream(served, EVENTS, member(served, expires_at=int(time.time()) + 3)) as stream,
        flood(served, path),
    ):
        flooded(served, stream)


def test_a_revoked_gateway_hears_no_more_of_its_changes(served: Remote) -> None:
    gateway = Gateway(served)
    gateway.lease()
    path = f"{CONNECTIONS}/{Site(served).connection()['id']}"
    secret = credential(
        served, name="second", project_id="agents", roles=(AGENT_ROLE,), gateway_id=gateway.name
    )
    cursor = str(gateway.desired().cursor)
    params = {"gateway_id": gateway.name, "cursor": cursor}
    with Stream(served, "/agent/v1/stream", secret, **params) as stream, flood(served, path):
        wait_until(lambda: stream.lines > 10, 20, "the flood has come")
        served.db.write_sync(gateways.revoke, gateway.name)
        flooded(served, stream)


def test_streams_end_while_nothing_happens_too(served: Remote) -> None:
    gateway = Gateway(served)
    gateway.lease()
    secret = credential(
        served, name="leaver", project_id="agents", roles=(AGENT_ROLE,), gateway_id=gateway.name
    )
    params = {"gateway_id": gateway.name, "cursor": str(gateway.desired().cursor)}
    with (
        Stream(served, EVENTS, member(served)) as events,
        Stream(served, "/agent/v1/stream", secret, **params) as changes,
    ):
        served.db.write_sync(local_tokens.revoke, "leaver")
        assert events.ended.wait(SOON)
        assert changes.ended.wait(SOON)
