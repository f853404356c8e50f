"""Transactions on PostgreSQL: threads, each with a connection of its own.

Rules this module keeps:
- READ COMMITTED; the rules take an advisory lock, shared or exclusive, and lock the
  rows that they change. What loses a race all the same, or its connection, is run again
  (`landbridge.store.retries`), unless it may have been kept.
- Few round trips: what needs no answer goes together (`landbridge.store.pipeline`), a read of one
  statement is that statement.
- A connection that broke is replaced before its next use, and with it all that were opened before:
  nobody asks the server whether it is there. A transaction that stands idle is ended by the server,
  since others may wait for it.
- Wakes go out after the commit (`landbridge.store.notifier`); this process is told directly.
"""

from __future__ import annotations

import select
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from itertools import count
from typing import Any, Final, cast

import psycopg
from sqlalchemy import URL, Connection, create_engine, event
from sqlalchemy.engine.interfaces import ExecutionContext
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool

from landbridge.store import transaction
from landbridge.store.hub import Hub
from landbridge.store.listener import listen
from landbridge.store.notifier import Notifier
from landbridge.store.order import ORDER
from landbridge.store.pipeline import READ, WRITE, Cursor, Pipeline
from landbridge.store.retries import InDoubt, Retries, is_lost
from landbridge.store.snapshot_order import SnapshotOrder
from landbridge.store.statements import BATCH, STATEMENTS, Statements, translating
from landbridge.store.timelimit import Limits
from landbridge.store.transaction import ENTRY_LOCKS, EntryLocks, Settle
from landbridge.store.wire import Wire

Driver = psycopg.Connection[Any]

_GATE_NUMBER: Final = 0x67617465  # of the advisory lock; any that nobody else uses in this database
_GATE: Final = EntryLocks(
    beside=f"SELECT pg_advisory_xact_lock_shared({_GATE_NUMBER})",
    alone=f"SELECT pg_advisory_xact_lock({_GATE_NUMBER})",
)
WIRE: Final = "landbridge_wire"
IDLE_SECONDS: Final = 30  # between two statements of a transaction
PREPARE_AFTER: Final = 2  # executions


class PostgresqlBackend:
    def __init__(
        self,
        url: URL,
        options: dict[str, Any],
        announce: Callable[[frozenset[str]], None],
        settle: Settle,
        limits: Limits,
    ) -> None:
        milliseconds = max(1, round(limits.seconds * 1000))
        given = url.query.get("options", "")
        options_given = given if isinstance(given, str) else " ".join(given)
        timeouts = {
            "statement_timeout": milliseconds,
            "idle_in_transaction_session_timeout": IDLE_SECONDS * 1000,
        }
        ours = " ".join(f"-c {name}={value}" for name, value in timeouts.items())
        self.engine = create_engine(
            url,
            isolation_level="AUTOCOMMIT",  # BEGIN and COMMIT are ours to say
            poolclass=NullPool,
            connect_args={
                "options": f"{options_given} {ours}".strip(),
                "prepare_threshold": PREPARE_AFTER,
            },
            execution_options=options | {ENTRY_LOCKS: _GATE, ORDER: SnapshotOrder()},
        )
        self.engine.update_execution_options(**{STATEMENTS: Statements(self.engine.dialect)})
        event.listen(self.engine, "do_execute", _execute)
        event.listen(self.engine, "do_execute_no_params", _execute)
        event.listen(self.engine, "before_cursor_execute", _before_many)
        self._announce = announce
        self._settle = settle
        self._threads = ThreadPoolExecutor(limits.threads, thread_name_prefix="db")
        self._connections = _Connections(self.engine.connect)
        self._retries = Retries()
        self._notifier = Notifier(self._conninfo())
        self.broken: Future[None] = Future()  # never: each transaction gets a thread of its own

    def write(self, work: Callable[[Connection], Any]) -> Future[Any]:
        return self._threads.submit(self._retries.run, lambda: self._write(work))

    def read(self, work: Callable[[Connection], Any], *, single: bool = False) -> Future[Any]:
        begin = None if single else READ
        return self._threads.submit(self._retries.run, lambda: self._read(work, begin))

    async def follow(self, hub: Hub) -> None:
        await listen(self._conninfo(), hub)

    def close(self) -> None:
        self._threads.shutdown()
        self._notifier.close()
        self._connections.close()
        self.engine.dispose()

    def _conninfo(self) -> str:
        conninfo = self.engine.url.set(drivername="postgresql")
        return conninfo.render_as_string(hide_password=False)

    def _write(self, work: Callable[[Connection], Any]) -> Any:
        with self._connections.of_thread() as tx:
            told = transaction.begin(tx)
            pipeline = tx.info[BATCH] = Pipeline(tx.info[WIRE], WRITE)
            result = work(tx)
            self._settle(tx)
            _commit(tx, pipeline)
        self._announce(frozenset(told.wakes))
        self._notifier.announce(told.wakes)
        return result

    def _read(self, work: Callable[[Connection], Any], begin: str | None) -> Any:
        with self._connections.of_thread() as tx:
            pipeline = tx.info[BATCH] = Pipeline(tx.info[WIRE], begin)
            result = work(tx)
            with translating(tx):
                pipeline.commit()
            return result


