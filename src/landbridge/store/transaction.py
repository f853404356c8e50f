"""What a transaction carries besides its connection: the sealer and the wakes to send.

Rules this module keeps:
- The rules get one argument, `tx`, and reach nothing else: no globals, no settings.
- A wake is sent after the commit and only then; a rolled back transaction wakes nobody.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection

from landbridge.store.secrets import Sealer

Row = dict[str, Any]

SEALER = "landbridge_sealer"
_WAKES = "landbridge_wakes"


def sealer(tx: Connection) -> Sealer:
    """The sealer that the database was opened with."""
    found = tx.get_execution_options().get(SEALER)
    if not isinstance(found, Sealer):
        raise TypeError("the database was opened without a sealer")
    return found


def wake(tx: Connection, topic: str) -> None:
    """Tell the listeners of `topic` once this transaction is committed."""
    tx.info.setdefault(_WAKES, set()).add(topic)


def take_wakes(tx: Connection) -> frozenset[str]:
    """What is to be announced; empties the list."""
    return frozenset(tx.info.pop(_WAKES, ()))


def utcnow() -> str:
    """Now, as the API writes times."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
