"""`landbridge serve` with its processes killed at any moment: it comes back, and what was
acknowledged is kept."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import threading
from contextlib import suppress
from pathlib import Path

import httpx2
import pytest

from landbridge.agent.dataplane.names import namespace_name
from landbridge.lab.hosts import Host
from tests.environments.processes import accepts, free_port
from tests.faults.service import DEADLINE, Service, alive, command, until

pytestmark = pytest.mark.gateway


def test_a_killed_api_comes_back_with_everything_and_refuses_nobody(service: Service) -> None:
    made = service.create_network("before")
    os.kill(service.pid("api"), signal.SIGKILL)
    # The supervisor holds the socket: a new connection waits for the next API.
    with httpx2.Client(headers=service.http.headers, timeout=DEADLINE) as fresh:
        shown = fresh.get(f"http://127.0.0.1:{service.port}/v2.0/networks/{made['id']}")
    assert shown.json()["network"] == made


def test_a_killed_agent_comes_back_and_is_in_step_again(service: Service) -> None:
    in_step = "in step with the server"
    until("in step", lambda: service.events().count(in_step) == 1)
    service.kill("agent")
    until("in step again", lambda: service.events().count(in_step) == 2)
    first, second = service.leases()
    assert second >= first


def test_what_was_acknowledged_is_kept_however_often_the_api_dies(service: Service) -> None:
    network = service.create_network("counted")["id"]
    url = f"http://127.0.0.1:{service.port}/v2.0/networks/{network}"
    acknowledged, tried = [0], [0]
    enough = threading.Event()

    def write() -> None:
        with httpx2.Client(headers=service.http.headers, timeout=DEADLINE) as client:
            while not enough.is_set():
                tried[0] += 1
                body = {"network": {"description": str(tried[0])}}
                try:
                    answer = client.put(url, json=body)
                except httpx2.TransportError:
                    continue  # killed while it answered: done or not, nobody was told
                assert answer.status_code == 200, answer.text
                acknowledged[0] = tried[0]

    writer = threading.Thread(target=write)
    writer.start()
    try:
        for _ in range(3):
            before = acknowledged[0]
            until("writes go on", lambda: acknowledged[0] > before + 5)  # noqa: B023 - at once
            service.kill("api")
        before = acknowledged[0]
        until("writes go on", lambda: acknowledged[0] > before)
    finally:
        enough.set()
        writer.join()
    kept = int(service.http.get(f"/networks/{network}").json()["network"]["description"])
    assert acknowledged[0] <= kept <= tried[0]


def test_children_go_with_a_killed_supervisor_and_the_next_one_takes_over(
    service: Service,
) -> None:
    made = service.create_network("before")
    children = [service.pid("api"), service.pid("agent")]
    service.server.kill()
    until("children are gone", lambda: not any(map(alive, children)))
    again = Service(service.state, service.port)
    try:
        assert again.http.get(f"/networks/{made['id']}").json()["network"] == made
    finally:
        again.stop()


def test_a_signal_ends_everything_in_order(service: Service) -> None:
    until("agent runs", lambda: bool(service.leases()))
    children = [service.pid("api"), service.pid("agent")]
    service.server.process.send_signal(signal.SIGTERM)
    assert service.server.process.wait(DEADLINE) == 0
    assert not any(map(alive, children))
    assert not accepts(service.port)
    assert "Traceback" not in service.log.read_text()


def test_a_taken_port_is_one_line_and_starts_nothing(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = subprocess.run(
            command(tmp_path, port),
            capture_output=True,
            text=True,
            timeout=DEADLINE,
            check=False,
        )
    assert done.returncode == 2
    # What the kernel lacks is a line of its own, before.
    [line] = [line for line in done.stderr.splitlines() if not line.startswith("{")]
    assert f"127.0.0.1:{port}" in line
    assert "process started" not in done.stderr


def test_a_child_that_cannot_run_ends_the_service_with_its_code(tmp_path: Path) -> None:
    """What only the API finds out at its start: here a broken key file."""
    (tmp_path / "secret.key").write_text("nonsense\n")
    done = subprocess.run(
        command(tmp_path, free_port()),
        capture_output=True,
        text=True,
        timeout=DEADLINE,
        check=False,
    )
    assert done.returncode == 2
    said = [line for line in done.stderr.splitlines() if line.startswith("landbridge: ")]
    assert len(said) == 1
    assert "secret.key" in said[0]


def test_systemd_hears_of_the_first_process_alone_and_once(tmp_path: Path) -> None:
    """Whatever the API, the agent and its charons would say to its socket, it would refuse."""
    address = tmp_path / "notify"
    told: list[bytes] = []
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK) as manager:
        manager.bind(str(address))
        unit = {
            "NOTIFY_SOCKET": str(address),
            "INVOCATION_ID": "0" * 32,
            "WATCHDOG_USEC": "9000000",
        }
        service = Service(tmp_path / "state", free_port(), environment={**os.environ, **unit})
        try:
            router, _ = service.create_router()
            of_children = [
                Path(f"/proc/{service.pid(child)}/environ").read_bytes()
                for child in ("api", "agent")
            ]
            service.delete_router(router)
        finally:
            service.stop()
        with suppress(BlockingIOError):
            while True:
                told.append(manager.recv(4096))
    assert told[0] == b"READY=1"
    assert set(told[1:]) == {b"WATCHDOG=1"}
    assert not any(name.encode() in all_of for name in unit for all_of in of_children)


def test_an_agent_that_may_not_set_priorities_says_so_once_and_runs_charons(
    tmp_path: Path,
) -> None:
    without = ("setpriv", "--bounding-set", "-sys_nice", "--")
    service = Service(tmp_path / "state", free_port(), before=without)
    try:
        made = [service.create_router() for _ in range(2)]
        said = [(directory / "charon.out").read_text() for _, directory in made]
        [line] = [each for each in service.facts() if "priority" in str(each.get("event"))]
        pids = [Host(namespace_name(router)).charons() for router, _ in made]
        nicenesses = [os.getpriority(os.PRIO_PROCESS, pid) for [pid] in pids]
        for router, _ in made:
            service.delete_router(router)
    finally:
        service.stop()
    assert said == ["", ""]
    assert nicenesses == [0, 0]
    assert line["level"] == "warning"
    assert "CAP_SYS_NICE" in line["reason"]
    assert "CapabilityBoundingSet" in line["advice"]


def test_requests_that_succeed_or_are_refused_have_no_line_at_the_default_level(
    service: Service,
) -> None:
    made = service.create_network("quiet")
    for number in range(20):
        assert service.http.get(f"/networks/{made['id']}").status_code == 200
        body = {"network": {"description": str(number)}}
        assert service.http.put(f"/networks/{made['id']}", json=body).status_code == 200
    assert service.http.get("/networks/nowhere").status_code == 404
    assert service.http.post("/networks", json={"network": {"mtu": "x"}}).status_code == 400
    service.stop()
    told = [fact for fact in service.facts() if fact.get("process") == "api"]
    slow = [fact for fact in told if fact["level"] == "warning"]  # on a machine that is busy
    assert [fact for fact in told if "request" in fact["event"] and fact not in slow] == []
