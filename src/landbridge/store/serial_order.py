"""The order of a database with one writer at a time (SQLite): numbers, in the order of commits.

Rules this module keeps:
- Events are numbered by their rows, changes by a counter of their gateway. A number that a reader
  sees has none before it that is still to come, because there is one writer.
- Deletions are forgotten by the transaction that records one: those that are older than the
  gateway's last `kept` changes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from sqlalchemy import (
    ColumnElement,
    Connection,
    bindparam,
    delete,
    func,
    insert,
    select,
    true,
    update,
)

from landbridge.model.gateway import Change
from landbridge.store import tables as t
from landbridge.store.columns import Columns
from landbridge.store.order import Event, HeldBack, Item, Kind, News, TooOld, Window
from landbridge.store.records import EVENT_COLUMNS
from landbridge.store.records import events as _events
from landbridge.store.statements import every, one, run, run_many
from landbridge.store.transaction import origin

_ADD_EVENT: Final = insert(_events).inline()
_TRIM_EVENTS: Final = delete(_events).where(
    _events.c.id <= select(func.max(_events.c.id) - bindparam("kept")).scalar_subquery()
)
_WINDOW: Final = select(func.min(_events.c.id), func.max(_events.c.id))
_EVENTS_SINCE: Final = (
    select(*EVENT_COLUMNS)
    .where(_events.c.id > bindparam("after"))
    .order_by(_events.c.id)
    .limit(bindparam("most"))
)
_OF_PROJECT: Final = _EVENTS_SINCE.where(_events.c.project_id == bindparam("project"))

_c = t.changes.c
_ADVANCE: Final = (
    update(t.gateways)
    .where(t.gateways.c.id == bindparam("gateway"))
    .values(cursor=t.gateways.c.cursor + bindparam("by"))
    .returning(t.gateways.c.cursor)
)
_SAME_OBJECT: Final = (
    (_c.gateway_id == bindparam("gateway"))
    & (_c.kind == bindparam("of_kind"))
    & (_c.object_id == bindparam("object"))
)
_REPLACE: Final = (
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
_FORGET: Final = delete(t.changes).where(_SAME_OBJECT)
_ADD: Final = insert(t.changes).values(
    gateway_id=bindparam("gateway"),
    kind=bindparam("of_kind"),
    object_id=bindparam("object"),
    router_id=bindparam("router"),
    revision=bindparam("newest"),
    deleted=bindparam("gone"),
    cursor=bindparam("at"),
    request_id=bindparam("for_request"),
)
_POSITION: Final = select(t.gateways.c.cursor, t.gateways.c.kept_from).where(
    t.gateways.c.id == bindparam("gateway")
)
_POSITIONS: Final = select(t.gateways.c.id, t.gateways.c.cursor)
_CHANGES_SINCE: Final = (
    select(_c.cursor, _c.kind, _c.object_id.label("id"), _c.router_id, _c.revision, _c.deleted,
           _c.request_id)
    .where(_c.gateway_id == bindparam("gateway"), _c.cursor > bindparam("after"))
    .order_by(_c.cursor)
    .limit(bindparam("most"))
)  # fmt: skip
_TRIM: Final = (
    delete(t.changes)
    .where(_c.gateway_id == bindparam("gateway"), _c.deleted)
    .where(_c.cursor <= bindparam("up_to"))
)
_KEPT_FROM: Final = (
    update(t.gateways)
    .where(t.gateways.c.id == bindparam("gateway"))
    .values(kept_from=bindparam("up_to"))
)


class SerialOrder:
    """See `landbridge.store.order.Order`."""

    event_number: ColumnElement[int] = _events.c.id
    event_keys = (_events.c.id,)
    readable: ColumnElement[bool] = true()

    def before(self, number: int) -> ColumnElement[bool]:
        return _events.c.id < number

    def add_events(self, tx: Connection, rows: Sequence[Columns]) -> None:
        run_many(tx, _ADD_EVENT, rows)

    def window(self, tx: Connection) -> Window:
        oldest, newest = tx.execute(_WINDOW).one()
        return Window((oldest or 1) - 1, newest or 0, newest or 0)

    def events(self, tx: Connection, after: int, project_id: str | None, most: int) -> News[Event]:
        asked = {"after": after, "most": most}
        if project_id is None:
            rows = tx.execute(_EVENTS_SINCE, asked)
        else:
            rows = tx.execute(_OF_PROJECT, asked | {"project": project_id})
        return News([Event(*row) for row in rows])

    def trim(self, tx: Connection, events: int, deletions: int) -> None:
        tx.execute(_TRIM_EVENTS, {"kept": events})

    def record(
        self, tx: Connection, gateway_id: str, kind: Kind, items: Sequence[Item], kept: int
    ) -> None:
        """Raises: LookupError."""
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
            _trim(tx, gateway_id, last - kept)

    def position(self, tx: Connection, gateway_id: str) -> int:
        found = one(tx, _POSITION, {"gateway": gateway_id})
        return 0 if found is None else int(found["cursor"])

    def positions(self, tx: Connection) -> dict[str, int]:
        return {str(row[0]): int(row[1]) for row in tx.execute(_POSITIONS)}

    def changes(self, tx: Connection, gateway_id: str, after: int, most: int) -> News[Change]:
        place = one(tx, _POSITION, {"gateway": gateway_id})
        if place is None or not place["kept_from"] <= after <= place["cursor"]:
            raise TooOld(f"cursor {after} of gateway {gateway_id}")
        rows = every(tx, _CHANGES_SINCE, {"gateway": gateway_id, "after": after, "most": most})
        return News([Change(**row) for row in rows])

    def renew(self, tx: Connection) -> None:
        """Nothing: the numbers are in the file."""

    def look(self, tx: Connection) -> HeldBack | None:
        """Nothing is held back: there is one writer."""
        return None

    def pass_by(self, tx: Connection) -> None:
        """There is nothing to pass by."""


def _trim(tx: Connection, gateway_id: str, up_to: int) -> None:
    if up_to <= 0:
        return
    if tx.execute(_TRIM, {"gateway": gateway_id, "up_to": up_to}).rowcount:
        tx.execute(_KEPT_FROM, {"gateway": gateway_id, "up_to": up_to})
