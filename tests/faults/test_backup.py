"""Backup and the way back, by docs/operations.md to the letter: the commands of its blocks, with
the paths that they name, in a mount namespace of their own."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from landbridge.agent.dataplane.names import namespace_name
from landbridge.lab.hosts import Host
from tests.environments.databases import Databases
from tests.environments.landbridge import Landbridge, running, with_tokens
from tests.environments.processes import free_port
from tests.faults.service import Service, until

pytestmark = pytest.mark.gateway  # mounts
ROOT: Final = Path(__file__).parents[2]
GUIDE: Final = ROOT / "docs/operations.md"
SECTION: Final = "## State: what must be kept together, backup and restore"
PROGRAMS: Final = f"{ROOT}/.venv/bin:/usr/sbin:/usr/bin:/sbin:/bin"
URL: Final = "postgresql://landbridge@db/landbridge"
IN_STEP: Final = "in step with the server"
#: Below /var there is nothing but what the guide names.
PLACES: Final = """
mount -t tmpfs none /var
mkdir -p /var/lib/landbridge /var/backups
mount --bind "$1" /var/lib/landbridge
mount --bind "$2" /var/backups
exec sh -ec "$3"
"""


class Operator:
    """Who runs the guide's commands."""

    def __init__(self, state: Path, backups: Path) -> None:
        self._state = state
        self._backups = backups
        backups.mkdir()

    def sh(self, commands: str) -> str:
        done = subprocess.run(
            ["unshare", "--mount", "sh", "-ec", PLACES, "sh", self._state, self._backups, commands],
            capture_output=True,
            text=True,
            check=False,
            env={"PATH": PROGRAMS},
        )
        assert done.returncode == 0, f"{commands}\n{done.stdout}{done.stderr}"
        return done.stdout


def blocks() -> list[str]:
    text = GUIDE.read_text().split(f"\n{SECTION}\n")[1].split("\n## ")[0]
    return re.findall(r"```sh\n(.*?)```", text, re.DOTALL)


def test_the_guide_has_four_blocks() -> None:
    assert len(blocks()) == 4


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    service = Service(tmp_path / "state", free_port())
    try:
        yield service
    finally:
        service.stop()


def test_sqlite_and_what_gateways_do_then(service: Service, tmp_path: Path) -> None:
    backup, restore, *_ = blocks()
    host = Operator(service.state, tmp_path / "backups")
    kept, directory = service.create_router()
    (charon,) = Host(namespace_name(kept)).charons()
    host.sh(backup)  # while it runs
    late, gone = service.create_router()
    modes = {path.name: path.stat().st_mode & 0o77 for path in (tmp_path / "backups").rglob("*.*")}
    assert modes == {"landbridge.db": 0, "secret.key": 0}

    stop, *between, start = restore.strip().splitlines()
    assert stop.startswith("systemctl stop landbridge-api ")
    assert start == "systemctl start landbridge-api"
    service.stop()
    host.sh("\n".join(between))
    again = Service(service.state, service.port)
    try:
        until("it is followed", lambda: IN_STEP in again.events())
        assert {each["id"] for each in again.http.get("/routers").json()["routers"]} == {kept}
        until("what came after the backup is gone", lambda: not gone.exists())
        assert not Host(namespace_name(late)).exists()
        assert Host(namespace_name(kept)).charons() == [charon]
        assert directory.exists()
        assert (service.state / "landbridge.db").stat().st_mode & 0o77 == 0
        again.delete_router(kept)
    finally:
        again.stop()


def test_postgresql(databases: Databases, tmp_path: Path) -> None:
    *_, backup, restore = blocks()
    state = tmp_path / "state"
    state.mkdir()
    host = Operator(state, tmp_path / "backups")
    with databases.empty("postgresql") as url:

        def here(commands: str) -> str:
            """Another database's address, and another file of ours that says so."""
            return commands.replace(URL, url).replace("/etc/landbridge", "/var/lib/landbridge")

        with running(state, with_tokens(url)) as api:
            _create(api, "kept")
            host.sh(here(backup))
            _create(api, "after")
        assert "The database is" in host.sh(here(restore))
        with running(state, with_tokens(url)) as api:
            assert _names(api) == {"kept"}


def _create(api: Landbridge, name: str) -> None:
    with api.client(api.admin_token) as client:
        body = {"network": {"name": name}}
        assert client.post("/networks", json=body).status_code == 201


def _names(api: Landbridge) -> set[str]:
    with api.client(api.admin_token) as client:
        return {each["name"] for each in client.get("/networks").json()["networks"]}
