"""What commands print, in which form, with which exit code; and that readers make nothing."""

from __future__ import annotations

import importlib
import json
import os
import shutil
import subprocess
import sys
import threading
from functools import partial
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from landbridge import client
from landbridge.auth import gateways, local_tokens
from landbridge.cli import exits
from landbridge.cli.exits import Exit
from tests.environments.processes import free_port
from tests.unit.commandline import add, run, write

READERS = (
    ("token", "list"),
    ("gateway", "list"),
    ("db", "current"),
    ("token", "revoke", "x"),
    ("gateway", "revoke", "x"),
    ("db", "restored"),
    ("db", "forget-key", "x"),
)
LONG = "a name that is longer than any column of a terminal would be " * 4


@pytest.fixture(scope="module")
def filled(empty_state: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    state = Path(shutil.copytree(empty_state, tmp_path_factory.mktemp("filled") / "state"))
    add(state, LONG[:250])
    add(state, "over", expires_at=1)
    gateway = partial(gateways.add, secret=local_tokens.new_secret(), gateway_id="site 1")
    write(state, gateway)
    return state


def files(state: Path) -> dict[str, tuple[int, int]]:
    return {str(path): (path.stat().st_mtime_ns, path.stat().st_size) for path in state.rglob("*")}


LISTS = (
    ("token", "list"), ("gateway", "list"), ("db", "current"), ("config", "show"),
)  # fmt: skip


@pytest.mark.parametrize("command", LISTS, ids=" ".join)
def test_json_is_one_document_whose_keys_are_the_columns(
    filled: Path, command: tuple[str, ...]
) -> None:
    told = run(*command, "--json", "--state-dir", filled)
    assert told.exit_code == 0
    assert told.stderr == ""
    found = json.loads(told.stdout)
    records = found if isinstance(found, list) else [found]
    [keys] = {tuple(record) for record in records}
    assert run(*command, "-f", "json", "--state-dir", filled).stdout == told.stdout
    chosen = run(*command, "--json", "-c", keys[1].upper(), "-c", keys[0], "--state-dir", filled)
    first = json.loads(chosen.stdout)
    assert tuple(first[0] if isinstance(first, list) else first) == keys[:2]
    wrong = run(*command, "-c", "nonsense", "--state-dir", filled)
    assert wrong.exit_code == Exit.MEND
    assert ", ".join(keys) in wrong.stderr


@pytest.mark.parametrize("command", LISTS, ids=" ".join)
def test_in_a_pipe_nothing_is_cut_and_nothing_hangs_over(
    filled: Path, command: tuple[str, ...]
) -> None:
    told = run(*command, "--state-dir", filled, COLUMNS="40")
    lines = told.stdout.splitlines()
    assert lines == [each.rstrip() for each in lines]
    assert "…" not in told.stdout
    assert "\x1b" not in told.stdout
    found = json.loads(run(*command, "--json", "--state-dir", filled).stdout)
    for record in found if isinstance(found, list) else [found]:
        strings = [each.rstrip() for each in record.values() if isinstance(each, str)]
        assert any(all(each in line for each in strings) for line in lines) or len(strings) > 3


def test_values_are_bare(filled: Path) -> None:
    def told(*columns: str) -> set[str]:
        chosen = [part for column in columns for part in ("-c", column)]
        output = run("token", "list", "-f", "value", *chosen, "--state-dir", filled).stdout
        return set(output.splitlines())

    assert told("name", "state") == {
        f"{LONG[:250]} valid", "over expired", "gateway site 1 valid"
    }  # fmt: skip
    assert told("expires_at") == {"None", "1970-01-01T00:00:01Z"}
    assert told("Roles") == {"member,reader", "landbridge-agent"}


def test_two_formats_exclude_each_other(filled: Path) -> None:
    told = run("token", "list", "--json", "-f", "value", "--state-dir", filled)
    assert told.exit_code == Exit.MEND


def test_a_full_disk_behind_stdout_is_a_line(filled: Path) -> None:
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "landbridge", "config", "show", f"--state-dir={filled}"],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert done.returncode == Exit.LATER
    assert done.stderr.splitlines()[-1] == (
        "landbridge: stdout cannot be written: No space left on device"
    )


def test_an_empty_list_is_a_sentence_for_people_and_empty_for_programs(empty_state: Path) -> None:
    for noun, words in (("token", "There are no tokens."), ("gateway", "There are no gateways.")):
        assert run(noun, "list", "--state-dir", empty_state).stdout == f"{words}\n"
        assert run(noun, "list", "--json", "--state-dir", empty_state).stdout == "[]\n"
        assert run(noun, "list", "-f", "value", "--state-dir", empty_state).stdout == ""


@pytest.mark.parametrize("command", READERS, ids=" ".join)
def test_what_reads_makes_nothing(command: tuple[str, ...], tmp_path: Path) -> None:
    told = run(*command, "--state-dir", tmp_path / "state")
    assert told.exit_code == Exit.NOT_FOUND
    [line] = told.stderr.splitlines()
    assert str(tmp_path / "state" / "landbridge.db") in line
    assert "--state-dir" in line
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "landbridge.db").touch()  # no database either
    assert run(*command, "--state-dir", tmp_path).exit_code == Exit.NOT_FOUND
    assert [each.name for each in tmp_path.iterdir()] == ["landbridge.db"]


