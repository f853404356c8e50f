"""What a transaction carries besides its connection: sealer, wakes, and how it goes beside others.

Rules this module keeps:
- The rules get one argument, `tx`, and reach nothing else: no globals, no settings.
- A wake is sent after the commit and only then; a rolled back transaction wakes nobody.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, NamedTuple

from sqlalchemy import Connection

from landbridge.store.secrets import Sealer

Row = dict[str, Any]

SEALER = "landbridge_sealer"
GATE = "landbridge_gate"
_WAKES = "landbridge_wakes"


def sealer(tx: Connection) -> Sealer:
    """The sealer that the database was opened with."""
    found = tx.get_execution_options().get(SEALER)
    if not isinstance(found, Sealer):
        raise TypeError("the database was opened without a sealer")
    return found


class Gate(NamedTuple):
    """The statements that let a transaction in, until it ends: beside others, or alone."""

    beside: str
    alone: str


def enter(tx: Connection, *, alone: bool) -> None:
    """Go through the gate before the first row is locked.

    Who changes what many connections rest on goes alone; updates of single connections and
    reports go beside each other. So no two transactions wait for each other's rows in a circle.
    A database that lets in one writer at a time has no gate.
    """
    gate: Gate | None = tx.get_execution_options().get(GATE)
    if gate is not None:
        tx.exec_driver_sql(gate.alone if alone else gate.beside)


def wake(tx: Connection, topic: str) -> None:
    """Tell the listeners of `topic` once this transaction is committed."""
    tx.info.setdefault(_WAKES, set()).add(topic)


def take_wakes(tx: Connection) -> frozenset[str]:
    """What is to be announced; empties the list."""
    return frozenset(tx.info.pop(_WAKES, ()))


def utcnow() -> str:
    """Now, as the API writes times."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
