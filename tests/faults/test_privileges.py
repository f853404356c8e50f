"""`landbridge serve`, started by root: its API has no privileges, and leads no process of root's.

The system user landbridge is made by `scripts/packages`.
"""

from __future__ import annotations

import os
import pwd
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import pytest

from landbridge.agent.dataplane.names import namespace_name
from landbridge.client import Api, ClientError
from landbridge.lab.hosts import Host, wait_until
from landbridge.lab.patience import patient
from tests.environments import postgresql
from tests.environments.processes import free_port
from tests.environments.units import with_capabilities_of
from tests.faults.service import Service, command

pytestmark = pytest.mark.gateway
USER: Final = pwd.getpwnam("landbridge")
NOTHING: Final = "0" * 16
MAY_PASS: Final = f"{1 << 2:016x}"  # CAP_DAC_READ_SEARCH alone
PATIENCE: Final = patient(20.0)  # seconds
API_FILES: Final = ("landbridge.db", "secret.key", "admin-token", "agent-token")


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    service = Service(tmp_path / "state", free_port())
    yield service
    service.stop()


def status_of(pid: int) -> dict[str, str]:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return {name: value.strip() for name, _, value in (line.partition(":") for line in lines)}


def owners(state: Path) -> set[int]:
    return {(state / name).stat().st_uid for name in API_FILES}


def refused(state: Path, *changed: str) -> str:
    """What `landbridge serve` says that does not start."""
    done = subprocess.run(
        [*command(state, free_port()), *changed],
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE,
    )
    assert done.returncode == 2
    return done.stderr


def test_the_api_is_a_user_without_capabilities_and_the_agent_goes_on(service: Service) -> None:
    api = status_of(service.pid("api"))
    assert api["Uid"].split() == [str(USER.pw_uid)] * 4
    assert api["Gid"].split() == [str(USER.pw_gid)] * 4
    for kind in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"):
        assert api[kind] == NOTHING
    assert api["NoNewPrivs"] == "1"
    assert status_of(service.pid("agent"))["Uid"].split()[0] == "0"
    service.kill("api")
    wait_until(
        lambda: status_of(service.pid("api"))["CapEff"] == NOTHING, PATIENCE, "root is given up"
    )
    router, _ = service.create_router()
    assert Host(namespace_name(router)).charons()
    service.delete_router(router)


def test_the_capabilities_of_its_unit_suffice(tmp_path: Path) -> None:
    granted = with_capabilities_of("landbridge.service")
    service = Service(tmp_path / "state", free_port(), before=granted)
    try:
        assert status_of(service.pid("api"))["Uid"].split()[0] == str(USER.pw_uid)
        router, _ = service.create_router()
        service.kill("api")
        service.delete_router(router)
    finally:
        service.stop()


def test_the_apis_user_cannot_reach_what_the_agent_keeps(service: Service) -> None:
    state, agent = service.state, service.state / "agent"
    found = state.stat()
    assert (found.st_uid, found.st_gid) == (0, USER.pw_gid)
    assert stat.S_IMODE(found.st_mode) == 0o1770
    assert owners(state) == {USER.pw_uid}
    # pytest's own directories are closed to others: what is tried is tried from within
    inside = ("env", "-C", str(state))
    with_group = ("setpriv", f"--reuid={USER.pw_uid}", f"--regid={USER.pw_gid}", "--clear-groups")

    def tried(*argv: str) -> int:
        line = [*inside, *with_group, *argv]
        return subprocess.run(line, capture_output=True, check=False).returncode

    assert tried("touch", "new") == 0
    for argv in (
        ("mv", "agent", "elsewhere"),
        ("ls", "agent"),
        ("touch", "agent/new"),
        ("cat", "agent/epoch"),
        ("mv", "serve.lock", "elsewhere"),
        ("rm", "-f", "serve.lock"),
    ):
        assert tried(*argv) != 0, argv
    assert agent.is_dir()


def test_state_of_a_release_before_changes_hands_and_back(tmp_path: Path) -> None:
    state, port = tmp_path / "state", free_port()
    configuration = tmp_path / "landbridge.conf"
    configuration.write_text("[DEFAULT]\nuser =\n")
    environment = dict(os.environ)
    as_root = environment | {"LANDBRIDGE_CONFIG": str(configuration)}
    made = []
    for each, owner in ((as_root, 0), (environment, USER.pw_uid), (as_root, 0)):
        service = Service(state, port, environment=each)
        try:
            made.append(service.create_network("kept")["id"])
            listed = {found["id"] for found in service.http.get("/networks").json()["networks"]}
            assert set(made) <= listed
            assert owners(state) == {owner}
            api = status_of(service.pid("api"))
            assert (api["Uid"].split()[0], api["CapEff"]) == (str(owner), NOTHING)
            said = [fact for fact in service.facts() if "root's uid" in str(fact.get("event"))]
            assert [fact["reason"] for fact in said] == (
                ["[DEFAULT] user is empty"] if owner == 0 else []
            )
        finally:
            service.stop()


