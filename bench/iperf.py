"""iperf3 between two hosts: what arrives at the receiver, a second.

Rules this module keeps:
- A server stays at one end; each measurement is a client that sends, or has the server send.
- UDP is sent as fast as it goes; what counts is what has arrived.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import msgspec

from landbridge.lab.hosts import Host, LabError, wait_until

PROGRAM: Final = "iperf3"
PATIENCE: Final = 30.0  # seconds beyond those of a measurement
BEFORE: Final = 1  # seconds that do not count: TCP finds its pace


@dataclass(frozen=True)
class Load:
    """`size`: bytes of a UDP packet's content; None: TCP."""

    name: str
    size: int | None = None

    @property
    def unit(self) -> str:
        return "Mbit/s" if self.size is None else "packets/s"

    @property
    def arguments(self) -> tuple[str, ...]:
        return () if self.size is None else ("--udp", "--bandwidth", "0", "--len", str(self.size))

    def told(self, bytes_a_second: float) -> float:
        """In `unit`."""
        return bytes_a_second * 8 / 1e6 if self.size is None else bytes_a_second / self.size


@dataclass(frozen=True)
class Span:
    """Two hosts with a tunnel between them; `address`: of the right one."""

    left: Host
    right: Host
    address: str


class _Received(msgspec.Struct):
    bytes: float
    seconds: float


class _End(msgspec.Struct):
    sum_received: _Received | None = None


class _Answer(msgspec.Struct):
    end: _End
    error: str = ""


class Iperf:
    """Made by `serving`."""

    def __init__(self, span: Span, server: Path) -> None:
        self.span = span
        self._server = server  # what it has written
        self._clients = 0  # so far

    def ready(self) -> bool:
        """Whether the server listens; between two clients it does not for a moment."""
        return self._server.read_text().count("Server listening") > self._clients

    def measure(self, load: Load, *, backward: bool, seconds: int) -> float:
        """In the load's unit. `backward`: from right to left. Raises: LabError."""
        wait_until(self.ready, PATIENCE, f"{PROGRAM} listens")
        self._clients += 1
        deadline = str(seconds + BEFORE + PATIENCE)
        client = (PROGRAM, "--client", self.span.address, "--json", "--time", str(seconds))
        more = (*load.arguments, "--omit", str(BEFORE), *(("--reverse",) if backward else ()))
        told = self.span.left.run("timeout", deadline, *client, *more)
        answer = msgspec.json.decode(told, type=_Answer)
        received = answer.end.sum_received
        if received is None:
            raise LabError(f"{PROGRAM}: {answer.error}")
        return load.told(received.bytes / received.seconds)


def check() -> None:
    """Raises: LabError, where there is no iperf3."""
    if shutil.which(PROGRAM) is None:
        raise LabError(f"{PROGRAM} is missing: run scripts/packages bench")


@contextmanager
def serving(span: Span) -> Iterator[Iperf]:
    """Raises: LabError."""
    wait_until(lambda: span.left.ping(span.address), 60, f"packets reach {span.address}")
    with TemporaryDirectory(prefix="landbridge-iperf-") as directory:
        log = Path(directory, "server.log")
        bound = ("--bind", span.address, "--forceflush")
        server = span.right.start(PROGRAM, "--server", *bound, log=log)
        try:
            yield Iperf(span, log)
        finally:
            server.kill()
            server.wait()
