"""The systemd unit, installed as docs/operations.md says, on a host whose first process is systemd.

Run by `make test-kernel` in a guest: it installs a service. ``installed`` comes first, ``rebooted``
after a reboot, and takes the service away again.
"""

from __future__ import annotations

import contextlib
import json
import re
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from landbridge.client import Api
from landbridge.lab.hosts import Host, wait_until
from tests.kernel.routers import End, ends_of, make_two_routers, remove_all

pytestmark = pytest.mark.systemd
ROOT = Path(__file__).parents[2]
STATE = Path("/var/lib/landbridge")
GUIDE = ROOT / "docs/operations.md"
UNITS = "landbridge-api landbridge-agent"
UP = 60.0  # seconds
MOST_EXPOSURE = 2.0  # of the API, as `systemd-analyze security` counts it


def test_installed_by_the_guide_it_keeps_tunnels_over_restart_stop_and_start() -> None:
    for commands in commands_of("## Install"):
        sh(commands.replace("<this repository>", str(ROOT)))
    with api() as client:
        make_two_routers(client)
        until_active(client)
        end = ends_of(client)[0]
        assert end.ping(count=5)
        assert exposure_of("landbridge-api") <= MOST_EXPOSURE
        before = charons()
        assert {nice_of(pid) for pid in before} == {-10}

        with pinging(end) as lost:
            sh(f"systemctl restart {UNITS}")
            until_active(client)
        assert lost() == 0

        with pinging(end) as lost:
            sh(f"systemctl stop {UNITS}")
            assert sh("pgrep -c -f 'landbridge (serve|api|agent)' || true").strip() == "0"
            sh(f"systemctl start {UNITS}")
            until_active(client)
        assert lost() == 0
        assert charons() == before
    assert journal_complaints() == []


def test_rebooted_it_brings_everything_back_and_is_removed_without_a_trace() -> None:
    with api() as client:
        until_active(client)
        end = ends_of(client)[0]
        wait_until(end.ping, UP, "packets through the tunnel")
        assert journal_complaints() == []
        remove_all(client)
        wait_until(lambda: not charons() and not namespaces(), UP, "the agent takes all down")
    for commands in commands_of("## Remove"):
        sh(commands)
    assert sh("systemctl list-unit-files 'landbridge*' --no-legend || true").strip() == ""
    kinds = {link.get("linkinfo", {}).get("info_kind") for link in json.loads(sh("ip -d -j link"))}
    assert kinds.isdisjoint({"bridge", "veth"})


def commands_of(section: str) -> list[str]:
    """The shell blocks of a section of the guide."""
    text = GUIDE.read_text().split(f"\n{section}\n")[1].split("\n## ")[0]
    return re.findall(r"```sh\n(.*?)```", text, re.DOTALL)


def sh(commands: str) -> str:
    done = subprocess.run(
        ["sh", "-ec", commands], capture_output=True, text=True, check=False, cwd="/"
    )
    assert done.returncode == 0, f"{commands}\n{done.stdout}{done.stderr}\n{journal()}"
    return done.stdout


@contextlib.contextmanager
def api() -> Iterator[Api]:
    client = Api.opened("http://127.0.0.1:9696", STATE / "admin-token")
    try:
        yield client
    finally:
        client.close()


def until_active(client: Api) -> None:
    def active() -> bool:
        found = client.list("ipsec_site_connection")
        return bool(found) and all(each["status"] == "ACTIVE" for each in found)

    wait_until(active, UP, "both connections are ACTIVE")


def charons() -> set[int]:
    """Those in namespaces of routers."""
    return {pid for name in namespaces() for pid in Host(name).charons()}


def namespaces() -> list[str]:
    return [line.split()[0] for line in sh("ip netns").splitlines() if line.startswith("lbr-")]


def exposure_of(unit: str) -> float:
    (words,) = re.findall(
        r"Overall exposure level.*: ([0-9.]+)", sh(f"systemd-analyze security {unit}")
    )
    return float(words)


def nice_of(pid: int) -> int:
    return int(sh(f"ps -o ni= -p {pid}"))


def journal() -> str:
    argv = ("journalctl", "-b", "-u", "landbridge-*", "-o", "cat", "--no-pager")
    return subprocess.run(argv, capture_output=True, text=True, check=False).stdout


def journal_complaints() -> list[str]:
    """What systemd or a shell says of us that an operator would have to look into."""
    words = ("Got notification message", "cannot set niceness", '"level":"error"', "Traceback")
    return [line for line in journal().splitlines() if any(word in line for word in words)]


@contextlib.contextmanager
def pinging(end: End) -> Iterator[Callable[[], int]]:
    """Echo requests, 10 ms apart, while the block runs; what it gives tells the lost after it."""
    program = subprocess.Popen(
        end.ping_argv("-q", "-i", "0.01"), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    counts: list[int] = []
    try:
        yield lambda: counts[0] - counts[1]
    finally:
        program.send_signal(signal.SIGINT)
        said = program.communicate(timeout=20)[0]
        (numbers,) = re.findall(r"(\d+) packets transmitted, (\d+) received", said)
        counts.extend(map(int, numbers))
    assert counts[0] > 100
