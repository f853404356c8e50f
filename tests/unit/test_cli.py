"""The command line: one line for what a person can mend, and the tokens' commands."""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner, Result

from landbridge.auth.local_tokens import LocalTokens
from landbridge.cli import preflight
from landbridge.cli.exits import Exit
from landbridge.cli.main import cli
from landbridge.config.load import load
from landbridge.store.database import Database


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(
        cli, [str(argument) for argument in arguments], prog_name="landbridge"
    )


def mended(result: Result) -> str:
    """The one line of a failure that a person can mend."""
    assert result.exit_code == 2, result.output
    [line] = result.stderr.splitlines()
    assert line.startswith("landbridge: ")
    return line


def test_help_and_version_need_nothing() -> None:
    assert "serve" in run("--help").output
    assert run("version").output.startswith("landbridge ")


def test_a_wrong_configuration_is_one_line(tmp_path: Path) -> None:
    path = tmp_path / "landbridge.conf"
    path.write_text("[auth]\nstrategi = token\n")
    for command in ("serve", "api", "agent"):
        assert "did you mean strategy?" in mended(run(command, "--config", path))


def test_a_missing_file_is_one_line(tmp_path: Path) -> None:
    assert "no such file" in mended(run("serve", "--config", tmp_path / "absent.conf"))


def test_a_state_directory_that_cannot_be_made_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    line = mended(run("db", "upgrade", "--state-dir", tmp_path / "file" / "state"))
    assert "cannot be written" in line
    assert "--state-dir" in line


def test_a_database_that_does_not_answer_is_one_line_and_worth_another_try(tmp_path: Path) -> None:
    path = tmp_path / "landbridge.conf"
    path.write_text("[database]\nurl = postgresql://u:hush@127.0.0.1:1/landbridge\n")
    result = run("db", "upgrade", "--config", path, "--state-dir", tmp_path)
    assert result.exit_code == 1
    [line] = result.stderr.splitlines()
    assert "does not answer" in line
    assert "hush" not in result.output


def test_the_database_is_its_owners_alone(tmp_path: Path) -> None:
    assert run("db", "upgrade", "--state-dir", tmp_path).exit_code == 0
    assert (tmp_path / "landbridge.db").stat().st_mode & 0o777 == 0o600


