"""`landbridge api` as its users start it: a process, a configuration file, a state directory."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import httpx2

from tests.environments.keystone import Keystone
from tests.environments.processes import Server, free_port

COMMAND: Final = (sys.executable, "-m", "landbridge")
CONFIGURATION: Final = "landbridge.conf"

Configuration = Mapping[str, Mapping[str, str]]  # section -> option -> value


class Landbridge:
    """A running API server. `url` has no path; the API is under ``/v2.0``."""

    def __init__(self, url: str, state: Path, server: Server) -> None:
        self.url = url
        self.state = state
        self.server = server

    @property
    def admin_token(self) -> str:
        return (self.state / "admin-token").read_text().strip()

    def issue_token(self, project: str, *roles: str) -> str:
        """A token of landbridge's own for `project` (strategy ``token``)."""
        given = [f"--role={role}" for role in roles]
        return self.run("token", "create", f"--project={project}", *given).strip()

    def run(self, *command: str) -> str:
        """A command of `landbridge` with this server's configuration; its stdout."""
        places = f"--config={self.state / CONFIGURATION}", f"--state-dir={self.state}"
        done = subprocess.run(
            [*COMMAND, *command, *places], capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, f"landbridge {' '.join(command)}: {done.stderr}"
        return done.stdout

    def client(self, token: str) -> httpx2.Client:
        return httpx2.Client(base_url=f"{self.url}/v2.0", headers={"X-Auth-Token": token})


@contextmanager
def running(
    state: Path,
    configuration: Configuration,
    environment: Mapping[str, str] | None = None,
    bind: str = "127.0.0.1",
) -> Iterator[Landbridge]:
    """Start `landbridge api` on address `bind` and wait until it is healthy; it speaks https where
    `configuration` has a certificate. Raises: NotStarted."""
    state.mkdir(parents=True, exist_ok=True)
    file = state / CONFIGURATION
    file.write_text(_written(configuration))
    port = free_port()
    scheme = "https" if "tls_key" in configuration.get("api", {}) else "http"
    url = f"{scheme}://{bind}:{port}"
    server = Server(
        [*COMMAND, "api", f"--config={file}", f"--state-dir={state}", f"--bind={bind}:{port}"],
        state / "api.log",
        environment,
    )
    try:
        server.wait_until(lambda: _healthy(url), deadline=30)
        yield Landbridge(url, state, server)
    finally:
        server.stop()


def with_tokens(database_url: str) -> Configuration:
    return {"database": {"url": database_url}, "auth": {"strategy": "token"}}


def with_keystone(database_url: str, keystone: Keystone) -> Configuration:
    return {
        "database": {"url": database_url},
        "auth": {"strategy": "keystone"},
        "keystone_authtoken": keystone.authtoken(),
    }


def _healthy(url: str) -> bool:
    try:
        return httpx2.get(f"{url}/healthcheck", verify=False).is_success
    except httpx2.TransportError:
        return False


def _written(configuration: Configuration) -> str:
    lines: list[str] = []
    for section, options in configuration.items():
        lines.append(f"[{section}]")
        lines.extend(f"{name} = {value}" for name, value in options.items())
    return "\n".join(lines) + "\n"
