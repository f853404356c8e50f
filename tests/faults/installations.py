"""`landbridge api` on state directories: one that was killed, and copies of it."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import httpx2

from landbridge.client import Api
from landbridge.lab import sites
from landbridge.lab.patience import patient
from tests.environments.forked import Forked
from tests.environments.processes import free_port

DEADLINE: Final = patient(20.0)  # seconds
POLL: Final = 0.02
#: A host need not have a user for the API.
KEPT_UID: Final = "root's uid stays, without its capabilities"
LOCKS: Final = frozenset({"database.lock", "landbridge.db.lock"})
#: Of the database's files each start makes other ones. The index is not kept over an end at all.
OF_DATABASE: Final = frozenset({"landbridge.db", "landbridge.db-wal", "landbridge.db-shm"})


@dataclass(frozen=True)
class Installation:
    """A state directory that an API was killed on, so its log has the newest changes."""

    state: Path
    token: str
    connections: frozenset[str]


class Process:
    """`landbridge api` on a state directory."""

    def __init__(self, state: Path, log: Path) -> None:
        self._url = f"http://127.0.0.1:{(port := free_port())}"
        config = log.with_name("landbridge.conf")
        config.write_text("[DEFAULT]\nuser =\n")  # whom the API becomes is another test's matter
        where = f"--config={config}", f"--state-dir={state}", f"--bind=127.0.0.1:{port}"
        self.process = Forked("api", *where, log=log, modes_hold=True)

    def client(self, token: str) -> Api:
        return Api(self._url, token)

    def runs(self) -> bool:
        """False: it has ended."""
        end = time.monotonic() + DEADLINE
        while self.process.code is None and not self._is_ready():
            assert time.monotonic() < end, self.process.said()
            time.sleep(POLL)
        return self.process.code is None

    def connections(self, token: str) -> frozenset[str] | None:
        """None: the token is not good."""
        answer = httpx2.get(
            f"{self._url}/v2.0/vpn/ipsec-site-connections", headers={"X-Auth-Token": token}
        )
        if answer.status_code == httpx2.codes.UNAUTHORIZED:
            return None
        assert answer.status_code == httpx2.codes.OK, answer.text
        return frozenset(each["id"] for each in answer.json()["ipsec_site_connections"])

    def change(self, token: str) -> httpx2.Response:
        """A change that does not fit into what is left of a page."""
        return httpx2.post(
            f"{self._url}/v2.0/networks",
            headers={"X-Auth-Token": token},
            json={"network": {"description": "x" * 200}},
        )

    def facts(self) -> list[dict[str, Any]]:
        """The warnings and errors."""
        lines = [line for line in self.process.said().splitlines() if line.startswith("{")]
        found = [fact for line in lines if (fact := json.loads(line))["level"] != "info"]
        return [fact for fact in found if fact["event"] != KEPT_UID]

    def plain(self) -> list[str]:
        return [line for line in self.process.said().splitlines() if not line.startswith("{")]

    def _is_ready(self) -> bool:
        try:
            return httpx2.get(f"{self._url}/readyz", timeout=1).is_success
        except httpx2.TransportError:
            return False


@contextmanager
def api(state: Path, log: Path | None = None) -> Iterator[Process]:
    """`log`: where its output goes; beside `state` by default."""
    started = Process(state, log or state.with_name("log"))
    try:
        yield started
    finally:
        started.process.kill()


def installed(root: Path) -> Installation:
    state = root / "state"
    root.mkdir()
    with api(state) as started:
        assert started.runs(), started.process.said()
        token = (state / "admin-token").read_text().strip()
        client = started.client(token)
        made = sites.ensure_objects(client).connections.values()
        client.close()
    return Installation(state, token, frozenset(each["id"] for each in made))


def changed(before: dict[str, str], after: dict[str, str]) -> set[str]:
    return {name for name in before.keys() | after.keys() if before.get(name) != after.get(name)}
