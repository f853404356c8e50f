"""Transactions on PostgreSQL: a pool of connections, one thread each.

Rules this module keeps:
- READ COMMITTED; the rules take an advisory lock, shared or exclusive, and lock the
  rows that they change. What loses a race all the same, or its connection, is run again
  (`landbridge.store.retries`), unless it may have been kept.
- Wakes go out by NOTIFY in the same transaction, so that other API processes hear of a
  commit when it happens; this process is told directly.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

from sqlalchemy import URL, Connection, create_engine
from sqlalchemy import text as sql
from sqlalchemy.engine import RootTransaction
from sqlalchemy.exc import DBAPIError

from landbridge.store import transaction
from landbridge.store.hub import Hub
from landbridge.store.listener import CHANNEL, listen
from landbridge.store.retries import InDoubt, Retries, is_lost
from landbridge.store.statements import STATEMENTS, Statements
from landbridge.store.timelimit import Limits
from landbridge.store.transaction import ENTRY_LOCKS, EntryLocks, Settle

_GATE_NUMBER = 0x67617465  # of the advisory lock; any that nobody else uses in this database
_ORDER_NUMBER = 0x6F726465
_GATE = EntryLocks(
    beside=f"SELECT pg_advisory_xact_lock_shared({_GATE_NUMBER})",
    alone=f"SELECT pg_advisory_xact_lock({_GATE_NUMBER})",
    order=f"SELECT pg_advisory_xact_lock({_ORDER_NUMBER})",
)
_NOTIFY = sql("SELECT pg_notify(:channel, :topic)")


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
        self.engine = create_engine(
            url,
            pool_size=limits.threads,
            max_overflow=0,
            pool_pre_ping=True,
            connect_args={
                "options": f"{options_given} -c statement_timeout={milliseconds}".strip()
            },
            execution_options=options | {ENTRY_LOCKS: _GATE},
        )
        self.engine.update_execution_options(**{STATEMENTS: Statements(self.engine.dialect)})
        self._announce = announce
        self._settle = settle
        self._threads = ThreadPoolExecutor(limits.threads, thread_name_prefix="db")
        self._retries = Retries()
        self.broken: Future[None] = Future()  # never: each transaction gets a thread of its own

    def write(self, work: Callable[[Connection], Any]) -> Future[Any]:
        return self._threads.submit(self._retries.run, lambda: self._write(work))

    def read(self, work: Callable[[Connection], Any]) -> Future[Any]:
        return self._threads.submit(self._retries.run, lambda: self._read(work))

    async def follow(self, hub: Hub) -> None:
        conninfo = self.engine.url.set(drivername="postgresql")
        await listen(conninfo.render_as_string(hide_password=False), hub)

    def close(self) -> None:
        self._threads.shutdown()
        self.engine.dispose()

    def _write(self, work: Callable[[Connection], Any]) -> Any:
        with self.engine.connect() as tx:
            told = transaction.begin(tx)
            with tx.begin() as begun:
                result = work(tx)
                self._settle(tx)
                for topic in sorted(told.wakes):
                    tx.execute(_NOTIFY, {"channel": CHANNEL, "topic": topic})
                _commit(begun)
        self._announce(frozenset(told.wakes))
        return result

    def _read(self, work: Callable[[Connection], Any]) -> Any:
        with self.engine.connect() as tx, tx.begin():
            tx.exec_driver_sql("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
            return work(tx)


def _commit(begun: RootTransaction) -> None:
    """Raises: InDoubt."""
    try:
        begun.commit()
    except DBAPIError as error:
        if is_lost(error):
            raise InDoubt from error
        raise
