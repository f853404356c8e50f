"""While no change can be kept `/readyz` says so and why, `/healthcheck` that the process lives.

Real faults: a disk that is full, a file that may not grow, a lock that another process holds, a
database that takes no writes, a writer that has ended. What is only read is answered meanwhile, a
change is 503, and when the fault has gone all of it is as before.
"""

from __future__ import annotations

import resource
import sqlite3
import subprocess
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, closing, contextmanager, suppress
from pathlib import Path
from typing import Any, LiteralString, NamedTuple

import psycopg
import pytest
from psycopg import sql

from tests.api.harness import running_api
from tests.api.remote import Remote, remote
from tests.environments.databases import Databases
from tests.environments.landbridge import running, with_tokens
from tests.hostile.wire import until

POLICIES = "/v2.0/vpn/ikepolicies"
SIZE = 24  # MiB of the disk


@contextmanager
def disk(at: Path) -> Iterator[Path]:
    """A small one of its own."""
    at.mkdir()
    subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={SIZE}m,mode=0700", "landbridge-test", str(at)],
        check=True,
    )
    try:
        yield at
    finally:
        subprocess.run(["umount", "--lazy", str(at)], check=True)


class Place(NamedTuple):
    """A server, and the directory or URL of its database."""

    remote: Remote
    directory: Path
    url: str

    @property
    def pid(self) -> int:
        return self.remote.server.server.process.pid


@contextmanager
def full(place: Place) -> Iterator[None]:
    rest = place.directory / "rest"
    with suppress(OSError), rest.open("wb", buffering=0) as file:
        while True:
            file.write(b"\0" * 4096)
    try:
        yield
    finally:
        rest.unlink()


@contextmanager
def fixed_size(place: Place) -> Iterator[None]:
    """The process may not write beyond the first byte of a file."""
    usual = resource.prlimit(place.pid, resource.RLIMIT_FSIZE)
    resource.prlimit(place.pid, resource.RLIMIT_FSIZE, (1, usual[1]))
    try:
        yield
    finally:
        resource.prlimit(place.pid, resource.RLIMIT_FSIZE, usual)


@contextmanager
def locked(place: Place) -> Iterator[None]:
    file = place.url.removeprefix("sqlite:///")
    with closing(sqlite3.connect(file, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield
        other.execute("ROLLBACK")


@contextmanager
def table_locked(place: Place) -> Iterator[None]:
    with psycopg.connect(place.url) as other:
        other.execute("LOCK TABLE alembic_version, ikepolicies IN EXCLUSIVE MODE")
        yield
        other.rollback()


@contextmanager
def read_only(place: Place) -> Iterator[None]:
    """As on a server that has become a standby: all sessions begin anew, and may only read."""
    _only_reads(place, "on")
    try:
        yield
    finally:
        _only_reads(place, "off")


def _only_reads(place: Place, value: LiteralString) -> None:
    with psycopg.connect(place.url, autocommit=True) as other:
        other.execute("SET default_transaction_read_only = off")
        change = "ALTER DATABASE {} SET default_transaction_read_only = " + value
        other.execute(sql.SQL(change).format(sql.Identifier(other.info.dbname)))
        other.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )


Fault = Callable[[Place], AbstractContextManager[None]]

#: What goes wrong, on which database, and what is said of it.
FAULTS: dict[str, tuple[str, Fault, str]] = {
    "a full disk": ("sqlite", full, "disk is full"),
    "a file that may not grow": ("sqlite", fixed_size, "disk"),
    "another process has a lock": ("sqlite", locked, "database"),
    "a table is locked": ("postgresql", table_locked, "no write to the database was possible"),
    "nothing but reads": ("postgresql", read_only, "takes no writes"),
}


@contextmanager
def placed(kind: str, databases: Databases, tmp_path: Path) -> Iterator[Place]:
    with ExitStack() as stack:
        at = stack.enter_context(disk(tmp_path / "disk"))
        if kind == "sqlite":
            url = f"sqlite:///{at / 'landbridge.db'}"
        else:
            url = stack.enter_context(databases.fresh("postgresql"))
        server = stack.enter_context(running(tmp_path / "state", with_tokens(url)))
        yield Place(stack.enter_context(remote(server, url)), at, url)


def is_ready(place: Place) -> bool:
    answer = place.remote.request("GET", "/readyz", None)
    assert answer.status_code in (200, 503)
    return answer.status_code == 200


def lives(place: Place) -> None:
    for _ in range(3):
        answer = place.remote.request("GET", "/healthcheck", None)
        assert answer.status_code == 200
        assert answer.json()["reasons"] == ["OK"]
    assert place.remote.request("GET", POLICIES, "a").status_code == 200


def makes(place: Place, name: str) -> int:
    return place.remote.request(
        "POST", POLICIES, "a", json={"ikepolicy": {"name": name, "description": "x" * 200}}
    ).status_code


@pytest.mark.parametrize("what", FAULTS)
def test_who_cannot_keep_a_change_is_not_ready(
    databases: Databases, tmp_path: Path, what: str
) -> None:
    kind, fault, words = FAULTS[what]
    with placed(kind, databases, tmp_path) as place:
        assert is_ready(place)
        assert makes(place, "before") == 201
        with fault(place):
            until(lambda: not is_ready(place), "it is not ready")
            error = place.remote.request("GET", "/readyz", None).json()["NeutronError"]
            assert error["type"] == "NotReady"
            assert words in error["message"]
            assert str(place.directory) not in error["message"]
            lives(place)
            assert makes(place, "meanwhile") == 503
            lives(place)
        until(lambda: is_ready(place), "it is ready again")
        assert makes(place, "after") == 201
        listed = place.remote.request("GET", POLICIES, "a").json()["ikepolicies"]
        assert {"before", "after"} <= {each["name"] for each in listed}
        assert "ready again" in place.remote.server.server.log.read_text()


def test_who_has_no_writer_is_not_ready(databases: Databases, tmp_path: Path) -> None:
    """Its thread has ended; the process ends soon after, where there is one of its own."""
    with databases.fresh("sqlite") as url, running_api(url, tmp_path) as api:
        assert api.request("GET", "/readyz", None).status_code == 200
        jobs: Any = api.db._backend._writer._jobs  # type: ignore[attr-defined]
        jobs.put(object())
        until(api.db._backend.broken.done, "the writer has ended")

        def is_refused() -> bool:
            return api.request("GET", "/readyz", None).status_code == 503

        until(is_refused, "it is not ready")
        assert api.request("GET", "/healthcheck", None).status_code == 200
        assert api.request("GET", POLICIES, "a").status_code == 200
        assert api.request("POST", POLICIES, "a", json={"ikepolicy": {}}).status_code == 503


def test_many_who_ask_are_one_write(databases: Databases, tmp_path: Path) -> None:
    """Anybody may ask; it costs no more than one look a second."""
    with databases.fresh("sqlite") as url, running_api(url, tmp_path) as api:
        assert api.request("GET", "/readyz", None).status_code == 200
        written: list[str] = []
        api.db.measure = lambda kind, _: written.append(kind)
        for _ in range(300):
            assert api.request("GET", "/readyz", None).status_code == 200
        assert written.count("write") < 30
