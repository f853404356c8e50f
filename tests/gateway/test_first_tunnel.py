"""docs/first-tunnel.md to the letter: each of its three ways, until packets come through.

The blocks run on a machine of their own, as its names and addresses are fixed; beside them there is
nothing but `landbridge serve` and the `openstack` program.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Final

import pytest

from landbridge.lab.hosts import wait_until
from landbridge.lab.patience import patient
from tests import dataplane
from tests.environments.machine import Machine
from tests.environments.pages import Page
from tests.environments.processes import Server

pytestmark = pytest.mark.gateway
ROOT: Final = Path(__file__).parents[2]
PAGE: Final = Page("first-tunnel.md")
PYTHON: Final = sys.executable
SCRIPT: Final = ROOT / "tests/clients/openstack_service.py"
GUIDE: Final = Page("operations.md")
WITH_OPENSTACK: Final = "Our side, with `openstack`"
WITH_CURL: Final = "The same with curl"
WITH_SDK: Final = "The same with the Python SDK"
#: How a person puts a block into effect.
WAYS: Final = {
    WITH_OPENSTACK: "sh",
    WITH_CURL: "sh",
    WITH_SDK: "python",
}


class Person:
    """A shell on the machine, in the directory where `make run` was typed."""

    def __init__(self, machine: Machine, directory: Path) -> None:
        self._machine = machine
        self._directory = directory

    def sh(self, *blocks: str) -> str:
        """Blocks typed one after the other; each command must work."""
        return self._run("sh", "-ec", "\n".join(blocks))

    def python(self, text: str) -> None:
        self._run(PYTHON, "-c", text)

    def _run(self, *argv: str) -> str:
        done = subprocess.run(
            self._machine.argv(self._directory, *argv),
            env=os.environ | {"PATH": f"{self._directory}/bin:{os.environ['PATH']}"},
            capture_output=True,
            text=True,
            check=False,
            timeout=patient(120),
        )
        assert done.returncode == 0, f"{argv[-1]}\n{done.stdout}{done.stderr}"
        return done.stdout


@pytest.fixture(scope="module")
def person(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Person]:
    directory = tmp_path_factory.mktemp("first")
    with ExitStack() as ends:
        machine = Machine()
        ends.callback(machine.close)
        openstack = _openstack(machine, directory)
        ends.callback(openstack.kill)
        state = directory / ".landbridge"
        serve = machine.argv(directory, PYTHON, "-m", "landbridge", "serve", f"--state-dir={state}")
        server = Server(serve, directory / "log", os.environ | dataplane.environment(directory))
        ends.callback(server.kill)
        server.wait_until(lambda: '"event":"ready"' in server.log.read_text(), deadline=90)
        openstack.wait_until((directory / "openstack.sock").exists, deadline=90)
        yield Person(machine, directory)


def _openstack(machine: Machine, directory: Path) -> Server:
    """The program, by its name; ready as soon as there is the socket."""
    socket = directory / "openstack.sock"
    service = Server(
        machine.argv(directory, PYTHON, str(SCRIPT), str(socket)),
        directory / "openstack.log",
        os.environ | {"PYTHONPATH": str(ROOT)},
    )
    program = directory / "bin/openstack"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec {PYTHON} -SE {SCRIPT} {socket} "$@"\n')
    program.chmod(0o755)
    return service


@pytest.mark.parametrize("way", WAYS)
def test_packets_of_both_networks_come_through(person: Person, way: str, tmp_path: Path) -> None:
    before = PAGE.block("Before")
    if WAYS[way] == "sh":
        person.sh(before, PAGE.block(way))
    else:
        person.python(PAGE.block(way, "python"))
    text = tmp_path / "swanctl.conf"
    text.write_text(PAGE.block("The peer's side: strongSwan's `swanctl.conf`", "conf"))
    person.sh("install -d -m 0700 /run/peer", f"install -m 0600 {text} /run/peer/swanctl.conf")
    person.sh(before, PAGE.block("All of it on one machine"))

    status, *ping = PAGE.block("See it").split("ip netns exec", maxsplit=1)
    shown = json.loads(PAGE.block("See it", "json"))
    wait_until(lambda: json.loads(person.sh(before, status)) == shown, 30, "ACTIVE")
    pings = person.sh("ip netns exec" + ping[0])
    assert pings.count("3 received") == 2

    beside, apart = PAGE.block("Take it away").split("\n\n")
    login, _ = beside.split("\n", maxsplit=1)
    if way == WITH_CURL:
        assert list(Page("api.md").discrepancies(person.sh)) == []
    if way == WITH_SDK:
        ours, theirs = GUIDE.blocks("A new pre-shared key")
        person.sh(ours)
        wait_until(lambda: told(person.sh(before, status)) == "PENDING_UPDATE", 10, "refused")
        person.sh(theirs)
        wait_until(lambda: told(person.sh(before, status)) == "ACTIVE", 30, "ACTIVE, the new key")
    if way == WITH_OPENSTACK:
        beside = f"{login}\n{GUIDE.block('Empty the host')}"

    person.sh(before, beside)
    person.sh(apart)
    left = json.loads(person.sh(before, 'curl -sS -H "X-Auth-Token: $token" $api/v2.0/networks'))
    assert left == {"networks": []}
    wait_until(lambda: person.sh("ip netns list") == "", 20, "the agent takes the router down")


def told(answer: str) -> str:
    return str(json.loads(answer)["status"])


def test_the_calls_are_as_many_as_the_page_says() -> None:
    counted = sum(
        int(number) for number in re.findall(r"^\| .* \| (\d+) \|$", PAGE.text, re.MULTILINE)
    )
    by_openstack = len(re.findall(r"^openstack ", PAGE.block(WITH_OPENSTACK), re.MULTILINE))
    by_curl = len(re.findall(r"\bcall (?:POST|PUT) ", PAGE.block(WITH_CURL)))
    by_sdk = len(re.findall(r"\bnet\.\w+\(", PAGE.block(WITH_SDK, "python")))
    assert counted == by_openstack == by_curl == by_sdk == 15
