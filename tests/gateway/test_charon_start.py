"""The charon process itself: what it inherits, at which priority it runs, and its adoption."""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from landbridge.agent.charon.priority import NICENESS
from landbridge.agent.charon.process import BINARY, Charon
from landbridge.agent.charon.settings import strongswan_conf
from landbridge.agent.dataplane.dataplane import Backend
from landbridge.agent.dataplane.kernel import choose_backend
from landbridge.environment import FAMILIES, HANDED_ON
from landbridge.lab.hosts import Ground, Host, wait_until

pytestmark = pytest.mark.gateway
#: Of what a unit may set for the first process of a service, and an operator in it.
OF_A_UNIT = {
    "WATCHDOG_USEC": "10000000",
    "LISTEN_FDS": "1",
    "LISTEN_FDNAMES": "api",
    "JOURNAL_STREAM": "8:12345",
    "INVOCATION_ID": "0123456789abcdef0123456789abcdef",
    "CREDENTIALS_DIRECTORY": "/run/credentials/landbridge.service",
    "OS_PASSWORD": "hush-1",
    "DATABASE_URL": "postgresql://landbridge:hush-2@db/landbridge",
    "https_proxy": "http://me:hush-3@proxy:3128",
}


class Manager:
    """The end of systemd: a socket to notify."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        self._socket.bind(str(path))

    def told(self) -> list[bytes]:
        messages = []
        while True:
            try:
                messages.append(self._socket.recv(4096))
            except BlockingIOError:
                return messages

    def close(self) -> None:
        self._socket.close()


@pytest.fixture
def manager(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Manager]:
    manager = Manager(tmp_path / "notify")
    monkeypatch.setenv("NOTIFY_SOCKET", str(manager.path))
    for name, value in OF_A_UNIT.items():
        monkeypatch.setenv(name, value)
    yield manager
    manager.close()


@pytest.fixture
def backend() -> Backend:
    return asyncio.run(choose_backend("auto"))


@pytest.fixture
def charon(ground: Ground, tmp_path: Path, backend: Backend) -> Iterator[Charon]:
    charon = Charon(tmp_path / "agent", ground.host("router").name, backend)
    yield charon
    asyncio.run(charon.stop())


def environment(pid: int) -> dict[str, str]:
    variables = Path(f"/proc/{pid}/environ").read_bytes().decode().split("\0")
    return dict(each.split("=", 1) for each in variables if each)


def nicenesses(pid: int) -> set[int]:
    """Those of all its threads."""
    tasks = Path(f"/proc/{pid}/task").iterdir()
    return {os.getpriority(os.PRIO_PROCESS, int(task.name)) for task in tasks}


def pid_of(charon: Charon) -> int:
    pid = charon.pid()
    assert pid is not None
    return pid


def started_as_before(host: Host, directory: Path, backend: Backend) -> subprocess.Popen[bytes]:
    """A charon as releases started it that handed on all their environment, without priority."""
    directory.mkdir()
    conf = directory / "strongswan.conf"
    conf.write_text(strongswan_conf(directory, backend))
    return subprocess.Popen(
        host.argv(str(BINARY)),
        env={**os.environ, "STRONGSWAN_CONF": str(conf)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


def test_a_charon_inherits_nothing_that_is_said_to_us(charon: Charon, manager: Manager) -> None:
    assert asyncio.run(charon.ensure()) is False
    inherited = environment(pid_of(charon))
    asyncio.run(charon.stop())
    assert manager.told() == []
    others = set(inherited) - HANDED_ON - {"STRONGSWAN_CONF"}
    assert [name for name in others if not name.startswith(FAMILIES)] == []
    assert inherited["PATH"]


def test_a_charon_of_an_earlier_release_is_adopted_and_gets_its_priority(
    ground: Ground, tmp_path: Path, backend: Backend, manager: Manager
) -> None:
    host = ground.host("router")
    old = started_as_before(host, tmp_path / "agent", backend)
    charon = Charon(tmp_path / "agent", host.name, backend)
    try:
        wait_until(lambda: charon.pid() == old.pid, 10, "it opens its socket")
        assert nicenesses(old.pid) == {0}
        assert asyncio.run(charon.ensure()) is True
        assert nicenesses(old.pid) == {NICENESS}
        assert manager.told() != []  # what it inherited before, it goes on with
    finally:
        old.terminate()
        old.wait()


def test_a_charon_goes_before_ordinary_work(charon: Charon) -> None:
    asyncio.run(charon.ensure())
    assert nicenesses(pid_of(charon)) == {NICENESS}


def test_whether_priority_is_permitted_is_found_out_and_changes_nothing() -> None:
    ask = (
        "import os; from landbridge.agent.charon import priority as p;"
        "print(p.is_permitted(), os.getpriority(os.PRIO_PROCESS, 0))"
    )
    told = [
        subprocess.run(
            [*may, sys.executable, "-c", ask], capture_output=True, text=True, check=True
        ).stdout.split()
        for may in ((), ("setpriv", "--bounding-set", "-sys_nice"))
    ]
    assert told == [["True", "0"], ["False", "0"]]
