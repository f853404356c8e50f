"""A PostgreSQL cluster for the tests: the distribution's programs, a directory of its own.

It listens on a unix socket only, runs as the user postgres when the tests run as root (the
server refuses root), and does not sync: it need not survive the machine.
"""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Final

import psycopg
from psycopg import sql

from tests.environments.processes import Server

BINARIES: Final = Path("/usr/lib/postgresql")
ACCOUNT: Final = "postgres"
INITDB_OPTIONS: Final = (
    "--auth=trust",
    "--encoding=UTF8",
    "--locale=C.UTF-8",
    "--no-sync",
    "--no-instructions",
)
CONFIGURATION: Final = """
listen_addresses = ''
fsync = off
synchronous_commit = off
full_page_writes = off
autovacuum = off
max_connections = 100
shared_buffers = 32MB
"""


class NotInstalled(RuntimeError):
    """What to install."""


def binary(name: str) -> str:
    """The newest installed version's program. Raises: NotInstalled."""
    found = sorted(BINARIES.glob(f"*/bin/{name}"), key=lambda path: int(path.parts[-3]))
    if not found:
        raise NotInstalled("the tests need PostgreSQL: apt-get install postgresql")
    return str(found[-1])


class Cluster:
    """A running cluster; databases are copies of each other or empty."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._numbers = count(1)

    def url(self, database: str) -> str:
        return f"postgresql://{ACCOUNT}@/{database}?host={self.directory}"

    def accepts(self) -> bool:
        try:
            psycopg.connect(self.url(ACCOUNT)).close()
        except psycopg.OperationalError:
            return False
        return True

    def create(self, *, template: str = "template0") -> str:
        """A new database's name; a copy of `template`, which nobody may be connected to."""
        name = f"landbridge_{next(self._numbers)}"
        statement = sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(
            sql.Identifier(name), sql.Identifier(template)
        )
        with psycopg.connect(self.url(ACCOUNT), autocommit=True) as connection:
            connection.execute(statement)
        return name

    def drop(self, name: str) -> None:
        statement = sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name))
        with psycopg.connect(self.url(ACCOUNT), autocommit=True) as connection:
            connection.execute(statement)


@contextmanager
def cluster() -> Iterator[Cluster]:
    """Make a cluster, run it, take it away. Raises: NotInstalled."""
    initdb, postgres = binary("initdb"), binary("postgres")
    account = ACCOUNT if os.geteuid() == 0 else None
    # A short path: a unix socket's name has room for about 100 characters.
    directory = Path(tempfile.mkdtemp(prefix="lb-pg-", dir="/tmp"))
    directory.chmod(0o755)  # as that of the distribution: it is for others to connect
    data = directory / "data"
    if account:
        owner = pwd.getpwnam(ACCOUNT)
        os.chown(directory, owner.pw_uid, owner.pw_gid)
    try:
        _initialise(
            [initdb, f"--pgdata={data}", f"--username={ACCOUNT}", *INITDB_OPTIONS],
            directory,
            account,
        )
        with (data / "postgresql.conf").open("a") as file:
            file.write(f"{CONFIGURATION}unix_socket_directories = '{directory}'\n")
        running = Cluster(directory)
        server = Server(
            [postgres, "-D", str(data)],
            directory / "log",
            account=account,
            stop_signal=signal.SIGQUIT,  # at once: nothing here is to be kept
        )
        try:
            server.wait_until(running.accepts, deadline=60)
            yield running
        finally:
            server.stop()
    finally:
        shutil.rmtree(directory)


def _initialise(command: list[str], directory: Path, account: str | None) -> None:
    with (directory / "setup.log").open("a+") as output:
        done = subprocess.run(
            command,
            cwd=directory,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            check=False,
            user=account,
            group=account,
            extra_groups=[] if account else None,
        )
        if done.returncode:
            output.seek(0)
            raise RuntimeError(f"{command[0]} failed:\n{output.read()}")
