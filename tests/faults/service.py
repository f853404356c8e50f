"""A running `landbridge serve`, whose processes a test may kill."""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import httpx2

from landbridge.agent.dataplane.names import hex12, namespace_name
from landbridge.lab.hosts import Host
from landbridge.lab.patience import patient
from tests.environments.processes import Server

DEADLINE = patient(20.0)  # seconds
POLL = 0.02


def until(what: str, true: Callable[[], bool]) -> None:
    end = time.monotonic() + DEADLINE
    while not true():
        assert time.monotonic() < end, f"not within {DEADLINE} s: {what}"
        time.sleep(POLL)


def command(state: Path, port: int) -> list[str]:
    where = f"--state-dir={state}", f"--bind=127.0.0.1:{port}"
    return [sys.executable, "-m", "landbridge", "serve", *where]


class Service:
    """A running `landbridge serve`. `before`: what goes before its command line."""

    def __init__(
        self,
        state: Path,
        port: int,
        *,
        before: tuple[str, ...] = (),
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self.state = state
        self.port = port
        self.log = state.with_name(f"{time.monotonic_ns()}.log")
        self.server = Server([*before, *command(state, port)], self.log, environment)
        self.server.wait_until(lambda: "ready" in self.events(), deadline=DEADLINE)
        token = (state / "admin-token").read_text().strip()
        self.http = httpx2.Client(
            base_url=f"http://127.0.0.1:{port}/v2.0",
            headers={"X-Auth-Token": token},
            timeout=DEADLINE,
        )

    def facts(self) -> list[dict[str, Any]]:
        lines = self.log.read_text(errors="replace").splitlines()
        return [json.loads(line) for line in lines if line.startswith("{")]

    def events(self) -> list[str]:
        return [str(fact.get("event")) for fact in self.facts()]

    def pid(self, child: str) -> int:
        """Of the newest process of that name; 0 before there is one."""
        started = [
            fact["pid"]
            for fact in self.facts()
            if fact.get("event") == "process started" and fact.get("child") == child
        ]
        return int(started[-1]) if started else 0

    def kill(self, child: str) -> None:
        """kill -9, and wait for the next one to be started."""
        pid = self.pid(child)
        os.kill(pid, signal.SIGKILL)
        until(f"{child} starts again", lambda: self.pid(child) != pid)

    def leases(self) -> list[int]:
        return [fact["epoch"] for fact in self.facts() if fact.get("event") == "lease taken"]

    def create_network(self, name: str) -> dict[str, Any]:
        answer = self.http.post("/networks", json={"network": {"name": name}})
        assert answer.status_code == 201, answer.text
        made: dict[str, Any] = answer.json()["network"]
        return made

    def create_router(self) -> tuple[str, Path]:
        """One with an uplink, its charon running: its id, and the directory of the charon."""
        answer = self.http.post("/networks", json={"network": {"router:external": True}})
        network = answer.json()["network"]["id"]
        subnet = {"network_id": network, "ip_version": 4, "cidr": "203.0.113.0/24"}
        assert self.http.post("/subnets", json={"subnet": subnet}).status_code == 201
        body = {"router": {"external_gateway_info": {"network_id": network}}}
        answer = self.http.post("/routers", json=body)
        assert answer.status_code == 201, answer.text
        router = str(answer.json()["router"]["id"])
        directory = self.state / "agent" / hex12(router)
        until("its charon runs", (directory / "vici").exists)
        return router, directory

    def delete_router(self, router: str) -> None:
        assert self.http.delete(f"/routers/{router}").status_code == 204
        until("it is taken down", lambda: not Host(namespace_name(router)).exists())

    def stop(self) -> None:
        self.http.close()
        self.server.stop()


def alive(pid: int) -> bool:
    try:
        return "Z" not in Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
