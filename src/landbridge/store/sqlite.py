"""Transactions on an SQLite file: one writer thread, several readers.

Rules this module keeps:
- Acknowledged means kept: WAL with ``synchronous=FULL``, answers only after the COMMIT, and no
  write to a file that was removed or replaced.
- One thread writes, so writers never wait for each other's locks. Transactions that queue meanwhile
  share one COMMIT (group commit), each in its own SAVEPOINT: a failing one is rolled back alone,
  with its events and wake-ups. What is done last in a transaction is done once for the group. A
  group that fails as a whole is rolled back; its transactions are then run one by one.
- The writer survives failing groups. If it cannot continue, all waiting and later callers get the
  error, and `broken` has it.
- Readers see one snapshot per transaction and block nobody; their time is limited.
"""

from __future__ import annotations

import queue
import sqlite3
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, cast

from sqlalchemy import URL, Connection, create_engine, event
from sqlalchemy.pool import QueuePool

from landbridge.store import transaction
from landbridge.store.databasefile import DatabaseFile, DatabaseMoved, WriterEnded, damage
from landbridge.store.hub import Hub
from landbridge.store.order import ORDER
from landbridge.store.retries import Retries, passing
from landbridge.store.serial_order import SerialOrder
from landbridge.store.statements import STATEMENTS, Statements
from landbridge.store.timelimit import Limits, within
from landbridge.store.transaction import Pending, Settle

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
        limits: Limits,
    ) -> None:
        readers, self._seconds = limits
        self.engine = create_engine(
            url,
            isolation_level="AUTOCOMMIT",  # BEGIN and COMMIT are ours to say
            poolclass=QueuePool,
            pool_size=readers + 1,
            execution_options=options | {ORDER: SerialOrder()},
        )
        self.engine.update_execution_options(**{STATEMENTS: Statements(self.engine.dialect)})
        event.listen(self.engine, "connect", _prepare)
        self._readers = ThreadPoolExecutor(readers, thread_name_prefix="db-read")
        self._of_thread = threading.local()
        self._reading: list[Connection] = []
        self._retries = Retries()
        self._file = DatabaseFile(str(url.database))
        self._writer = _Writer(self._connect, announce, settle)

    @property
    def broken(self) -> Future[None]:
        return self._writer.broken

    def write(self, work: Callable[[Connection], Any]) -> Future[Any]:
        return self._writer.submit(work)

    def read(self, work: Callable[[Connection], Any], *, single: bool = False) -> Future[Any]:
        """`single`: makes no difference here."""
        return self._readers.submit(self._read, work)

    def _connect(self) -> _WriterConnection:
        """Raises: DatabaseMoved (all connections must be to the file that was opened first)."""
        tx = self._retries.run(self.engine.connect)
        try:
            self._file.check()
        except BaseException:
            tx.close()
            raise
        return _WriterConnection(tx, self._file, self._retries)

    def _reader(self) -> Connection:
        """The connection of a reading thread, which is kept: opening one takes longer than most
        reads."""
        tx: Connection | None = getattr(self._of_thread, "tx", None)
        if tx is None:
            tx = self._of_thread.tx = self._connect().tx
            self._reading.append(tx)
        return tx

    def _read(self, work: Callable[[Connection], Any]) -> Any:
        tx = self._reader()
        driver = _driver(tx)
        driver.execute("BEGIN")
        try:
            with within(self._seconds, driver):
                return work(tx)
        finally:
            if driver.in_transaction:  # some errors end it by themselves
                driver.execute("ROLLBACK")

    async def follow(self, hub: Hub) -> None:
        """Nothing to follow: only this process writes."""

    def close(self) -> None:
        self._writer.close()
        self._readers.shutdown()
        for tx in self._reading:
            tx.close()
        self.engine.dispose()


