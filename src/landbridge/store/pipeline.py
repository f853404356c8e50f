"""The statements of one transaction on PostgreSQL, in few round trips.

Rules this module keeps:
- What needs no answer at once (BEGIN, locks, writes, COMMIT) waits here and goes out with the next
  statement that does, in the order in which it was said.
- The driver is in its autocommit mode: BEGIN and COMMIT are statements of ours.
- An error of a statement that waited comes with the one that it was sent with. The transaction is
  then rolled back as a whole, as after any other.
- A read of one statement has no BEGIN: a statement is a snapshot by itself. A second one is refused.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import psycopg
from psycopg.pq import TransactionStatus

Cursor = psycopg.Cursor[Any]
Values = Sequence[Any] | dict[str, Any] | None

WRITE: Final = "BEGIN"
READ: Final = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"


class SecondStatement(RuntimeError):
    """A read that promised one statement wants another one, which would see another snapshot."""


class Pipeline:
    """`begin`: how the transaction begins; None: a read of one statement."""

    def __init__(self, driver: psycopg.Connection[Any], begin: str | None) -> None:
        self._driver = driver
        self._waiting: list[tuple[str, Values]] = [] if begin is None else [(begin, None)]
        self._single = begin is None
        self._done = 0

    def later(self, text: str, values: Values = None) -> None:
        """Execute the statement at the latest before the next one, or the commit."""
        self._waiting.append((text, values))

    def execute(self, text: str, values: Values = None) -> Cursor:
        """Execute the statement; its cursor has the result."""
        cursor = self._driver.cursor()
        self.run(cursor, text, values)
        return cursor

    def run(self, cursor: Cursor, text: str, values: Values) -> None:
        """As `execute`, on a cursor that exists."""
        self._done += 1
        if self._single and self._done > 1:
            raise SecondStatement(text)
        if not self._waiting:
            cursor.execute(text, values)
            return
        with self._driver.pipeline():
            self._send()
            cursor.execute(text, values)

    def flush(self) -> None:
        """Send what waits."""
        if len(self._waiting) == 1:
            text, values = self._waiting.pop()
            self._driver.execute(text, values)
        elif self._waiting:
            with self._driver.pipeline():
                self._send()

    def commit(self) -> None:
        """Send what waits, and commit. A transaction that never began has nothing to commit."""
        begun = self._driver.info.transaction_status is not TransactionStatus.IDLE
        if not begun and len(self._waiting) <= 1:
            return
        self.later("COMMIT")
        self.flush()

    def _send(self) -> None:
        waiting, self._waiting = self._waiting, []
        for text, values in waiting:
            self._driver.execute(text, values)
