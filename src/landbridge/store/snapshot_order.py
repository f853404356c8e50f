"""The order of a database with many writers at a time (PostgreSQL): transactions, by snapshots.

Rules this module keeps:
- Writers have nothing in common: no lock, no counter. A row is stamped by its column's default when
  it is written, with the number of its own transaction, or of the newest that has ended by then if
  that is larger (`columns.transaction_stamp`).
- Readers take what is stamped below their horizon: the oldest transaction that still runs, by
  ``pg_snapshot_xmin``. A row's stamp is never less than its transaction's number, so all rows below
  the horizon are there, and none comes later: the order of stamps is final.
- Of two transactions that change one object, the second has locked it after the first had ended,
  and is stamped at least as the first; rows of one stamp are ordered by their numbers. So what
  happened to one object is read in the order in which it happened.
- An event's cursor is its stamp and its place among those of the same stamp. A change's row moves
  when its object changes again; its cursor is the stamp, with the last change of the stamp only.
- A foreign transaction that runs for long would hold the horizon back. `pass_by` finds how far
  readers may go all the same, and keeps it for all processes (`ordering.floor`): no transaction
  that has written to these tables is older (``pg_locks``), and any that writes later is stamped as
  the newest that had ended then, or later.
- Stamps are numbers of transactions and `ordering.base`, which grows when the database moves to a
  server whose transactions are numbered below (a dump that was restored).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import groupby
from time import monotonic
from typing import Any, Final, NamedTuple

import msgspec
from msgspec.structs import replace
from sqlalchemy import ColumnElement, Connection, Row

from landbridge.model.gateway import Change
from landbridge.store import snapshot_statements as q
from landbridge.store import tables as t
from landbridge.store.columns import Columns, transaction_stamp
from landbridge.store.order import (
    Event,
    HeldBack,
    HistoryMoved,
    Item,
    Kind,
    News,
    TooOld,
    Window,
)
from landbridge.store.records import events as _events
from landbridge.store.statements import run_many
from landbridge.store.transaction import origin

PATIENT: Final = 1.0  # seconds that one transaction may hold back all that came after it
_decoder: Final = msgspec.json.Decoder()


class _Stuck(NamedTuple):
    """The oldest transaction that runs, and since when it has been that."""

    oldest: int
    since: float


class SnapshotOrder:
    """See `landbridge.store.order.Order`."""

    event_number: ColumnElement[int] = q.EVENT_NUMBER
    event_keys = (_events.c.stamp, _events.c.id)
    readable: ColumnElement[bool] = q.READABLE

    def before(self, number: int) -> ColumnElement[bool]:
        return (_events.c.stamp <= number >> q.PLACES) & (number > q.EVENT_NUMBER)

    def __init__(self) -> None:
        self._stuck = _Stuck(-1, 0.0)

    def add_events(self, tx: Connection, rows: Sequence[Columns]) -> None:
        run_many(tx, q.ADD_EVENT, rows)

    def window(self, tx: Connection) -> Window:
        return Window(*tx.execute(q.WINDOW).one())

    def events(self, tx: Connection, after: int, project_id: str | None, most: int) -> News[Event]:
        asked = {"after": after, "stamp": after >> q.PLACES, "most": most}
        query = q.EVENTS if project_id is None else q.OF_PROJECT
        rows = tx.execute(query, asked if project_id is None else asked | {"project": project_id})
        found = [(_event(row), row.final) for row in rows]
        final = [event for event, is_final in found if is_final]
        return News(final, held=len(final) < len(found))

    def trim(self, tx: Connection, events: int, deletions: int) -> None:
        first = tx.execute(q.FIRST_KEPT, {"before": events - 1}).scalar()
        if first is not None and tx.execute(q.TRIM_EVENTS, {"first": first}).rowcount:
            tx.execute(q.EVENTS_KEPT_FROM, {"cursor": first << q.PLACES})
        for gateway in tx.execute(q.CROWDED, {"kept": deletions}).scalars().all():
            asked = {"gateway": gateway, "kept": deletions}
            up_to = tx.execute(q.LAST_FORGOTTEN, asked).scalar()
            tx.execute(q.KEPT_FROM, {"gateway": gateway, "up_to": up_to})
            tx.execute(q.FORGET, {"gateway": gateway, "up_to": up_to})

    def record(
        self, tx: Connection, gateway_id: str, kind: Kind, items: Sequence[Item], kept: int
    ) -> None:
        rows = [
            {
                "the_gateway_id": gateway_id,
                "the_kind": kind,
                "the_object_id": item.object_id,
                "the_router_id": item.router_id,
                "the_revision": item.revision,
                "the_deleted": item.deleted,
                "the_request_id": origin(tx),
            }
            for item in items
        ]
        run_many(tx, q.RECORD, rows)

    def position(self, tx: Connection, gateway_id: str) -> int:
        found = tx.execute(q.POSITION, {"gateway": gateway_id}).scalar()
        return 0 if found is None else int(found)

    def positions(self, tx: Connection) -> dict[str, int]:
        return {str(row[0]): int(row[1]) for row in tx.execute(q.POSITIONS)}

    def changes(self, tx: Connection, gateway_id: str, after: int, most: int) -> News[Change]:
        asked = {"gateway": gateway_id, "after": after, "most": most}
        rows = tx.execute(q.CHANGES, asked).all()
        if not rows or not rows[0].kept_from <= after <= rows[0].newest:
            raise TooOld(f"cursor {after} of gateway {gateway_id}")
        found = [row for row in rows if row.stamp is not None]
        final = [row for row in found if row.final]
        return News(list(_lines(final)), held=len(final) < len(found))

    def renew(self, tx: Connection) -> None:
        newest, own, base = tx.execute(q.RENEW).one()
        if newest < own:
            return
        base += newest - own + 1
        tx.execute(q.BASE, {"base": base})
        for table in (t.changes, _events):
            default = transaction_stamp(base).compile(dialect=tx.dialect)
            tx.exec_driver_sql(f"ALTER TABLE {table.name} ALTER COLUMN stamp SET DEFAULT {default}")

    def look(self, tx: Connection) -> HeldBack | None:
        found = tx.execute(q.LOOK).one()
        if found.newest > found.ended:
            raise HistoryMoved
        now = monotonic()
        if not found.waiting or found.oldest != self._stuck.oldest:
            self._stuck = _Stuck(found.oldest, now)
        seconds = now - self._stuck.since
        if not found.waiting or seconds < PATIENT:
            return None
        holder = tx.execute(q.HOLDER).first()
        return HeldBack(seconds, "" if holder is None else _told(holder))

    def pass_by(self, tx: Connection) -> None:
        tx.execute(q.PASS_BY)


def _lines(rows: Iterable[Row[Any]]) -> Iterable[Change]:
    """The changes of a stamp have its cursor together: whoever has only some of them reads all of
    them again."""
    for stamp, group in groupby(rows, lambda row: row.stamp):
        changes = [
            Change(
                cursor=stamp - 1,
                kind=row.kind,
                id=row.object_id,
                router_id=row.router_id,
                revision=row.revision,
                deleted=row.deleted,
                request_id=row.request_id,
            )
            for row in group
        ]
        yield from changes[:-1]
        yield replace(changes[-1], cursor=stamp)


def _event(row: Row[Any]) -> Event:
    """`cursor`: the first of its columns."""
    values = dict(zip(Event._fields, row, strict=False))
    return Event(**values | {"content": _decoder.decode(row.content)})


def _told(holder: Row[Any]) -> str:
    return f"process {holder.pid} of user {holder.usename}, database {holder.datname}"
