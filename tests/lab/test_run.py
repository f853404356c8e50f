"""The first thing that a person does: `make run`, a ping, the curl line, Ctrl-C."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from uuid import UUID

import pytest

from landbridge.client import Api, ClientError, Resource
from landbridge.lab import banner, hosts, sites
from landbridge.lab.hosts import Host, LabError, wait_until
from landbridge.lab.service import wait_carrying
from landbridge.lab.traffic import Traffic
from tests import dataplane
from tests.lab.conftest import MakeRun

pytestmark = pytest.mark.gateway
STANDING = "its tunnel is ACTIVE"
README = Path(__file__).parents[2] / "README.md"
CONNECTION = "ipsec_site_connection"


def test_make_run_updates_a_live_tunnel_and_leaves_nothing(make_run: MakeRun) -> None:
    make_run.start()
    words = make_run.wait_for(STANDING)
    site_a = Host(sites.SITE_A)
    assert site_a.ping(sites.SITE_B_HOSTS["demo"], count=3)
    api = make_run.api()
    assert api.token in words
    assert f"{api.base}/console/" in words
    made = names_made(api)
    assert all(hosts.link_exists(bridge) for bridge in made.bridges)
    assert made.router.exists()
    assert len(made.charons) == 2

    answer = run_printed_curl(words)

    assert answer[CONNECTION]["mtu"] == 1400
    wait_until(lambda: demo(api)["status"] == "ACTIVE", 10, "ACTIVE after the update")
    assert demo(api)["dpd"] == {"action": "hold", "interval": 20, "timeout": 60}
    assert site_a.ping(sites.SITE_B_HOSTS["demo"], count=3)
    assert site_a.ping(sites.SITE_B_HOSTS["sibling"])

    make_run.end(signal.SIGINT)
    assert leftovers(make_run, made) == []
    assert f"Kept for the next run, in {make_run.state}:" in make_run.said()
    assert f"rm -r {make_run.state}" in make_run.said()

    make_run.start()
    make_run.wait_for(STANDING)
    assert demo(api)["description"] == "New IPsec connection"
    again = names_made(api)
    assert (again.router, again.bridges) == (made.router, made.bridges)
    assert site_a.ping(sites.SITE_B_HOSTS["demo"])
    make_run.end(signal.SIGTERM)
    assert leftovers(make_run, again) == []


def test_the_sites_reach_each_other_only_through_the_tunnel(make_run: MakeRun) -> None:
    make_run.start()
    make_run.wait_for(STANDING)
    api = make_run.api()
    site_a, target = Host(sites.SITE_A), sites.SITE_B_HOSTS["demo"]
    assert site_a.ping(target)

    api.update(CONNECTION, demo(api)["id"], admin_state_up=False)
    wait_until(lambda: demo(api)["status"] == "DOWN", 10, "DOWN when switched off")
    assert not site_a.ping(target, wait=0.3)
    assert site_a.ping(sites.SITE_B_HOSTS["sibling"])

    api.update(CONNECTION, demo(api)["id"], admin_state_up=True)
    wait_until(lambda: demo(api)["status"] == "ACTIVE", 10, "ACTIVE when switched on")
    assert site_a.ping(target)


def test_a_tunnel_that_carries_nothing_is_not_announced_as_one_that_does(make_run: MakeRun) -> None:
    make_run.start()
    make_run.wait_for(STANDING)
    api, connection_id = make_run.api(), demo(make_run.api())["id"]
    site_b = Host(sites.SITE_B)
    site_b.ip("route", "add", "blackhole", sites.SITE_A_CIDR)

    silent = wait_carrying(api, connection_id, 1.0)

    assert (silent.connection["status"], silent.carries) == ("ACTIVE", False)
    words = banner.text(api, silent, make_run.state)
    assert "no packet comes through the tunnel demo" in words
    assert STANDING not in words
    site_b.ip("route", "delete", "blackhole", sites.SITE_A_CIDR)
    assert wait_carrying(api, connection_id, 10.0).carries


def test_the_readme_shows_what_is_said_of_a_psk_that_the_peer_does_not_have_and_how_to_give_it(
    make_run: MakeRun,
) -> None:
    make_run.start()
    make_run.wait_for(STANDING)
    api = make_run.api()
    api.update(CONNECTION, demo(api)["id"], psk="a new secret")
    shown = json.loads(README.read_text().split("```json\n")[1].split("```")[0])

    def told() -> dict[str, object]:
        now = demo(api)
        return {name: now[name] for name in shown}

    wait_until(lambda: told()["status_reason"] == shown["status_reason"], 20, "the reason")
    assert told() == shown
    loaded = subprocess.run(
        ["sh", "-ec", as_the_peer(make_run.state)], check=True, timeout=20,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip
    assert "failed" not in loaded.stdout
    wait_until(lambda: demo(api)["status"] == "ACTIVE", 30, "ACTIVE with the new key")
    assert demo(api)["status_reason"] is None
    assert Host(sites.SITE_A).ping(sites.SITE_B_HOSTS["demo"])


def test_packets_flow_on_when_everything_of_ours_is_killed(make_run: MakeRun) -> None:
    make_run.start()
    make_run.wait_for(STANDING)
    api = make_run.api()
    wait_until(lambda: active(api) == {"demo", "sibling"}, 20, "both tunnels are up")
    with Traffic(sites.flows(), rate=200) as traffic:
        for command in ("lab", "agent", "api"):
            before = make_run.pid(command)
            os.kill(before, signal.SIGKILL)
            wait_until(partial(started_again, make_run, command, before), 20, f"{command} is back")
        wait_until(lambda: active(api) == {"demo", "sibling"}, 20, "told as up again")
        os.kill(make_run.pid("serve"), signal.SIGKILL)
        make_run.wait_for_end()
        make_run.start()
        make_run.wait_for(STANDING)
        counts = traffic.stop()
    assert {name: count.lost for name, count in counts.items()} == {"demo": 0, "sibling": 0}
    made = names_made(api)
    make_run.end(signal.SIGINT)
    assert leftovers(make_run, made) == []


def test_a_second_lab_says_that_there_is_one(make_run: MakeRun, tmp_path: Path) -> None:
    make_run.start()
    make_run.wait_for(STANDING)
    second = MakeRun(tmp_path / "second", tmp_path / "second.log")
    second.start()
    second.wait_for_end()
    assert "another lab runs on this machine" in second.said()


def test_the_demo_tells_its_story(only_lab: None, tmp_path: Path) -> None:
    told = subprocess.run(
        [sys.executable, "-m", "landbridge", "demo"],
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
        env=os.environ | {"COLUMNS": "140"} | dataplane.environment(tmp_path),
    )
    assert told.returncode == 0, told.stdout + told.stderr
    assert "All taken away again" in told.stdout
    rows = re.findall(r"(ESP|IKE|name|description).*?(same|new) / (same|new)", told.stdout)
    assert [(row[0], row[1], row[2]) for row in rows] == [
        ("description", "same", "same"),
        ("name", "new", "new"),
        ("ESP", "same", "new"),
        ("IKE", "new", "new"),
    ]


def as_the_peer(state: Path) -> str:
    """The commands by which the README has its reader be the other side."""
    blocks = re.findall(r"```sh\n(.*?)```", README.read_text(), re.DOTALL)
    (commands,) = (block for block in blocks if "lb-peer-b" in block)
    return str(commands.replace("$PWD/.landbridge", str(state)).replace(".landbridge", str(state)))


def active(api: Api) -> set[str]:
    return {each["name"] for each in api.list(CONNECTION) if each["status"] == "ACTIVE"}


def started_again(run: MakeRun, command: str, before: int) -> bool:
    try:
        return run.pid(command) != before
    except (ClientError, LabError):
        return False


def demo(api: Api) -> Resource:
    (found,) = api.list(CONNECTION, name="demo")
    return found


def run_printed_curl(words: str) -> dict[str, dict[str, object]]:
    (line,) = (line.strip() for line in words.splitlines() if line.strip().startswith("curl "))
    done = subprocess.run(
        ["sh", "-c", f"{line} -f"], capture_output=True, text=True, check=True, timeout=10
    )
    answer: dict[str, dict[str, object]] = json.loads(done.stdout)
    return answer


@dataclass(frozen=True)
class Made:
    """Names of what stands on the machine for the objects of the lab."""

    router: Host
    bridges: tuple[str, ...]
    charons: tuple[int, ...]  # ours and the peer's


def names_made(api: Api) -> Made:
    (found,) = api.list("router")
    router = Host(f"lbr-{UUID(found['id']).hex[:12]}")
    bridges = (sites.bridge_of(network["id"]) for network in api.list("network"))
    charons = (*router.charons(), *Host(sites.PEER_B).charons())
    return Made(router, tuple(sorted(bridges)), charons)


def leftovers(run: MakeRun, made: Made) -> list[str]:
    """What is still there of a run that has ended: namespaces, links, processes."""
    namespaces = (made.router, *(Host(n) for n in (sites.SITE_A, sites.SITE_B, sites.PEER_B)))
    return [
        *(host.name for host in namespaces if host.exists()),
        *(bridge for bridge in made.bridges if hosts.link_exists(bridge)),
        *(f"charon {pid}" for pid in made.charons if name_of(pid).startswith("charon")),
        *processes_of(run.state),
    ]


def name_of(pid: int) -> str:
    """Empty for a process that has ended, whether it has been reaped already or not."""
    try:
        name, _, rest = Path(f"/proc/{pid}/stat").read_text().partition("(")[2].rpartition(") ")
    except (FileNotFoundError, ProcessLookupError):
        return ""
    return "" if rest.startswith(("Z", "X")) else name


def processes_of(state: Path) -> Iterator[str]:
    """Command lines that name this state directory."""
    for process in Path("/proc").glob("[0-9]*"):
        try:
            told = (process / "cmdline").read_bytes()
        except (FileNotFoundError, ProcessLookupError):
            continue
        if os.fsencode(state) in told:
            yield told.replace(b"\0", b" ").decode(errors="replace")