def test_commands_of_root_leave_files_that_the_api_can_use(tmp_path: Path) -> None:
    state = tmp_path / "state"
    argv = [sys.executable, "-m", "landbridge", "token"]
    where = f"--state-dir={state}"
    subprocess.run([*argv, "create", "--project=p", where], check=True, capture_output=True)
    before = sorted(each.name for each in state.iterdir())
    subprocess.run([*argv, "list", where], check=True, capture_output=True)
    assert sorted(each.name for each in state.iterdir()) == before
    assert {each.stat().st_uid for each in state.iterdir() if each.is_file()} == {USER.pw_uid}
    service = Service(state, free_port())
    service.stop()


def test_the_closed_directory_of_a_databases_socket_keeps_roots_uid(tmp_path: Path) -> None:
    configuration = tmp_path / "landbridge.conf"
    with postgresql.cluster() as cluster:
        configuration.write_text(f"[database]\nurl = {cluster.url(cluster.create())}\n")
        for mode, uid in ((0o700, 0), (0o755, USER.pw_uid)):
            cluster.directory.chmod(mode)
            environment = os.environ | {"LANDBRIDGE_CONFIG": str(configuration)}
            service = Service(tmp_path / "state", free_port(), environment=environment)
            try:
                service.create_network("kept")
                api = status_of(service.pid("api"))
                assert api["Uid"].split()[0] == str(uid)
                assert api["CapEff"] == (MAY_PASS if uid == 0 else NOTHING)
            finally:
                service.stop()


@pytest.mark.parametrize(
    ("user", "before", "words"),
    [
        ("root", (), "is root"),
        ("nobody-of-that-name", (), "there is no user"),
        ("landbridge", ("setpriv", "--bounding-set", "-setuid,-setgid"), "CAP_SETUID"),
    ],
    ids=["root", "nobody", "may-not"],
)
def test_where_root_cannot_be_given_up_its_capabilities_are(
    tmp_path: Path, user: str, before: tuple[str, ...], words: str
) -> None:
    configuration = tmp_path / "landbridge.conf"
    configuration.write_text(f"[DEFAULT]\nuser = {user}\n")
    environment = os.environ | {"LANDBRIDGE_CONFIG": str(configuration)}
    service = Service(tmp_path / "state", free_port(), before=before, environment=environment)
    try:
        service.create_network("made")
        api = status_of(service.pid("api"))
        assert (api["Uid"].split()[0], api["CapEff"], api["CapBnd"]) == ("0", NOTHING, NOTHING)
        told = [str(fact.get("reason")) for fact in service.facts()]
        assert any(words in each for each in told)
    finally:
        service.stop()


Plant = Callable[[Path, Path], None]


def link(name: str) -> Plant:
    def plant(state: Path, target: Path) -> None:
        (state / name).symlink_to(target)
        os.chown(state / name, USER.pw_uid, USER.pw_gid, follow_symlinks=False)

    return plant


def directory(name: str) -> Plant:
    def plant(state: Path, target: Path) -> None:
        (state / name).mkdir()
        os.chown(state / name, USER.pw_uid, USER.pw_gid)

    return plant


@pytest.mark.parametrize(
    ("plant", "words"),
    [
        (link("serve.lock"), "symbolic link"),
        (link("agent"), "no directory"),
        (directory("agent"), "belongs to another user"),
    ],
    ids=["lock", "agent-link", "agent-directory"],
)
def test_what_the_api_has_planted_leads_root_nowhere(
    tmp_path: Path, plant: Plant, words: str
) -> None:
    state, target = tmp_path / "state", tmp_path / "target"
    state.mkdir()
    os.chown(state, 0, USER.pw_gid)
    state.chmod(0o1770)
    plant(state, target)
    said = refused(state)
    assert words in said
    assert len(said.strip().splitlines()) == 1
    assert not target.exists()


def test_a_planted_token_is_not_read(service: Service, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("of root alone\n")
    token = service.state / "agent-token"
    token.unlink()
    link("agent-token")(service.state, secret)
    service.kill("agent")

    def told() -> bool:
        return any("symbolic link" in str(fact.get("reason")) for fact in service.facts())

    wait_until(told, PATIENCE, "the agent says why it reads no token")


def test_a_planted_token_of_the_administrator_is_sent_to_nobody(service: Service) -> None:
    token = service.state / "admin-token"
    token.unlink()
    link("admin-token")(service.state, service.state / "serve.lock")
    with pytest.raises(ClientError, match="symbolic link"):
        Api.opened(f"http://127.0.0.1:{service.port}", token)
    argv = [sys.executable, "-m", "landbridge", "doctor", f"--state-dir={service.state}", "x"]
    done = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=PATIENCE)
    assert done.returncode != 0
    assert "symbolic link" in done.stderr
