"""Transactions that take one step at a time, beside each other, as a test tells them.

Rules this module keeps:
- Each runs on a real database by the way of all transactions, on a thread of its own; a step is
  over when the database has answered.
"""

from __future__ import annotations

import queue
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, Final

from msgspec.structs import replace
from sqlalchemy import Connection, text

from landbridge.store import changes, events, statements
from landbridge.store.changes import Item
from landbridge.store.database import Database
from tests.rows import SERVICE

GATEWAY: Final = "gw"
DEADLINE: Final = 30.0

Step = Callable[[Connection], None]


class Undone(Exception):
    """A transaction is rolled back."""


def take_number(tx: Connection) -> None:
    """The transaction gets its number now, long before it writes what is read in order."""
    tx.execute(text("SELECT pg_current_xact_id()"))


def tell(name: str, revision: int = 1) -> Step:
    """The step that writes an event and a change of an object, to the database."""

    def step(tx: Connection) -> None:
        events.note(tx, f"{name}{revision}", "ikepolicy", replace(SERVICE, id=name))
        events.flush(tx)
        changes.record(tx, GATEWAY, "tunnel", [Item(name, "r", revision)])
        statements.flush(tx)

    return step


class Stepping:
    """One transaction. `commit` or `roll_back` ends it."""

    def __init__(self, db: Database, pool: ThreadPoolExecutor) -> None:
        self._steps: queue.SimpleQueue[tuple[Step | None, Future[None]]] = queue.SimpleQueue()
        self._ended = pool.submit(db.write_sync, self._run)

    def take(self, step: Step) -> None:
        self._say(step).result(DEADLINE)

    def commit(self) -> None:
        self._say(None)
        self._ended.result(DEADLINE)

    def roll_back(self) -> None:
        def undo(tx: Connection) -> None:
            raise Undone

        self._say(undo)
        error = self._ended.exception(DEADLINE)
        assert isinstance(error, Undone)

    def give_up(self) -> None:
        """Roll back, unless it has ended."""
        if not self._ended.done():
            self.roll_back()

    def _say(self, step: Step | None) -> Future[None]:
        taken: Future[None] = Future()
        self._steps.put((step, taken))
        return taken

    def _run(self, tx: Connection) -> None:
        while True:
            step, taken = self._steps.get()
            if step is None:
                return
            try:
                step(tx)
            except BaseException as error:
                taken.set_exception(error)
                raise
            taken.set_result(None)


class Reader:
    """Who follows all events and a gateway's changes from cursor to cursor, as listeners do."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._event = self._change = 0
        self.kinds: list[str] = []
        self.revisions: dict[str, int] = {}

    def read(self, most: int = 500) -> None:
        for event in self._db.read_sync(events.since, self._event, None, most):
            assert event.number > self._event
            self._event = event.number
            self.kinds.append(event.kind)
        for change in self._db.read_sync(changes.since, GATEWAY, self._change, most):
            assert change.cursor >= self._change
            self._change = change.cursor
            self.revisions[change.id] = change.revision

    def all(self) -> Any:
        return self.kinds, self.revisions
