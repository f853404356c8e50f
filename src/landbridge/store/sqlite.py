"""Transactions on an SQLite file: one writer thread, several readers.

Rules this module keeps:
- Acknowledged means kept: WAL with ``synchronous=FULL``, answers only after the COMMIT.
- One thread writes, so writers never wait for each other's locks. Transactions that queue
  up meanwhile share one COMMIT (group commit), each in its own SAVEPOINT: one that fails
  undoes itself alone. What is done last in a transaction is done once for all of them.
- Readers see one snapshot per transaction and block nobody.
"""

from __future__ import annotations

import queue
import sqlite3
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, cast

from sqlalchemy import URL, Connection, Engine, create_engine, event
from sqlalchemy.pool import QueuePool

from landbridge.store.hub import Hub
from landbridge.store.statements import STATEMENTS, Statements
from landbridge.store.transaction import Settle, take_wakes

Announce = Callable[[frozenset[str]], None]

_LARGEST_GROUP = 64
_BUSY_MILLISECONDS = 10_000


@dataclass(frozen=True)
class _Job:
    work: Callable[[Connection], Any]
    done: Future[Any]


class SqliteBackend:
    def __init__(
        self,
        url: URL,
        options: dict[str, Any],
        announce: Announce,
        settle: Settle,
        readers: int,
    ) -> None:
        self.engine = create_engine(
            url,
            isolation_level="AUTOCOMMIT",  # BEGIN and COMMIT are ours to say
            poolclass=QueuePool,
            pool_size=readers + 1,
            execution_options=options,
        )
        self.engine.update_execution_options(**{STATEMENTS: Statements(self.engine.dialect)})
        event.listen(self.engine, "connect", _prepare)
        self._readers = ThreadPoolExecutor(readers, thread_name_prefix="db-read")
        self._of_thread = threading.local()
        self._reading: list[Connection] = []
        self._writer = _Writer(self.engine, announce, settle)

    def write(self, work: Callable[[Connection], Any]) -> Future[Any]:
        return self._writer.submit(work)

    def read(self, work: Callable[[Connection], Any]) -> Future[Any]:
        return self._readers.submit(self._read, work)

    def _reader(self) -> Connection:
        """Each reading thread keeps its connection: to get one takes longer than most reads."""
        tx: Connection | None = getattr(self._of_thread, "tx", None)
        if tx is None:
            tx = self._of_thread.tx = self.engine.connect()
            self._reading.append(tx)
        return tx

    def _read(self, work: Callable[[Connection], Any]) -> Any:
        tx = self._reader()
        driver = _driver(tx)
        driver.execute("BEGIN")
        try:
            return work(tx)
        finally:
            driver.execute("ROLLBACK")

    async def follow(self, hub: Hub) -> None:
        """Only this process writes: its own commits are all there are."""

    def close(self) -> None:
        self._writer.close()
        self._readers.shutdown()
        for tx in self._reading:
            tx.close()
        self.engine.dispose()


class _Writer:
    """The thread that writes, and its queue."""

    def __init__(self, engine: Engine, announce: Announce, settle: Settle) -> None:
        self._engine = engine
        self._announce = announce
        self._settle = settle
        self._jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="db-write", daemon=True)
        self._thread.start()

    def submit(self, work: Callable[[Connection], Any]) -> Future[Any]:
        job = _Job(work, Future())
        self._jobs.put(job)
        return job.done

    def close(self) -> None:
        self._jobs.put(None)
        self._thread.join()

    def _run(self) -> None:
        with self._engine.connect() as tx:
            while (job := self._jobs.get()) is not None:
                group, last = self._gather(job)
                _Group(tx, group, self._announce, self._settle).run()
                if last:
                    return

    def _gather(self, first: _Job) -> tuple[list[_Job], bool]:
        group = [first]
        while len(group) < _LARGEST_GROUP:
            try:
                job = self._jobs.get_nowait()
            except queue.Empty:
                break
            if job is None:
                return group, True
            group.append(job)
        return group, False


class _Group:
    """Transactions that share one COMMIT."""

    def __init__(
        self, tx: Connection, jobs: list[_Job], announce: Announce, settle: Settle
    ) -> None:
        self._tx = tx
        self._driver = _driver(tx)
        self._jobs = jobs
        self._announce = announce
        self._settle = settle
        self._wakes: set[str] = set()
        self._results: list[tuple[Future[Any], Any]] = []
        self._failures: list[tuple[Future[Any], BaseException]] = []

    def run(self) -> None:
        try:
            self._driver.execute("BEGIN IMMEDIATE")
            for job in self._jobs:
                self._run_one(job)
            self._settle(self._tx)
            self._wakes |= take_wakes(self._tx)
            self._driver.execute("COMMIT")
        except Exception as error:  # who waits gets it; the writer goes on
            self._fail_all(error)
            return
        self._announce(frozenset(self._wakes))
        for done, result in self._results:
            done.set_result(result)
        for done, failure in self._failures:
            done.set_exception(failure)

    def _run_one(self, job: _Job) -> None:
        self._driver.execute("SAVEPOINT job")
        try:
            result = job.work(self._tx)
        except BaseException as error:
            take_wakes(self._tx)
            self._driver.execute("ROLLBACK TO job")
            self._failures.append((job.done, error))
        else:
            self._wakes |= take_wakes(self._tx)
            self._results.append((job.done, result))
        self._driver.execute("RELEASE job")

    def _fail_all(self, error: Exception) -> None:
        """The disk is full, the file locked by a stranger: nobody's work was kept."""
        if self._driver.in_transaction:
            self._driver.execute("ROLLBACK")
        take_wakes(self._tx)
        for job in self._jobs:
            job.done.set_exception(error)


def _driver(tx: Connection) -> sqlite3.Connection:
    return cast(sqlite3.Connection, tx.connection.driver_connection)


def _prepare(connection: sqlite3.Connection, _record: object) -> None:
    for pragma in (
        f"busy_timeout = {_BUSY_MILLISECONDS}",
        "journal_mode = WAL",
        "synchronous = FULL",
        "foreign_keys = ON",
    ):
        connection.execute(f"PRAGMA {pragma}")
