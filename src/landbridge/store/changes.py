"""The outbox: per gateway, the newest revision of every object that it must follow.

Rules this module keeps:
- A change is recorded in the transaction that makes it; its commit wakes the gateway.
- One row per object: a gateway that was away for a week reads as many lines as there are objects.
- Cursors grow in the order of commits: the gateway's counter row is locked until the commit, so a
  reader at cursor N never gets an older change afterwards.
- Rows of deleted objects are kept for the last `KEPT` changes. A gateway that is further behind
  reads everything again (`TooOld`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple

from sqlalchemy import Connection, bindparam, delete, insert, select, update

from landbridge.model.gateway import Change
from landbridge.store import tables as t
from landbridge.store.statements import every, one, run, run_many
from landbridge.store.transaction import origin, wake

KEPT = 10_000

Kind = Literal["router", "tunnel"]


class TooOld(Exception):
    """The cursor is older than what is kept, or of another database."""


class Item(NamedTuple):
    """An object and its newest revision."""

    object_id: str
    router_id: str
    revision: int
    deleted: bool = False


_c = t.changes.c
_ADVANCE = (
    update(t.gateways)
    .where(t.gateways.c.id == bindparam("gateway"))
    .values(cursor=t.gateways.c.cursor + bindparam("by"))
    .returning(t.gateways.c.cursor)
)
_SAME_OBJECT = (
    (_c.gateway_id == bindparam("gateway"))
    & (_c.kind == bindparam("of_kind"))
    & (_c.object_id == bindparam("object"))
)
_REPLACE = (
    update(t.changes)
    .where(_SAME_OBJECT)
    .values(
        router_id=bindparam("router"),
        revision=bindparam("newest"),
        deleted=bindparam("gone"),
        cursor=bindparam("at"),
        request_id=bindparam("for_request"),
    )
)
_FORGET = delete(t.changes).where(_SAME_OBJECT)
_ADD = insert(t.changes).values(
    gateway_id=bindparam("gateway"),
    kind=bindparam("of_kind"),
    object_id=bindparam("object"),
    router_id=bindparam("router"),
    revision=bindparam("newest"),
    deleted=bindparam("gone"),
    cursor=bindparam("at"),
    request_id=bindparam("for_request"),
)
_POSITION = select(t.gateways.c.cursor, t.gateways.c.kept_from).where(
    t.gateways.c.id == bindparam("gateway")
)
_SINCE = (
    select(_c.cursor, _c.kind, _c.object_id.label("id"), _c.router_id, _c.revision, _c.deleted,
           _c.request_id)
    .where(_c.gateway_id == bindparam("gateway"), _c.cursor > bindparam("after"))
    .order_by(_c.cursor)
    .limit(bindparam("most"))
)  # fmt: skip
_TRIM = (
    delete(t.changes)
    .where(_c.gateway_id == bindparam("gateway"), _c.deleted)
    .where(_c.cursor <= bindparam("up_to"))
)
_KEPT_FROM = (
    update(t.gateways)
    .where(t.gateways.c.id == bindparam("gateway"))
    .values(kept_from=bindparam("up_to"))
)


def record(tx: Connection, gateway_id: str | None, kind: Kind, items: Sequence[Item]) -> None:
    """Record changes of `items` for a gateway; the last statement of a transaction, or nearly.

    For routers without a gateway (`gateway_id` None) nothing is recorded: a gateway that takes them
    over reads everything.
    """
    if gateway_id is None or not items:
        return
    place = one(tx, _ADVANCE, {"gateway": gateway_id, "by": len(items)})
    if place is None:
        raise LookupError(f"there is no gateway {gateway_id}")
    last: int = place["cursor"]
    first = last - len(items) + 1
    rows = [
        {
            "gateway": gateway_id,
            "of_kind": kind,
            "object": item.object_id,
            "router": item.router_id,
            "newest": item.revision,
            "gone": item.deleted,
            "at": first + offset,
            "for_request": origin(tx),
        }
        for offset, item in enumerate(items)
    ]
    if len(rows) > 1:
        run_many(tx, _FORGET, rows)
        run_many(tx, _ADD, rows)
    elif run(tx, _REPLACE, rows[0]) == 0:
        run(tx, _ADD, rows[0])
    if any(item.deleted for item in items):
        _trim(tx, gateway_id, last - KEPT)
    wake(tx, gateway_id)


def position(tx: Connection, gateway_id: str) -> int:
    """The cursor of the newest change; 0 for a gateway that is not known."""
    found = one(tx, _POSITION, {"gateway": gateway_id})
    return 0 if found is None else int(found["cursor"])


def since(tx: Connection, gateway_id: str, cursor: int, limit: int = 500) -> list[Change]:
    """The changes after `cursor`, oldest first, `limit` at most.

    Raises: TooOld.
    """
    place = one(tx, _POSITION, {"gateway": gateway_id})
    if place is None or not place["kept_from"] <= cursor <= place["cursor"]:
        raise TooOld(f"cursor {cursor} of gateway {gateway_id}")
    rows = every(tx, _SINCE, {"gateway": gateway_id, "after": cursor, "most": limit})
    return [Change(**row) for row in rows]


def _trim(tx: Connection, gateway_id: str, up_to: int) -> None:
    if up_to <= 0:
        return
    if tx.execute(_TRIM, {"gateway": gateway_id, "up_to": up_to}).rowcount:
        tx.execute(_KEPT_FROM, {"gateway": gateway_id, "up_to": up_to})
