"""`landbridge serve` whose processes are there and do nothing: stopped, or with an event loop that
hangs. They are killed and started again; tunnels do not notice."""

from __future__ import annotations

import ctypes
import os
import signal
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import pytest

from landbridge.agent.dataplane.names import namespace_name
from landbridge.lab.hosts import Host
from tests.environments.processes import free_port
from tests.faults.service import DEADLINE, Service, alive, until

pytestmark = pytest.mark.gateway
FROZEN_AFTER: Final = 3.0
_PTRACE_SEIZE: Final = 0x4206
_PTRACE_INTERRUPT: Final = 0x4207
KILLED: Final = "process gives no sign of life, killed"


def stop(pid: int) -> None:
    os.kill(pid, signal.SIGSTOP)


def hang(pid: int) -> None:
    """Only the thread with the event loop stands still; all others go on."""
    ptrace = ctypes.CDLL(None, use_errno=True).ptrace
    ptrace.argtypes = (ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p)
    for request in (_PTRACE_SEIZE, _PTRACE_INTERRUPT):
        assert ptrace(request, pid, None, None) == 0, os.strerror(ctypes.get_errno())
    until("it stands still", lambda: state(pid) == "t")


def state(pid: int) -> str:
    """A letter, see proc(5)."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]


def hears(manager: socket.socket) -> bool:
    try:
        return bool(manager.recv(4096))
    except TimeoutError:
        return False


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    config = tmp_path / "landbridge.conf"
    config.write_text(f"[DEFAULT]\nfrozen_after = {FROZEN_AFTER}\n")
    environment = {**os.environ, "LANDBRIDGE_CONFIG": str(config)}
    service = Service(tmp_path / "state", free_port(), environment=environment)
    yield service
    service.stop()


def killed(service: Service) -> list[int]:
    return [fact["pid"] for fact in service.facts() if fact["event"] == KILLED]


@pytest.mark.parametrize("freeze", [stop, hang])
@pytest.mark.parametrize("child", ["api", "agent"])
def test_one_that_gives_no_sign_of_life_is_started_again(
    service: Service, child: str, freeze: Callable[[int], None]
) -> None:
    until("all run", lambda: bool(service.leases()))
    router, _ = service.create_router()
    charons = Host(namespace_name(router)).charons()
    leases, frozen = len(service.leases()), service.pid(child)
    freeze(frozen)
    until("it is killed", lambda: killed(service) == [frozen])
    if freeze is hang:
        os.waitpid(frozen, 0)  # who traces it hears of its end first
    until("another one runs", lambda: service.pid(child) != frozen)
    assert not alive(frozen)
    service.create_network("after")  # waits in the socket's queue for the next API
    if child == "agent":
        until("it has its lease", lambda: len(service.leases()) > leases)
    (told,) = [fact for fact in service.facts() if fact["event"] == KILLED]
    assert (told["pid"], told["child"], told["level"]) == (frozen, child, "error")
    assert told["silent"] >= FROZEN_AFTER
    assert len(charons) == 1
    assert Host(namespace_name(router)).charons() == charons
    service.delete_router(router)


def test_who_was_stopped_itself_blames_nobody(service: Service) -> None:
    until("all run", lambda: bool(service.leases()))
    everybody = [service.server.process.pid, service.pid("api"), service.pid("agent")]
    for pid in everybody:
        stop(pid)
    time.sleep(2 * FROZEN_AFTER)  # nobody is there of whom anything could be seen
    os.kill(everybody[0], signal.SIGCONT)
    until("it has looked at its children", lambda: state(everybody[0]) == "S")
    for pid in everybody[1:]:
        os.kill(pid, signal.SIGCONT)
    service.create_network("after")
    stop(everybody[2])  # from here on it judges anew, and blames who is to blame
    until("it has judged", lambda: bool(killed(service)))
    assert killed(service) == everybody[2:]
    assert service.pid("api") == everybody[1]


def test_a_stopped_child_goes_with_its_supervisor_and_is_in_nobodys_way(service: Service) -> None:
    until("all run", lambda: bool(service.leases()))
    children = [service.pid("api"), service.pid("agent")]
    for pid in children:
        stop(pid)
    service.server.kill()
    until("children are gone", lambda: not any(map(alive, children)))
    again = Service(service.state, service.port)
    try:
        again.create_network("after")
    finally:
        again.stop()


def test_systemds_watchdog_hears_of_the_supervisor(tmp_path: Path) -> None:
    address = tmp_path / "notify"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(address))
        manager.settimeout(DEADLINE)
        unit = {"NOTIFY_SOCKET": str(address), "WATCHDOG_USEC": "600000"}
        service = Service(tmp_path / "state", free_port(), environment={**os.environ, **unit})
        try:
            told = {manager.recv(4096) for _ in range(20)}
            assert told == {b"READY=1", b"WATCHDOG=1"}
            stop(service.server.process.pid)
            manager.settimeout(2 * 0.6)
            until("it says nothing any more", lambda: not hears(manager))
            os.kill(service.server.process.pid, signal.SIGCONT)
            manager.settimeout(DEADLINE)
            assert manager.recv(4096) == b"WATCHDOG=1"
        finally:
            service.stop()
