"""A real landbridge as a process of its own, with a state directory that goes with it.

Rules this module keeps:
- It is started as an operator starts it, from the command line, with its log in a file.
"""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from landbridge.client import Api
from landbridge.lab.peer import DataPlane

PATIENCE = 60.0  # seconds, for the end of a process
CONFIG = "landbridge.conf"


@dataclass(frozen=True)
class Service:
    """A running service. `pid` is that of the process that was started."""

    state: Path
    host: str
    port: int
    pid: int
    api: Api

    @property
    def database(self) -> Path:
        return self.state / "landbridge.db"

    @property
    def log(self) -> Path:
        """Of the service and its agent."""
        return self.state / "service.log"

    def addressed(self, request: bytes) -> bytes:
        """A request to another process of the same database, as one to this process."""
        head, _, rest = request.partition(b"Host: ")
        return head + b"Host: " + f"{self.host}:{self.port}".encode() + rest[rest.index(b"\r\n") :]

    def request(self, method: str, path: str, body: bytes = b"") -> bytes:
        """A request as it goes over the wire."""
        head = (
            f"{method} {path} HTTP/1.1\r\nHost: {self.host}:{self.port}\r\n"
            f"X-Auth-Token: {self.api.token}\r\n"
        )
        if body:
            head += f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n"
        return head.encode() + b"\r\n" + body


@contextmanager
def running(
    *command: str,
    after: Callable[[Path], None] | None = None,
    data_plane: DataPlane = "auto",
    limits: Mapping[str, int] | None = None,
    database: str | None = None,
) -> Iterator[Service]:
    """``landbridge COMMAND`` until the end of the block; its state is removed. `after` is
    called with the state directory before that. `data_plane`: its ``[agent] kernel``; `limits`: its
    ``[limits]``, where they are not the defaults. `database`: the URL of a server's, in place of a
    file."""
    with tempfile.TemporaryDirectory(prefix="landbridge-bench-") as directory:
        state, port = Path(directory), free_port()
        config = state / CONFIG
        wider = "".join(f"{name} = {value}\n" for name, value in (limits or {}).items())
        of = f"[database]\nurl = {database}\n" if database else ""
        config.write_text(f"[agent]\nkernel = {data_plane}\n[limits]\n{wider}{of}")
        options = (f"--config={config}", f"--state-dir={state}", f"--bind=127.0.0.1:{port}")
        with (state / "service.log").open("wb") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "landbridge", *command, *options],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        try:
            api = Api.opened(f"http://127.0.0.1:{port}", state / "admin-token")
            yield Service(state, "127.0.0.1", port, process.pid, api)
            api.close()
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(PATIENCE)
            if after is not None:
                after(state)


@contextmanager
def beside(service: Service) -> Iterator[Service]:
    """Another API process of the same state directory and database."""
    port = free_port()
    at = (f"--config={service.state / CONFIG}", f"--state-dir={service.state}")
    with (service.state / "beside.log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "landbridge", "api", *at, f"--bind=127.0.0.1:{port}"],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        )
    try:
        api = Api.opened(f"http://127.0.0.1:{port}", service.state / "admin-token")
        yield Service(service.state, "127.0.0.1", port, process.pid, api)
        api.close()
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(PATIENCE)


@contextmanager
def following(service: Service, gateway: str) -> Iterator[None]:
    """A gateway that leases and listens to its stream, and does nothing else."""
    at = (f"--config={service.state / CONFIG}", f"--state-dir={service.state}")
    command = ("gateway", "add", gateway, "--replace", *at)
    token = subprocess.check_output([sys.executable, "-m", "landbridge", *command], text=True)
    token = token.strip()
    agent = Api(service.api.base, token)
    facts = {"gateway_id": gateway, "hostname": "bench", "version": "0"}
    agent.call("POST", "/agent/v1/lease", facts)
    cursor = agent.call("GET", "/agent/v1/desired", params={"gateway_id": gateway})["cursor"]
    agent.close()
    stream = socket.create_connection((service.host, service.port))
    stream.sendall(
        f"GET /agent/v1/stream?gateway_id={gateway}&cursor={cursor} HTTP/1.1\r\n"
        f"Host: {service.host}\r\nX-Auth-Token: {token}\r\n\r\n".encode()
    )
    reader = threading.Thread(target=_drain, args=(stream,))
    reader.start()
    try:
        yield
    finally:
        stream.shutdown(socket.SHUT_RDWR)
        reader.join()
        stream.close()


def _drain(stream: socket.socket) -> None:
    while stream.recv(1 << 16):
        pass


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port
