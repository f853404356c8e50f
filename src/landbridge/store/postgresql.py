"""Transactions on PostgreSQL: a pool of connections, one thread each.

Rules this module keeps:
- READ COMMITTED; the rules go through a gate (an advisory lock: shared or alone) and lock the
  rows that they change. What loses a race all the same
  (serialization failure, deadlock) is run again here and nowhere else.
- Wakes go out by NOTIFY in the same transaction, so that other API processes hear of a
  commit when it happens; this process is told directly.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

from sqlalchemy import URL, Connection, create_engine
from sqlalchemy import text as sql
from sqlalchemy.exc import DBAPIError

from landbridge.store.hub import Hub
from landbridge.store.listener import CHANNEL, listen
from landbridge.store.statements import STATEMENTS, Statements
from landbridge.store.transaction import GATE, Gate, Settle, take_wakes

_RACES_LOST = frozenset({"40001", "40P01"})  # serialization_failure, deadlock_detected
_ATTEMPTS = 8
_GATE_NUMBER = 0x67617465  # of the advisory lock; any that nobody else uses in this database
_ORDER_NUMBER = 0x6F726465
_GATE = Gate(
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
        threads: int,
    ) -> None:
        self.engine = create_engine(
            url,
            pool_size=threads,
            max_overflow=0,
            pool_pre_ping=True,
            execution_options=options | {GATE: _GATE},
        )
        self.engine.update_execution_options(**{STATEMENTS: Statements(self.engine.dialect)})
        self._announce = announce
        self._settle = settle
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="db")

    def write(self, work: Callable[[Connection], Any]) -> Future[Any]:
        return self._threads.submit(self._write, work)

    def read(self, work: Callable[[Connection], Any]) -> Future[Any]:
        return self._threads.submit(self._read, work)

    async def follow(self, hub: Hub) -> None:
        conninfo = self.engine.url.set(drivername="postgresql")
        await listen(conninfo.render_as_string(hide_password=False), hub)

    def close(self) -> None:
        self._threads.shutdown()
        self.engine.dispose()

    def _write(self, work: Callable[[Connection], Any]) -> Any:
        for _ in range(_ATTEMPTS - 1):
            try:
                return self._attempt(work)
            except DBAPIError as error:
                if getattr(error.orig, "sqlstate", None) not in _RACES_LOST:
                    raise
        return self._attempt(work)

    def _attempt(self, work: Callable[[Connection], Any]) -> Any:
        wakes: frozenset[str] = frozenset()
        with self.engine.connect() as tx:
            try:
                with tx.begin():
                    result = work(tx)
                    self._settle(tx)
                    wakes = take_wakes(tx)
                    for topic in sorted(wakes):
                        tx.execute(_NOTIFY, {"channel": CHANNEL, "topic": topic})
            finally:
                take_wakes(tx)
        self._announce(wakes)
        return result

    def _read(self, work: Callable[[Connection], Any]) -> Any:
        with self.engine.connect() as tx, tx.begin():
            tx.exec_driver_sql("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
            return work(tx)