class _WriterConnection:
    """The writer's connection."""

    def __init__(self, tx: Connection, file: DatabaseFile, retries: Retries) -> None:
        self.tx = tx
        self.driver = _driver(tx)
        self._file = file
        self._retries = retries

    def run(self, group: _Group) -> bool:
        """False: the connection cannot be used any more."""
        try:
            self._retries.run(lambda: self._attempt(group))
        except Exception as error:  # who waits gets it; the writer goes on
            transaction.end(self.tx)
            alone = group.one_by_one() if _is_of_the_work(error) else ()
            for each in alone:
                self.run(each)
            if not alone:
                group.fail(error)
        else:
            transaction.end(self.tx)
            group.succeed()
        return self._is_clear()

    def _attempt(self, group: _Group) -> None:
        try:
            self._file.check()
            self.driver.execute("BEGIN IMMEDIATE")
            group.work(self.tx, self.driver)
            self.driver.execute("COMMIT")
        except BaseException:
            with suppress(sqlite3.Error):
                self._roll_back()
            raise

    def _roll_back(self) -> None:
        if self.driver.in_transaction:
            self.driver.execute("ROLLBACK")

    def _is_clear(self) -> bool:
        try:
            self._roll_back()
        except sqlite3.Error:
            return False
        return not self.driver.in_transaction

    def close(self) -> None:
        with suppress(Exception):
            self.tx.close()


class _Writer:
    """The writer thread and its queue. `broken` is done when the thread has ended by an error."""

    def __init__(
        self, connect: Callable[[], _WriterConnection], announce: Announce, settle: Settle
    ) -> None:
        self._connect = connect
        self._announce = announce
        self._settle = settle
        self.broken: Future[None] = Future()
        self._jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="db-write", daemon=True)
        self._thread.start()

    def submit(self, work: Callable[[Connection], Any]) -> Future[Any]:
        job = _Job(work, Future())
        self._jobs.put(job)
        if self.broken.done():
            self._turn_away()
        return job.done

    def close(self) -> None:
        self._jobs.put(None)
        self._thread.join()

    def _run(self) -> None:
        try:
            self._serve()
        except BaseException as error:
            ended = WriterEnded(f"The thread that writes to the database has ended: {error}")
            ended.__cause__ = error
            self.broken.set_exception(ended)
            self._turn_away()

    def _turn_away(self) -> None:
        """Fail all queued jobs."""
        while True:
            try:
                job = self._jobs.get_nowait()
            except queue.Empty:
                return
            if job is not None:
                job.done.set_exception(self.broken.exception())

    def _serve(self) -> None:
        connection = self._connect()
        try:
            while (job := self._jobs.get()) is not None:
                jobs, last = self._gather(job)
                if not connection.run(_Group(jobs, self._announce, self._settle)):
                    connection.close()
                    connection = self._connect()
                if last:
                    return
        finally:
            connection.close()

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
    """Transactions that share one COMMIT. `work` may be called again when it was undone."""

    def __init__(self, jobs: list[_Job], announce: Announce, settle: Settle) -> None:
        self._jobs = jobs
        self._announce = announce
        self._settle = settle
        self._told = Pending()
        self._results: list[tuple[Future[Any], Any]] = []
        self._failures: list[tuple[Future[Any], BaseException]] = []

    def work(self, tx: Connection, driver: sqlite3.Connection) -> None:
        """Run all jobs, and what is done last in a transaction."""
        self._told, self._results, self._failures = Pending(), [], []
        for job in self._jobs:
            self._run_one(job, tx, driver)
        transaction.begin(tx, self._told)
        self._settle(tx)

    def succeed(self) -> None:
        """After the COMMIT. `announce` raises nothing."""
        self._announce(frozenset(self._told.wakes))
        for done, result in self._results:
            done.set_result(result)
        for done, failure in self._failures:
            done.set_exception(failure)

    def one_by_one(self) -> tuple[_Group, ...]:
        """A group for each job; none where there is one job only."""
        if len(self._jobs) == 1:
            return ()
        return tuple(_Group([job], self._announce, self._settle) for job in self._jobs)

    def fail(self, error: Exception) -> None:
        """Fail all jobs: the group was rolled back (the disk is full, the file is locked)."""
        own = dict(self._failures)
        for job in self._jobs:
            job.done.set_exception(own.get(job.done, error))

    def _run_one(self, job: _Job, tx: Connection, driver: sqlite3.Connection) -> None:
        own = transaction.begin(tx)
        driver.execute("SAVEPOINT job")
        try:
            result = job.work(tx)
        except BaseException as error:
            if not driver.in_transaction:  # SQLite has undone all of it: the others' work as well
                raise
            driver.execute("ROLLBACK TO job")
            self._failures.append((job.done, error))
        else:
            self._told.take_in(own)
            self._results.append((job.done, result))
        driver.execute("RELEASE job")


def _is_of_the_work(error: Exception) -> bool:
    """Whether one job caused the error, not the file."""
    return passing(error) is None and not isinstance(error, DatabaseMoved) and not damage(error)


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