@pytest.mark.parametrize("command", LISTS, ids=" ".join)
def test_what_reads_changes_nothing(filled: Path, command: tuple[str, ...]) -> None:
    before = files(filled)
    assert run(*command, "--state-dir", filled).exit_code == 0
    assert files(filled) == before


def test_clients_make_nothing_and_tell_what_is_missing(tmp_path: Path) -> None:
    state = tmp_path / "state"
    away = f"--url=http://127.0.0.1:{free_port()}"
    for command in (("doctor", "x"), ("plan", "router", "x", "name=y")):
        missing = run(*command, "--state-dir", state)
        assert missing.exit_code == Exit.NO_ACCESS
        assert str(state / "admin-token") in missing.stderr
        assert list(tmp_path.iterdir()) == []
        token = tmp_path / "token"
        token.write_text("lbt_x\n")
        told = run(*command, away, "--token-file", token, "--state-dir", state)
        assert told.exit_code == Exit.AWAY
        assert "does not answer" in told.stderr
        for url in ("nonsense", "http://[", "ftp://x"):
            told = run(*command, "--url", url, "--token-file", token, "--state-dir", state)
            assert told.exit_code == Exit.AWAY
            assert told.stderr.count("\n") == 1
        token.unlink()


class Somebody(BaseHTTPRequestHandler):
    """A web server that is no API."""

    def do_GET(self) -> None:
        body = b"<html>hello</html>"
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        pass


def test_another_server_is_told_from_the_api(tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text("lbt_x\n")
    with HTTPServer(("127.0.0.1", 0), Somebody) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        url = f"http://127.0.0.1:{server.server_port}"
        told = run("doctor", "x", "--url", url, "--token-file", token, "--state-dir", tmp_path)
        server.shutdown()
        thread.join()
    assert told.exit_code == Exit.AWAY
    assert told.stderr == (
        f"landbridge: {url} is not landbridge's API: its answer is no JSON object\n"
    )


def test_an_older_schema_is_told_and_left(state: Path) -> None:
    write(state, lambda tx: tx.exec_driver_sql("UPDATE alembic_version SET version_num = '0001'"))
    told = json.loads(run("db", "current", "--json", "--state-dir", state).stdout)
    assert (told["schema"], told["state"]) == ("0001", "older")
    listed = run("token", "list", "--state-dir", state)
    assert listed.exit_code == Exit.MEND
    assert "landbridge db upgrade" in listed.stderr


def test_every_known_error_is_there() -> None:
    for name, code in exits._BY_CLASS.items():
        module, _, attribute = name.rpartition(".")
        error = getattr(importlib.import_module(module), attribute)("words")
        told = exits.failure(error)
        assert told is not None
        assert (told.exit_code, told.message) == (code, "words")
    assert exits.failure(KeyError("x")) is None


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (400, Exit.REFUSED),
        (401, Exit.NO_ACCESS),
        (403, Exit.NO_ACCESS),
        (404, Exit.NOT_FOUND),
        (409, Exit.REFUSED),
        (412, Exit.REFUSED),
        (429, Exit.AWAY),
        (500, Exit.AWAY),
        (503, Exit.AWAY),
    ],
)
def test_what_the_api_answers_has_its_kind(status: int, code: Exit) -> None:
    told = exits.failure(client.ApiError(status, "words"))
    assert told is not None
    assert told.exit_code == code


WRONG = (
    (), ("--help",), ("--version",), ("nonsense",), ("token", "create"), ("token", "nonsense"),
    ("plan",), ("doctor",), ("serve", "-h"), ("config", "show", "-h"), ("agent", "--help"),
    ("gateway", "add", "--help"), ("db", "current", "-f", "yaml"),
)  # fmt: skip
COUNT = """
import json, sys
from landbridge.cli.main import cli
for arguments in json.loads(sys.argv[1]):
    try:
        cli(arguments, prog_name="landbridge")
    except SystemExit as error:
        print(arguments, error.code)
heavy = ("sqlalchemy", "rich", "oslo_config", "structlog", "msgspec", "httpx2", "asyncio")
print(sorted(set(heavy) & set(sys.modules)))
"""


def test_help_and_a_wrong_line_load_nothing() -> None:
    done = subprocess.run(
        [sys.executable, "-c", COUNT, json.dumps(WRONG)],
        capture_output=True,
        text=True,
        check=True,
    )
    codes = {line for line in done.stdout.splitlines() if line.startswith("[")}
    assert "[] 2" in codes
    assert "['token', 'create'] 2" in codes
    assert done.stdout.splitlines()[-1] == "[]"


def test_what_is_offered_means_something() -> None:
    for command in (("agent",), ("db", "upgrade"), ("token", "create"), ("doctor",), ("plan",)):
        told = run(*command, "--help").stdout
        assert "--bind" not in told
        assert "--config" in told
    for command in (("serve",), ("api",), ("config", "show")):
        assert "--bind" in run(*command, "-h").stdout
    assert "_LANDBRIDGE_COMPLETE=bash_source" in run("--help").stdout
    assert run("--version").stdout == run("version").stdout


def test_a_shell_is_told_formats_and_columns() -> None:
    environment = os.environ | {
        "_LANDBRIDGE_COMPLETE": "bash_complete",
        "COMP_WORDS": "landbridge token list -c ",
        "COMP_CWORD": "4",
    }
    done = subprocess.run(
        [sys.executable, "-c", "from landbridge.cli.main import main; main()"],
        capture_output=True,
        text=True,
        check=False,
        env=environment,
    )
    assert "plain,expires_at" in done.stdout.splitlines()
