"""A PostgreSQL server of its own for the benchmarks, and what it does without us.

Rules this module keeps:
- Debian's defaults, with every commit on the disk, on a port of the loopback.
- The bare rate is measured beside the figures, with as many threads: one row changed by its key and
  committed, by the driver alone. No server in front of it does more.
"""

from __future__ import annotations

import itertools
import os
import pwd
import shutil
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import perf_counter

import psycopg
from psycopg import sql

from bench.service import free_port

BINARIES = Path("/usr/lib/postgresql")
ACCOUNT = "postgres"
PATIENCE = 60  # seconds
OPTIONS = ("--auth=trust", f"--username={ACCOUNT}", "--encoding=UTF8", "--locale=C.UTF-8")
ROWS = 1000


class Server:
    """Made by `postgres`."""

    def __init__(self, port: int) -> None:
        self.port = port
        self._numbers = itertools.count()

    def url(self, database: str) -> str:
        return f"postgresql://{ACCOUNT}@127.0.0.1:{self.port}/{database}"

    def database(self) -> str:
        """The URL of a new, empty one."""
        name = f"bench{next(self._numbers)}"
        with psycopg.connect(self.url(ACCOUNT), autocommit=True) as tx:
            tx.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        return self.url(name)

    def bare(self, threads: int, seconds: float) -> float:
        """Transactions a second of one row each, of so many threads."""
        with psycopg.connect(self.url(ACCOUNT), autocommit=True) as tx:
            tx.execute("CREATE TABLE IF NOT EXISTS bare (id int PRIMARY KEY, n int, filler text)")
            tx.execute(
                "INSERT INTO bare SELECT g, 0, repeat('x', 500) FROM generate_series(1, %s) AS g "
                "ON CONFLICT DO NOTHING",
                (ROWS,),
            )
        done: list[float] = []
        running = [
            threading.Thread(target=lambda at=at: done.append(self._change(at, threads, seconds)))
            for at in range(threads)
        ]
        for each in running:
            each.start()
        for each in running:
            each.join()
        return sum(done)

    def _change(self, first: int, step: int, seconds: float) -> float:
        """The rate of one thread, whose rows are its own."""
        with psycopg.connect(self.url(ACCOUNT)) as tx:
            began = perf_counter()
            for number in itertools.count():
                if (passed := perf_counter() - began) > seconds:
                    return number / passed
                row = 1 + (first + number * step) % ROWS
                tx.execute("UPDATE bare SET n = n + 1 WHERE id = %s", (row,))
                tx.commit()
        raise AssertionError("unreachable")


@contextmanager
def postgres() -> Iterator[Server]:
    """A server until the end of the block; its data is removed."""
    root = os.geteuid() == 0
    directory = Path(tempfile.mkdtemp(prefix="landbridge-bench-", dir="/var/tmp"))
    if root:
        owner = pwd.getpwnam(ACCOUNT)
        os.chown(directory, owner.pw_uid, owner.pw_gid)
    account = ACCOUNT if root else None
    data, port = directory / "data", free_port()

    def run(program: str, *arguments: str) -> None:
        command = [_binary(program), f"--pgdata={data}", *arguments]
        log = subprocess.DEVNULL
        subprocess.run(command, check=True, cwd=directory, user=account, group=account,
                       extra_groups=[] if account else None, stdout=log, stderr=log)  # fmt: skip

    try:
        run("initdb", *OPTIONS)
        with (data / "postgresql.conf").open("a") as file:
            file.write(f"port = {port}\nlisten_addresses = '127.0.0.1'\n")
            file.write(f"unix_socket_directories = '{directory}'\n")
        run("pg_ctl", "start", f"--timeout={PATIENCE}", f"--log={directory / 'log'}")
        try:
            yield Server(port)
        finally:
            run("pg_ctl", "stop", "--mode=fast", f"--timeout={PATIENCE}")
    finally:
        shutil.rmtree(directory)


def _binary(name: str) -> str:
    """The newest installed version's program."""
    found = sorted(BINARIES.glob(f"*/bin/{name}"), key=lambda path: int(path.parts[-3]))
    if not found:
        raise RuntimeError("the benchmarks need PostgreSQL: apt-get install postgresql")
    return str(found[-1])