def test_a_port_in_use_is_one_line(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        bind = f"127.0.0.1:{taken.getsockname()[1]}"
        line = mended(run("api", "--state-dir", tmp_path, "--bind", bind))
    assert bind in line
    assert "--bind" in line


def test_missing_strongswan_is_one_line_with_the_packages(tmp_path: Path) -> None:
    path = tmp_path / "landbridge.conf"
    path.write_text(f"[agent]\ncharon = {tmp_path / 'charon'}\n")
    for command in ("serve", "agent"):
        line = mended(run(command, "--config", path, "--state-dir", tmp_path))
        assert "apt-get install charon-systemd" in line


def test_no_root_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    for command in ("serve", "agent"):
        assert "needs root" in mended(run(command, "--state-dir", tmp_path))


def test_a_missing_program_is_one_line_with_its_package(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "landbridge.conf"
    path.write_text("[agent]\ncharon = /bin/true\n")
    monkeypatch.setenv("PATH", str(tmp_path))
    settings = load(path, state_dir=tmp_path, environment={})
    with pytest.raises(preflight.NotReady, match="apt-get install iproute2"):
        preflight.for_gateway(settings)


def test_a_broken_policy_file_is_one_line(tmp_path: Path) -> None:
    path = tmp_path / "landbridge.conf"
    path.write_text("[oslo_policy]\npolicy_file = policy.yaml\n")
    (tmp_path / "policy.yaml").write_text('"get_vpnservice": "role:reader\n')
    line = mended(run("api", "--config", path, "--state-dir", tmp_path, "--bind", "127.0.0.1:0"))
    assert "HOST:PORT" in line
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    bind = f"127.0.0.1:{port}"
    line = mended(run("api", "--config", path, "--state-dir", tmp_path, "--bind", bind))
    assert "policy.yaml" in line


def test_a_token_is_made_shown_once_listed_and_revoked(tmp_path: Path) -> None:
    state = ("--state-dir", tmp_path)
    made = run(
        "token", "create", "--project", "p1", "--role", "member", "--name", "ci",
        "--expires", "90d", *state,
    )  # fmt: skip
    assert made.exit_code == 0, made.output
    secret = made.stdout.strip()
    db = Database.open(f"sqlite:///{tmp_path / 'landbridge.db'}")
    caller = asyncio.run(LocalTokens(db).authenticate(secret))
    db.close()
    assert (caller.user_id, caller.project_id) == ("ci", "p1")
    assert caller.roles == {"member", "reader"}
    listed = run("token", "list", *state).stdout
    assert "ci" in listed
    assert "p1" in listed
    assert secret not in listed
    assert run("token", "revoke", "ci", *state).exit_code == 0
    assert run("token", "revoke", "ci", *state).exit_code == Exit.NOT_FOUND
    assert "ci" not in run("token", "list", *state).stdout


def test_a_gateways_credential_is_made_once_listed_and_revoked(tmp_path: Path) -> None:
    state = ("--state-dir", tmp_path)
    secret = run("gateway", "add", "site-1", *state).stdout.strip()
    db = Database.open(f"sqlite:///{tmp_path / 'landbridge.db'}")
    caller = asyncio.run(LocalTokens(db).authenticate(secret))
    db.close()
    assert caller.gateway_id == "site-1"
    assert caller.is_agent
    refused = run("gateway", "add", "site-1", *state)
    assert refused.exit_code == Exit.REFUSED
    assert "--replace" in refused.stderr
    assert run("gateway", "add", "site-1", "--replace", *state).stdout.strip() != secret
    listed = run("gateway", "list", *state).stdout
    assert "site-1" in listed
    assert "never seen" in listed
    assert secret not in listed
    assert run("gateway", "revoke", "site-1", *state).exit_code == 0
    assert run("gateway", "revoke", "site-1", *state).exit_code == Exit.NOT_FOUND
    assert "site-1" not in run("gateway", "list", *state).stdout


@pytest.mark.parametrize("name", ["", " x", "x" * 201, "a\nb", "a\0b", "*events", "\udcff"])
def test_a_gateway_cannot_be_called_anything(tmp_path: Path, name: str) -> None:
    for command in ("add", "revoke"):
        result = run("gateway", command, name, "--state-dir", tmp_path)
        assert result.exit_code == 2
        assert "printable" in result.stderr


def test_a_token_for_agents_is_made_by_gateway_add(tmp_path: Path) -> None:
    result = run(
        "token", "create", "--project=p", "--role=landbridge-agent", "--state-dir", tmp_path
    )
    assert result.exit_code == 2
    assert "landbridge gateway add" in result.stderr


@pytest.mark.parametrize("option", ["name", "project", "role"])
@pytest.mark.parametrize("text", ["x" * 256, "a\0b", "\udcff", "a\nb"])
def test_what_no_database_keeps_is_refused_by_the_option(
    tmp_path: Path, option: str, text: str
) -> None:
    given = {"project": "p"} | {option: text}
    options = [f"--{name}={value}" for name, value in given.items()]
    result = run("token", "create", *options, "--state-dir", tmp_path)
    assert result.exit_code == 2
    assert f"--{option}" in result.stderr


@pytest.mark.parametrize("when", ["soon", "-1d", "2001-01-01", "9" * 30 + "d", ""])
def test_a_wrong_expiry_is_refused(tmp_path: Path, when: str) -> None:
    result = run("token", "create", "--project", "p", f"--expires={when}", "--state-dir", tmp_path)
    assert result.exit_code == 2
    assert "--expires" in result.stderr


def test_it_runs_as_a_module(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "landbridge", "serve", "--config", str(tmp_path / "absent")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("bind", ["0.0.0.0:9696", "[::]:9696", "192.0.2.1:9696"])
def test_no_network_is_listened_on_in_clear_by_mistake(tmp_path: Path, bind: str) -> None:
    line = mended(run("api", "--state-dir", tmp_path, "--bind", bind))
    assert "tls_certificate" in line
    assert "allow_plain_http" in line


@pytest.mark.parametrize("bind", ["127.0.0.1:0", "localhost:0", "[::1]:0", "0.0.0.0:0"])
def test_this_host_or_what_a_proxy_reaches_is_listened_on(tmp_path: Path, bind: str) -> None:
    plain = bind.startswith("0")
    path = tmp_path / "landbridge.conf"
    path.write_text(f"[api]\nallow_plain_http = {plain}\n")
    host, _, port = bind.rpartition(":")
    settings = load(path, state_dir=tmp_path, environment={})
    chosen = msgspec.structs.replace(settings, bind_host=host.strip("[]"), bind_port=int(port))
    preflight.listen(chosen).close()
