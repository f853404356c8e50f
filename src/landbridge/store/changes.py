"""The outbox: per gateway, the newest revision of every object that it must follow.

Rules this module keeps:
- A change is recorded in the transaction that makes it, which has locked the object's own row, or
  runs alone; its commit wakes the gateway.
- One row per object: a gateway that was away for a week reads as many lines as there are objects.
- A reader at cursor N never gets an older change afterwards (`landbridge.store.order`).
- Rows of deleted objects are kept for the last `KEPT`. A gateway that is further behind reads
  everything again (`TooOld`).
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection

from landbridge.model.gateway import Change
from landbridge.store.order import Item, Kind, News, TooOld, order_of
from landbridge.store.transaction import wake

__all__ = ["KEPT", "Item", "Kind", "TooOld", "news", "position", "positions", "record", "since"]

KEPT = 10_000


def record(tx: Connection, gateway_id: str | None, kind: Kind, items: Sequence[Item]) -> None:
    """Record changes of `items` for a gateway; the last statement of a transaction, or nearly.

    For routers without a gateway (`gateway_id` None) nothing is recorded: a gateway that takes them
    over reads everything.
    """
    if gateway_id is None or not items:
        return
    order_of(tx).record(tx, gateway_id, kind, items, KEPT)
    wake(tx, gateway_id)


def position(tx: Connection, gateway_id: str) -> int:
    """The cursor from which a stream continues after all that this transaction sees; 0 for a
    gateway that is not known."""
    return order_of(tx).position(tx, gateway_id)


def positions(tx: Connection) -> dict[str, int]:
    """How far the history of each gateway goes."""
    return order_of(tx).positions(tx)


def news(tx: Connection, gateway_id: str, cursor: int, limit: int = 500) -> News[Change]:
    """The changes after `cursor`, oldest first, about `limit` at most.

    Raises: TooOld.
    """
    return order_of(tx).changes(tx, gateway_id, cursor, limit)


def since(tx: Connection, gateway_id: str, cursor: int, limit: int = 500) -> list[Change]:
    """The same without what is to come. Raises: TooOld."""
    return news(tx, gateway_id, cursor, limit).found