class _Connections:
    """The connections of the threads. `of_thread` is the context of one transaction, which is
    rolled back where it was not committed."""

    def __init__(self, connect: Callable[[], Connection]) -> None:
        self._connect = connect
        self._mine = threading.local()
        self._all: set[Connection] = set()
        self._lock = threading.Lock()
        self._losses = count(1)
        self._lost = 0  # connections that were opened before the last loss are not used any more

    def of_thread(self) -> _Transaction:
        tx: Connection | None = getattr(self._mine, "tx", None)
        if tx is not None and (self._mine.opened < self._lost or _has_ended(_driver(tx))):
            self.drop(tx)
            tx = None
        if tx is None:
            opened = self._lost
            tx = self._connect()
            tx.info[WIRE] = Wire(_driver(tx))
            self._mine.tx, self._mine.opened = tx, opened
            with self._lock:
                self._all.add(tx)
        return _Transaction(self, tx)

    def drop(self, tx: Connection) -> None:
        """This thread's connection is not used any more."""
        self._mine.tx = None
        with self._lock:
            self._all.discard(tx)
        with suppress(Exception):
            tx.invalidate()
            tx.close()

    def lost(self, tx: Connection) -> None:
        """The server has gone, or this connection to it."""
        with self._lock:
            self._lost = next(self._losses)
        self.drop(tx)

    def close(self) -> None:
        for tx in self._all:
            tx.close()


class _Transaction:
    def __init__(self, connections: _Connections, tx: Connection) -> None:
        self._connections = connections
        self._tx = tx

    def __enter__(self) -> Connection:
        return self._tx

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        tx = self._tx
        if tx.invalidated or _lost_in(error):
            self._connections.lost(tx)
            return
        transaction.end(tx)
        tx.info.pop(BATCH, None)
        try:
            tx.info[WIRE].roll_back()
            if (begun := tx.get_transaction()) is not None:  # SQLAlchemy's notion of one
                begun.close()
        except (DBAPIError, psycopg.Error):
            self._connections.lost(tx)


def _lost_in(error: BaseException | None) -> bool:
    cause = error.__cause__ if isinstance(error, InDoubt) else error
    return isinstance(cause, DBAPIError) and is_lost(cause)


def _commit(tx: Connection, pipeline: Pipeline) -> None:
    """Raises: InDoubt."""
    try:
        with translating(tx):
            pipeline.commit()
    except DBAPIError as error:
        if is_lost(error):
            raise InDoubt from error
        raise


def _driver(tx: Connection) -> Driver:
    return cast(Driver, tx.connection.driver_connection)


def _has_ended(driver: Driver) -> bool:
    """Whether the server has closed a connection that nobody uses: it would say nothing else."""
    if driver.closed:
        return True
    poll = select.poll()
    poll.register(driver.fileno(), select.POLLIN)
    return bool(poll.poll(0))


def _execute(cursor: Cursor, statement: str, *rest: Any) -> bool:
    """A statement that SQLAlchemy executes, with what waits before it."""
    context: ExecutionContext = rest[-1]
    batch = _batch(context.root_connection)
    if batch is None:
        return False
    batch.run(cursor, statement, rest[0] if len(rest) > 1 else None)
    return True


def _before_many(
    tx: Connection, _c: Any, _s: str, _p: Any, _context: Any, executemany: bool
) -> None:
    """What waits, before statements that SQLAlchemy gives to the driver together."""
    if executemany and (batch := _batch(tx)) is not None:
        batch.flush()


def _batch(tx: Connection) -> Pipeline | None:
    try:
        found: Pipeline | None = tx.info.get(BATCH)
    except NotImplementedError:  # SQLAlchemy looks at its first connection before it is one
        return None
    return found
