"""The statements of one transaction on PostgreSQL, in few round trips.

Rules this module keeps:
- What needs no answer at once (BEGIN, locks, writes, COMMIT) waits here and goes out with the next
  statement that does, in the order in which it was said.
- The driver is in its autocommit mode: BEGIN and COMMIT are statements of ours.
- An error of a statement that waited comes with the one that it was sent with. The transaction is
  then rolled back as a whole, as after any other.
- A read of one statement has no BEGIN: a statement is a snapshot by itself. A second one is
  refused.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import psycopg
from psycopg.pq import TransactionStatus

from landbridge.store.wire import Answer, Statement, Values, Wire

Cursor = psycopg.Cursor[Any]

WRITE: Final = "BEGIN"
READ: Final = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"


class SecondStatement(RuntimeError):
    """A read that promised one statement wants another one, which would see another snapshot."""


class Pipeline:
    """`begin`: how the transaction begins; None: a read of one statement."""

    def __init__(self, wire: Wire, begin: str | None) -> None:
        self._wire = wire
        self._waiting: list[Statement] = [] if begin is None else [(begin, None)]
        self._single = begin is None
        self._done = 0

    def later(self, text: str, values: Values = None) -> None:
        """Execute the statement at the latest before the next one, or the commit."""
        self._waiting.append((text, values))

    def execute(self, text: str, values: Values = None) -> Answer:
        self._count(text)
        self._waiting.append((text, values))
        return self._send()

    def run(self, cursor: Cursor, text: str, values: Sequence[Any] | Values) -> None:
        """Execute a statement on a cursor of the driver's, which has the result."""
        self._count(text)
        self.flush()
        cursor.execute(text, values)

    def flush(self) -> None:
        """Send what waits."""
        if self._waiting:
            self._send()

    def commit(self) -> None:
        """Send what waits, and commit. A transaction that never began has nothing to commit."""
        begun = self._wire.status is not TransactionStatus.IDLE
        if not begun and len(self._waiting) <= 1:
            return
        self.later("COMMIT")
        self._send()

    def _send(self) -> Answer:
        waiting, self._waiting = self._waiting, []
        return self._wire.execute(waiting)

    def _count(self, text: str) -> None:
        self._done += 1
        if self._single and self._done > 1:
            raise SecondStatement(text)
