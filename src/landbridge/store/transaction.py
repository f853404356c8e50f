"""What a transaction carries besides its connection: sealer, wake-ups, events, entry locks.

Rules this module keeps:
- The rules get one argument, `tx`, and need nothing else: no globals, no settings.
- Wake-ups and events belong to one transaction, and are dropped when it is rolled back.
- A wake-up is sent after the commit only.
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
from landbridge.store.statements import text_later

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
    """Record that a row's secret cannot be read; housekeeping examines it."""
    suspects: set[str] | None = tx.get_execution_options().get(SUSPECTS)
    if suspects is not None:
        suspects.add(id)


class EntryLocks(NamedTuple):
    """The statements that admit a transaction until it ends: beside others, or alone."""

    beside: str
    alone: str


def enter(tx: Connection, *, alone: bool) -> None:
    """Take the entry lock, before the first row is locked.

    Changes of what many connections depend on run alone; updates of single connections and reports
    run beside each other. So no two transactions deadlock on rows. A database with one writer at a
    time has no such locks.
    """
    locks: EntryLocks | None = tx.get_execution_options().get(ENTRY_LOCKS)
    if locks is not None:
        text_later(tx, locks.alone if alone else locks.beside)


@dataclass
class Pending:
    """What a transaction announces after its commit. `notes`: its events, not written yet (see
    `landbridge.store.events`)."""

    origin: str = ""
    wakes: set[str] = field(default_factory=set)
    notes: list[Any] = field(default_factory=list)

    def take_in(self, other: Pending) -> None:
        """Add those of `other`, which shares the commit."""
        self.wakes |= other.wakes
        self.notes += other.notes


def begin(tx: Connection, pending: Pending | None = None) -> Pending:
    """Collect what `tx` announces in `pending`, or in a new one."""
    begun = tx.info[_PENDING] = Pending() if pending is None else pending
    return begun


def end(tx: Connection) -> None:
    """The transaction has ended, by commit or rollback."""
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
