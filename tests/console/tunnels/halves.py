"""Both halves of landbridge as processes of their own, each of which can go away and come back.

Rules this module keeps:
- The API comes back at the same address and with the same state, as after a restart.
- The end of the agent leaves charon and tunnels alone, as it does for its users; `close` takes them
  away.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

import httpx2

from landbridge.agent.routers.teardown import teardown
from landbridge.config.load import load
from tests import dataplane
from tests.environments.landbridge import COMMAND, CONFIGURATION, Landbridge
from tests.environments.processes import Server, free_port

GATEWAY: Final = "gw-1"
_DEADLINE: Final = 30.0


class Halves:
    """`landbridge api` with the database at `url`, started; `landbridge agent`, not yet."""

    def __init__(self, directory: Path, url: str) -> None:
        self.url = url
        self._port = free_port()
        self._base = f"http://127.0.0.1:{self._port}"
        self._state = _made(directory / "api")
        self._agents = _made(directory / "gw")
        configuration = f"[database]\nurl = {url}\n[auth]\nstrategy = token\n"
        (self._state / CONFIGURATION).write_text(configuration)
        self._agent: Server | None = None
        self._api = self._started()
        self.landbridge = Landbridge(self._base, self._state, self._api)

    # The API --------------------------------------------------------------------------------

    def end_api(self) -> None:
        self._api.kill()

    def start_api(self) -> None:
        self._api = self.landbridge.server = self._started()

    def _started(self) -> Server:
        places = f"--config={self._state / CONFIGURATION}", f"--state-dir={self._state}"
        bind = f"--bind=127.0.0.1:{self._port}"
        server = Server([*COMMAND, "api", *places, bind], self._state / "api.log")
        server.wait_until(self._answers, deadline=_DEADLINE)
        return server

    def _answers(self) -> bool:
        try:
            return httpx2.get(f"{self._base}/healthcheck", trust_env=False).is_success
        except httpx2.TransportError:
            return False

    # The agent ------------------------------------------------------------------------------

    def configure_agent(self, bridges: Mapping[str, str]) -> None:
        """With a credential of its own; `bridges`: by their networks."""
        token = os.open(self._agents / "agent-token", os.O_WRONLY | os.O_CREAT, 0o600)
        os.write(token, self.landbridge.run("gateway", "add", GATEWAY).strip().encode())
        os.close(token)
        mapping = ",".join(f"{network}:{bridge}" for network, bridge in bridges.items())
        lines = [
            "[agent]", f"server_url = {self._base}", f"gateway_id = {GATEWAY}",
            f"bridges = {mapping}", f"kernel = {dataplane.wanted()}",
            "metrics_bind =",  # its port is one for all
        ]  # fmt: skip
        self._agent_configuration.write_text("\n".join(lines) + "\n")

    def start_agent(self) -> None:
        places = f"--config={self._agent_configuration}", f"--state-dir={self._agents}"
        self._agent = Server([*COMMAND, "agent", *places], self.agent_log)

    def end_agent(self) -> None:
        if self._agent is not None:
            self._agent.stop()
            self._agent = None

    @property
    def agent_log(self) -> Path:
        return self._agents / "agent.log"

    def agent_said(self) -> list[str]:
        """The events of its log."""
        lines = self.agent_log.read_text(errors="replace").splitlines()
        return [str(json.loads(line).get("event")) for line in lines if line.startswith("{")]

    @property
    def _agent_configuration(self) -> Path:
        return self._agents / CONFIGURATION

    def close(self) -> None:
        self.end_agent()
        self._api.stop()
        if self._agent_configuration.exists():
            with ThreadPoolExecutor(1) as apart:  # it has a loop of its own, and playwright has one
                apart.submit(self._take_down).result()

    def _take_down(self) -> None:
        teardown(load(self._agent_configuration, state_dir=self._agents, environment={}))


def _made(directory: Path) -> Path:
    directory.mkdir(mode=0o700)
    return directory
