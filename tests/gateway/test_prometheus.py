"""Metrics, alert rules and the dashboard in a real Prometheus that scrapes real processes."""

from __future__ import annotations

import asyncio
import json
import re
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import pytest
from prometheus_client import CollectorRegistry

from landbridge.agent.metrics.exposition import expose
from landbridge.agent.reconcile.sampler import Pace
from landbridge.lab.hosts import wait_until
from landbridge.lab.patience import patient
from landbridge.model.tunnel import Tunnel
from tests.environments.landbridge import running, with_tokens
from tests.environments.processes import Server, free_port
from tests.gateway.conftest import Surroundings, peer_connection
from tests.gateway.gateway import Gateway, tunnel

pytestmark = pytest.mark.gateway
PACKAGING = Path(__file__).parents[2] / "packaging"
RULES = PACKAGING / "prometheus" / "landbridge.rules.yml"
DASHBOARD = PACKAGING / "grafana" / "landbridge.json"
PATIENCE = patient(20.0)  # seconds
CONFIGURATION = """\
global: {{scrape_interval: 250ms, scrape_timeout: 250ms, evaluation_interval: 250ms}}
rule_files: [{rules}]
scrape_configs:
  - job_name: landbridge-api
    static_configs: [{{targets: ["{api}"]}}]
  - job_name: landbridge-agent
    static_configs: [{{targets: ["{agent}"]}}]
"""


@dataclass(frozen=True)
class Prometheus:
    url: str

    def ask(self, path: str, **params: str) -> Any:
        answer = httpx2.get(f"{self.url}/api/v1/{path}", params=params)
        assert answer.is_success, answer.text
        return answer.json()["data"]

    def query(self, expression: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.ask("query", query=expression)["result"]
        return found

    def values(self, expression: str) -> list[float]:
        return [float(each["value"][1]) for each in self.query(expression)]

    def firing(self) -> list[dict[str, str]]:
        alerts = self.ask("alerts")["alerts"]
        return [each["labels"] for each in alerts if each["state"] == "firing"]


@contextmanager
def exposed(registry: CollectorRegistry) -> Iterator[str]:
    """As the agent serves its metrics; ``HOST:PORT``."""
    bind, loop = f"127.0.0.1:{free_port()}", asyncio.new_event_loop()
    serving = loop.create_task(expose(bind, registry))
    thread = threading.Thread(target=loop.run_until_complete, args=(_ended(serving),))
    thread.start()
    try:
        yield bind
    finally:
        loop.call_soon_threadsafe(serving.cancel)
        thread.join()
        loop.close()


async def _ended(task: asyncio.Task[None]) -> None:
    await asyncio.wait([task])


@contextmanager
def prometheus(directory: Path, api: str, agent: str) -> Iterator[Prometheus]:
    directory.mkdir()
    rules = directory / "rules.yml"
    rules.write_text(re.sub(r"for: \w+", "for: 0s", RULES.read_text()))  # do not wait for minutes
    configuration = directory / "prometheus.yml"
    configuration.write_text(CONFIGURATION.format(rules=rules, api=api, agent=agent))
    address = f"127.0.0.1:{free_port()}"
    command = (
        "prometheus",
        f"--config.file={configuration}",
        f"--storage.tsdb.path={directory / 'data'}",
        f"--web.listen-address={address}",
    )
    server = Server(command, directory / "prometheus.log")
    try:
        server.wait_until(lambda: _ready(address), deadline=PATIENCE)
        yield Prometheus(f"http://{address}")
    finally:
        server.stop()


def _ready(address: str) -> bool:
    try:
        return httpx2.get(f"http://{address}/-/ready").is_success
    except httpx2.TransportError:
        return False


@dataclass(frozen=True)
class Watched:
    prometheus: Prometheus
    gateway: Gateway
    up: Tunnel
    down: Tunnel
    off: Tunnel


@pytest.fixture
def watched(surroundings: Surroundings, tmp_path: Path) -> Iterator[Watched]:
    """One tunnel that is up, one whose peer is not there, one that is switched off."""
    surroundings.remote.peer.start(peer_connection())
    up, down = tunnel(), tunnel(peer_address="198.51.100.77", peer_id="nobody")
    off = tunnel(peer_address="198.51.100.78", peer_id="off", admin_state_up=False)
    gateway = Gateway(surroundings, tmp_path / "gw", pace=Pace(every=0.2))
    database = f"sqlite:///{tmp_path / 'landbridge.db'}"
    try:
        gateway.want(up, down, off)
        gateway.start()
        gateway.wait_applied(up)
        with (
            running(tmp_path / "state", with_tokens(database)) as api,
            exposed(gateway.metrics.registry) as agent,
            prometheus(tmp_path / "prometheus", api.url.removeprefix("http://"), agent) as found,
        ):
            yield Watched(found, gateway, up, down, off)
    finally:
        gateway.close()


def test_the_rules_are_valid() -> None:
    done = subprocess.run(
        ["promtool", "check", "rules", str(RULES)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_tunnel_that_is_down_is_seen_and_fires(
    watched: Watched, surroundings: Surroundings
) -> None:
    prometheus = watched.prometheus
    until(lambda: prometheus.values("min(up)") == [1.0] and len(prometheus.query("up")) == 2)
    until(lambda: len(prometheus.query("landbridge_tunnel_up")) == 3)
    wait_until(lambda: surroundings.ping(count=3), 15, "packets through the tunnel")
    sent = f'landbridge_tunnel_packets_total{{connection="{watched.up.id}",direction="out"}}'
    until(lambda: any(value >= 3 for value in prometheus.values(sent)))
    until(lambda: _alarms(prometheus) == {watched.down.id})
    until(lambda: prometheus.values('landbridge_connections{status="ACTIVE"}') == [0.0])
    _check_dashboard(prometheus)
    surroundings.remote.peer.stop()
    until(lambda: _alarms(prometheus) == {watched.up.id, watched.down.id})
    surroundings.remote.peer.start()
    until(lambda: _alarms(prometheus) == {watched.down.id})


def _alarms(prometheus: Prometheus) -> set[str]:
    return {
        each["connection"]
        for each in prometheus.firing()
        if each["alertname"] == "LandbridgeTunnelDown"
    }


def _check_dashboard(prometheus: Prometheus) -> None:
    """Every expression is valid, and every metric in it is one that was scraped."""
    known = set(prometheus.ask("label/__name__/values"))
    expressions = [
        target["expr"]
        for panel in json.loads(DASHBOARD.read_text())["panels"]
        for target in panel["targets"]
    ]
    for expression in [*expressions, *re.findall(r"expr: (.*)", RULES.read_text())]:
        prometheus.query(expression.replace("$__rate_interval", "5s"))
        for name in re.findall(r"\b(?:landbridge|process)_[a-z_]+", expression):
            assert name in known, f"{name} in {expression}"


def until(condition: Callable[[], bool]) -> None:
    wait_until(condition, PATIENCE, "what Prometheus is to see")
