"""A client that sends what it likes: bytes on a socket, and what comes back."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple, Self

from landbridge.lab.patience import patient
from tests.api.remote import Remote, remote
from tests.environments.databases import Databases
from tests.environments.landbridge import running, with_tokens

DEADLINE = patient(20.0)  # seconds, for anything that is to come


@contextmanager
def served(databases: Databases, directory: Path, **options: Mapping[str, str]) -> Iterator[Remote]:
    """A landbridge of its own, with `options` (section -> option -> value)."""
    with databases.fresh("sqlite") as url:
        configuration = {**with_tokens(url), **options}
        with running(directory / "state", configuration) as server, remote(server, url) as made:
            yield made


class Answer(NamedTuple):
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def error(self) -> dict[str, Any]:
        """The envelope's inside; clients of the Identity API know another one."""
        assert self.headers["content-type"] == "application/json"
        assert "x-openstack-request-id" in self.headers
        ((envelope, error),) = json.loads(self.body).items()
        parts = {
            "NeutronError": {"type", "message", "detail"},
            "error": {"code", "title", "message"},
        }
        assert isinstance(error, dict)
        assert set(error) == parts[envelope]
        return error


class Wire:
    """One connection."""

    def __init__(self, to: Remote, source: str = "127.0.0.1") -> None:
        host, port = to.server.url.removeprefix("http://").split(":")
        self.socket = socket.socket()
        self.socket.settimeout(DEADLINE)
        self.socket.bind((source, 0))
        self.socket.connect((host, int(port)))
        self._read = b""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.socket.close()

    def send(self, content: bytes | Iterable[bytes]) -> None:
        """As far as it is taken: the other end may have had enough."""
        parts = (content,) if isinstance(content, bytes) else content
        try:
            for part in parts:
                self.socket.sendall(part)
        except (BrokenPipeError, ConnectionResetError):
            return

    def answer(self) -> Answer:
        """The next one. Raises: ConnectionError: there is none."""
        while b"\r\n\r\n" not in self._read:
            self._more()
        head, _, rest = self._read.partition(b"\r\n\r\n")
        status, *lines = head.decode("latin-1").split("\r\n")
        headers = {
            name.lower(): value for name, _, value in (line.partition(": ") for line in lines)
        }
        length = int(headers.get("content-length", "0"))
        self._read = rest
        while len(self._read) < length:
            self._more()
        body, self._read = self._read[:length], self._read[length:]
        return Answer(int(status.split()[1]), headers, body)

    def ends(self) -> bool:
        """Whether the other end closes, with nothing more to say."""
        try:
            return self.socket.recv(1) == b""
        except ConnectionResetError:
            return True

    def is_open(self) -> bool:
        """Now."""
        self.socket.setblocking(False)
        try:
            return self.socket.recv(1, socket.MSG_PEEK) != b""
        except BlockingIOError:
            return True
        except ConnectionResetError:
            return False
        finally:
            self.socket.settimeout(DEADLINE)

    def _more(self) -> None:
        came = self.socket.recv(1 << 16)
        if not came:
            raise ConnectionError(f"the other end closed after {self._read!r}")
        self._read += came


def get(to: Remote, path: str = "/v2.0/networks", caller: str | None = "a") -> bytes:
    """A request that is in order."""
    return head(to, "GET", path, caller) + b"\r\n"


def head(to: Remote, method: str, path: str, caller: str | None = "a") -> bytes:
    token = f"X-Auth-Token: {to.token(caller)}\r\n" if caller else ""
    return f"{method} {path} HTTP/1.1\r\nHost: landbridge.test\r\n{token}".encode()


def resident(of: Remote) -> int:
    """Bytes of memory that the server has."""
    pages = Path(f"/proc/{of.server.server.process.pid}/statm").read_text().split()[1]
    return int(pages) * 4096


def connections(of: Remote) -> int:
    """Sockets that the server has with its clients, as the kernel counts them."""
    port = int(of.server.url.rpartition(":")[2])
    table = Path("/proc/net/tcp").read_text().splitlines()[1:]
    rows = [line.split() for line in table]
    return sum(
        int(row[1].rpartition(":")[2], 16) == port and row[3] == "01" and row[9] != "0"
        for row in rows
    )


def until(condition: Any, what: str) -> None:
    end = time.monotonic() + DEADLINE
    while not condition():
        assert time.monotonic() < end, f"not within {DEADLINE} s: {what}"
        time.sleep(0.02)
