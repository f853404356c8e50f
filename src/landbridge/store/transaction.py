"""What a transaction carries besides its connection: sealer, wakes, and how it goes beside others.

Rules this module keeps:
- The rules get one argument, `tx`, and reach nothing else: no globals, no settings.
- What a transaction has to tell (wakes, events) is its own: each begins with nothing, and what was
  undone is thrown away with it.
- A wake is sent after the commit and only then; a rolled back transaction wakes nobody.
- `origin` is the id of the request that the transaction serves, for logs; empty: none.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, NamedTuple

from sqlalchemy import Connection

from landbridge.store.secrets import Sealer

Settle = Callable[[Connection], None]  # what is done last, before the commit

SEALER = "landbridge_sealer"
ENTRY_LOCKS = "landbridge_entry_locks"
SUSPECTS = "landbridge_suspects"
_PENDING = "landbridge_pending"


def sealer(tx: Connection) -> Sealer:
    """The sealer that the database was opened with."""
    found = tx.get_execution_options().get(SEALER)
    if not isinstance(found, Sealer):
        raise TypeError("the database was opened without a sealer")
    return found


def suspect(tx: Connection, id: str) -> None:
    """A row's secret cannot be read: whoever watches the database looks at it."""
    suspects: set[str] | None = tx.get_execution_options().get(SUSPECTS)
    if suspects is not None:
        suspects.add(id)


class EntryLocks(NamedTuple):
    """The statements that let a transaction in, until it ends: beside others, or alone; and
    the one that lets it number what it tells, after all that were let in before."""

    beside: str
    alone: str
    order: str


def enter(tx: Connection, *, alone: bool) -> None:
    """Go through the locks before the first row is locked.

    Who changes what many connections rest on goes alone; updates of single connections and
    reports go beside each other. So no two transactions wait for each other's rows in a circle.
    A database that lets in one writer at a time has no locks.
    """
    locks: EntryLocks | None = tx.get_execution_options().get(ENTRY_LOCKS)
    if locks is not None:
        tx.exec_driver_sql(locks.alone if alone else locks.beside)


def order(tx: Connection) -> None:
    """From here on numbers that the database gives grow in the order of commits.

    The last thing that a transaction waits for.
    """
    locks: EntryLocks | None = tx.get_execution_options().get(ENTRY_LOCKS)
    if locks is not None:
        tx.exec_driver_sql(locks.order)


@dataclass
class Pending:
    """What a transaction has to tell once it is committed. `notes`: the events, not written yet
    (see `landbridge.store.events`)."""

    origin: str = ""
    wakes: set[str] = field(default_factory=set)
    notes: list[Any] = field(default_factory=list)

    def take_in(self, other: Pending) -> None:
        """`other` shares the commit."""
        self.wakes |= other.wakes
        self.notes += other.notes


def begin(tx: Connection, pending: Pending | None = None) -> Pending:
    """What `tx` tells from here on goes into `pending`, or into a new one."""
    begun = tx.info[_PENDING] = Pending() if pending is None else pending
    return begun


def end(tx: Connection) -> None:
    """The transaction is over, however it went."""
    tx.info.pop(_PENDING, None)


def pending(tx: Connection) -> Pending:
    found: Pending | None = tx.info.get(_PENDING)
    return begin(tx) if found is None else found


def set_origin(tx: Connection, request_id: str) -> None:
    pending(tx).origin = request_id


def origin(tx: Connection) -> str:
    """The id of the request that this transaction serves."""
    return pending(tx).origin


def wake(tx: Connection, topic: str) -> None:
    """Tell the listeners of `topic` once this transaction is committed."""
    pending(tx).wakes.add(topic)


def utcnow() -> str:
    """Now, as the API writes times."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def precisely(seconds: float | None = None) -> str:
    """`seconds` since the epoch (None: now), to the millisecond, as events write times."""
    moment = datetime.fromtimestamp(time.time() if seconds is None else seconds, UTC)
    return f"{moment.strftime('%Y-%m-%dT%H:%M:%S')}.{moment.microsecond // 1000:03d}Z"
