"""What the scripts do where the world is not as they would like it, with the real apt and uv.

apt has a root, a repository and locks of its own here; the packages in it are empty.
"""

from __future__ import annotations

import fcntl
import hashlib
import http.server
import json
import os
import re
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import pytest

ROOT = Path(__file__).parents[2]
DEADLINE = 60.0  # seconds


class Apt:
    """A package world in one directory, with nothing installed in it."""

    def __init__(self, place: Path) -> None:
        self.place = place
        self.status = place / "dpkg" / "status"
        self.lists = place / "state" / "lists"
        self.archives = place / "cache" / "archives"
        for each in ("root", "etc", "dpkg/info", "dpkg/updates", "state/lists/partial"):
            (place / each).mkdir(parents=True)
        (self.archives / "partial").mkdir(parents=True)
        self.status.write_text("")
        (place / "dpkg" / "available").write_text("")
        repository = place / "repository"
        repository.mkdir()
        packages = [_package(repository, name) for name in _wanted()]
        (repository / "Packages").write_text("\n".join(packages))
        (place / "sources.list").write_text(f"deb [trusted=yes] file:{repository} ./\n")
        self.configuration = place / "apt.conf"
        self.configuration.write_text(
            f'Dir::Etc "{place}/etc/"; Dir::Etc::sourcelist "{place}/sources.list";\n'
            f'Dir::State "{place}/state/"; Dir::State::status "{self.status}";\n'
            f'Dir::Cache "{place}/cache/"; APT::Architecture "amd64";\n'
            f'Dpkg::Options {{ "--root={place}/root"; "--admindir={place}/dpkg";\n'
            '  "--force-script-chrootless"; "--force-not-root"; "--no-triggers"; };\n'
            'APT::Sandbox::User "root"; Dir::Log "/dev/null"; Dir::Log::Terminal "";\n'
            'Dir::Log::History "";\n'
        )

    def install(self) -> subprocess.Popen[str]:
        env = os.environ | {
            "APT_CONFIG": str(self.configuration),
            "DPKG_ADMINDIR": str(self.status.parent),
        }
        return subprocess.Popen(
            [ROOT / "scripts" / "packages", "run"], cwd=self.place, env=env, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip

    def installed(self) -> set[str]:
        command = ["dpkg-query", f"--admindir={self.status.parent}", "-W", "-f", "${Package}\n"]
        return set(subprocess.check_output(command, text=True).split())


def _wanted() -> list[str]:
    script = (ROOT / "scripts" / "packages").read_text()
    found = re.search(r'^run="([^"]+)"', script, re.MULTILINE)
    assert found
    return found[1].split()


def _package(repository: Path, name: str) -> str:
    """Build an empty package; its paragraph of the index."""
    tree = repository / name
    (tree / "DEBIAN").mkdir(parents=True)
    control = (
        f"Package: {name}\nVersion: 1\nArchitecture: all\nMaintainer: nobody <n@example.com>\n"
        "Description: nothing\n"
    )
    (tree / "DEBIAN" / "control").write_text(control)
    file = repository / f"{name}.deb"
    subprocess.run(["dpkg-deb", "--build", "-Znone", tree, file], check=True, capture_output=True)
    content = file.read_bytes()
    digest = hashlib.sha256(content).hexdigest()
    return f"{control}Filename: ./{file.name}\nSize: {len(content)}\nSHA256: {digest}\n"


@contextmanager
def held(path: Path) -> Iterator[IO[str]]:
    """A lock as another apt or dpkg holds it."""
    with path.open("w") as file:
        fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield file


def line_of(process: subprocess.Popen[str], words: str) -> None:
    assert process.stdout is not None
    said = []
    for line in process.stdout:
        said.append(line)
        if words in line:
            return
    pytest.fail(f"it ended with {process.wait()}: {said}")


@pytest.mark.parametrize("which", ["dpkg", "lists", "archives"])
def test_packages_wait_for_another_program_that_installs(tmp_path: Path, which: str) -> None:
    apt = Apt(tmp_path)
    lock = {
        "dpkg": apt.status.parent / "lock-frontend",
        "lists": apt.lists / "lock",
        "archives": apt.archives / "lock",
    }[which]
    with held(lock):
        process = apt.install()
        line_of(process, "waiting for another program")
        assert process.poll() is None
    said, _ = process.communicate(timeout=DEADLINE)
    assert process.returncode == 0, said
    assert apt.installed() == set(_wanted())


def test_packages_that_are_there_need_nothing(tmp_path: Path) -> None:
    apt = Apt(tmp_path)
    said, _ = (process := apt.install()).communicate(timeout=DEADLINE)
    assert process.returncode == 0, said
    with held(apt.status.parent / "lock-frontend"), held(apt.lists / "lock"):
        said, _ = (process := apt.install()).communicate(timeout=DEADLINE)
    assert (process.returncode, said) == (0, "")


def test_packages_that_cannot_be_had_are_told_in_apts_words(tmp_path: Path) -> None:
    apt = Apt(tmp_path)
    (tmp_path / "repository" / "Packages").write_text("")
    said, _ = (process := apt.install()).communicate(timeout=DEADLINE)
    assert process.returncode != 0
    assert "Unable to locate package" in said
    assert "waiting" not in said


class Advisories(http.server.BaseHTTPRequestHandler):
    """Speaks as osv.dev does; `bad` has a vulnerability."""

    bad = ""

    def do_POST(self) -> None:
        queries = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["queries"]
        found = {"vulns": [{"id": "PYSEC-2099-1", "modified": "2099-01-01T00:00:00Z"}]}
        self._answer(
            {"results": [found if q["package"]["name"] == self.bad else {} for q in queries]}
        )

    def do_GET(self) -> None:
        self._answer(
            {
                "id": "PYSEC-2099-1",
                "modified": "2099-01-01T00:00:00Z",
                "summary": "It lets everybody in",
                "affected": [{"package": {"name": self.bad, "ecosystem": "PyPI"}}],
            }
        )

    def _answer(self, content: object) -> None:
        body = json.dumps(content).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Nothing."""


def audit(url: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [ROOT / "scripts" / "audit"], cwd=ROOT, env=os.environ | {"AUDIT_URL": url}, text=True,
        capture_output=True, check=False,
    )  # fmt: skip


@contextmanager
def advisories(bad: str) -> Iterator[str]:
    handler = type("Handler", (Advisories,), {"bad": bad})
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


def test_a_known_vulnerability_is_printed_and_is_code_1() -> None:
    with advisories("msgspec") as url:
        done = audit(url)
    assert done.returncode == 1, done.stderr
    assert "msgspec" in done.stdout
    assert "It lets everybody in" in done.stdout


def test_none_known_is_code_0() -> None:
    with advisories("no-such-package") as url:
        assert audit(url).returncode == 0


def test_advisories_that_cannot_be_reached_are_one_line_and_code_69() -> None:
    with advisories("") as url:
        pass  # nobody listens there any more
    done = audit(url)
    assert done.returncode == 69
    [line] = done.stderr.splitlines()
    assert "nothing was checked" in line


def test_make_clean_takes_what_make_run_keeps_but_not_while_it_runs(tmp_path: Path) -> None:
    (tmp_path / "Makefile").write_text((ROOT / "Makefile").read_text())
    kept, elsewhere = tmp_path / ".landbridge", tmp_path / "elsewhere"
    for directory in (kept, elsewhere):
        directory.mkdir()
        (directory / "landbridge.db").touch()
    environment = os.environ | {"LANDBRIDGE_STATE_DIR": str(elsewhere)}

    def clean() -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["make", "clean"], cwd=tmp_path, env=environment, capture_output=True, text=True,
            check=False,
        )  # fmt: skip

    with (kept / "serve.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        refused = clean()
        assert refused.returncode != 0
        assert "stop it first" in refused.stderr
        assert (kept / "landbridge.db").exists()
    assert clean().returncode == 0
    assert not kept.exists()
    assert (elsewhere / "landbridge.db").exists()
