"""What a charon is started with: its environment and its priority."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from landbridge.agent.charon import INHERITED, NICENESS
from landbridge.lab.hosts import wait_until
from tests.gateway.gateway import Gateway

pytestmark = pytest.mark.gateway


@pytest.fixture
def service_manager(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[socket.socket]:
    """A socket as systemd gives it to a service, and more that a service may be given."""
    path = tmp_path / "notify"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind(str(path))
        listening.setblocking(False)
        monkeypatch.setenv("NOTIFY_SOCKET", str(path))
        monkeypatch.setenv("WATCHDOG_USEC", "30000000")
        monkeypatch.setenv("LANDBRIDGE_TEST_SECRET", "for us alone")
        yield listening


def test_charon_inherits_nothing_of_the_service(
    service_manager: socket.socket, gateway: Gateway
) -> None:
    gateway.start()
    wait_until(lambda: gateway.charon.pid() is not None, 20, "charon runs")
    pid = gateway.charon.pid()
    entries = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    names = {os.fsdecode(entry.partition(b"=")[0]) for entry in entries if entry}
    assert names <= {*INHERITED, "STRONGSWAN_CONF"}
    gateway.stop()
    with pytest.raises(BlockingIOError):
        service_manager.recv(100)


def test_charon_runs_ahead_of_other_work(gateway: Gateway) -> None:
    gateway.start()
    wait_until(lambda: gateway.charon.pid() is not None, 20, "charon runs")
    pid = gateway.charon.pid()
    assert pid is not None
    assert os.getpriority(os.PRIO_PROCESS, pid) == NICENESS


def test_without_the_capability_it_runs_as_any_other_and_the_log_says_so() -> None:
    code = "from landbridge.agent import charon; print(charon._ahead())"
    limited = ("setpriv", "--bounding-set", "-sys_nice", "--", sys.executable, "-c", code)
    done = subprocess.run(limited, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "()"
    assert "lacks CAP_SYS_NICE" in done.stdout + done.stderr
