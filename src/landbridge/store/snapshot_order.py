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
from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    Row,
    TextClause,
    bindparam,
    insert,
    literal_column,
    text,
)
from sqlalchemy.dialects.postgresql import insert as upsert

from landbridge.model.gateway import Change
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

PLACES: Final = 20  # bits of an event's cursor below its stamp
_decoder: Final = msgspec.json.Decoder()

PATIENT: Final = 1.0  # seconds that one transaction may hold back all that came after it

_ORDER: Final = """
    WITH o AS (
        SELECT base, floor, numbered, kept_from,
               pg_snapshot_xmax(pg_current_snapshot())::text::bigint - 1 + base AS ended,
               pg_snapshot_xmin(pg_current_snapshot())::text::bigint + base AS oldest,
               greatest(pg_snapshot_xmin(pg_current_snapshot())::text::bigint + base, floor)
               AS horizon
        FROM ordering
    )"""
_CURSOR: Final = f"""CASE WHEN e.stamp <= o.numbered THEN e.id
    ELSE (e.stamp << {PLACES}) + row_number() OVER (PARTITION BY e.stamp ORDER BY e.id) END"""

_NUMBER: Final = f"""CASE WHEN events.stamp <= (SELECT numbered FROM ordering) THEN events.id
    ELSE (events.stamp << {PLACES}) + (
        SELECT count(*) FROM events e WHERE e.stamp = events.stamp AND e.id <= events.id) END"""


def _since(which: str) -> TextClause:
    return text(f"""{_ORDER}
        SELECT e.cursor, e.at, e.kind, e.resource, e.resource_id, e.project_id, e.content, e.final
        FROM (
            SELECT e.*, e.stamp < o.horizon AS final, {_CURSOR} AS cursor
            FROM events e CROSS JOIN o WHERE e.stamp >= :stamp
        ) e
        WHERE e.cursor > :after {which} ORDER BY e.stamp, e.id LIMIT :most""")


_EVENTS: Final = _since("")
_OF_PROJECT: Final = _since("AND e.project_id = :project")
_WINDOW: Final = text(f"""{_ORDER},
    newest AS (
        SELECT max(stamp) FILTER (WHERE stamp < o.horizon) AS final, max(stamp) AS seen
        FROM (
            (SELECT stamp FROM events CROSS JOIN o WHERE stamp < o.horizon
             ORDER BY stamp DESC LIMIT 1)
            UNION ALL (SELECT stamp FROM events ORDER BY stamp DESC LIMIT 1)
        ) e CROSS JOIN o
    ),
    cursors AS (
        SELECT e.stamp, CASE WHEN e.stamp <= o.numbered THEN max(e.id)
                        ELSE (e.stamp << {PLACES}) + count(*) END AS cursor
        FROM events e CROSS JOIN o CROSS JOIN newest n
        WHERE e.stamp IN (n.final, n.seen) GROUP BY e.stamp, o.numbered
    )
    SELECT o.kept_from,
           coalesce((SELECT cursor FROM cursors c JOIN newest n ON c.stamp = n.final), o.kept_from),
           coalesce((SELECT cursor FROM cursors c JOIN newest n ON c.stamp = n.seen), o.kept_from)
    FROM o""")
_FIRST_KEPT: Final = text(f"""{_ORDER}
    SELECT stamp FROM events CROSS JOIN o WHERE stamp < o.horizon
    ORDER BY stamp DESC, id DESC OFFSET :before LIMIT 1""")
_TRIM_EVENTS: Final = text("DELETE FROM events WHERE stamp < :first")
_EVENTS_KEPT_FROM: Final = text("""
    UPDATE ordering SET kept_from = greatest(kept_from, :cursor)""")
_ADD_EVENT: Final = insert(_events).inline()

_NEWEST_CHANGE: Final = """greatest(g.cursor, coalesce(
    (SELECT max(c.stamp) FROM changes c WHERE c.gateway_id = g.id), 0))"""
_POSITION: Final = text(f"""{_ORDER}
    SELECT least({_NEWEST_CHANGE}, o.horizon - 1)
    FROM gateways g CROSS JOIN o WHERE g.id = :gateway""")
_POSITIONS: Final = text(f"SELECT g.id, {_NEWEST_CHANGE} FROM gateways g")
_CHANGES: Final = text(f"""{_ORDER}
    SELECT g.kept_from, {_NEWEST_CHANGE} AS newest, c.stamp, c.kind, c.object_id, c.router_id,
           c.revision, c.deleted, c.request_id, c.final
    FROM gateways g CROSS JOIN o LEFT JOIN LATERAL (
        SELECT c.*, c.stamp < o.horizon AS final FROM changes c
        WHERE c.gateway_id = g.id AND c.stamp > :after
        ORDER BY c.stamp FETCH FIRST (:most) ROWS WITH TIES
    ) c ON true
    WHERE g.id = :gateway ORDER BY c.stamp, c.kind, c.object_id""")
_CROWDED: Final = text(f"""{_ORDER}
    SELECT gateway_id FROM changes CROSS JOIN o WHERE deleted AND stamp < o.horizon
    GROUP BY gateway_id HAVING count(*) > :kept ORDER BY gateway_id""")
_LAST_FORGOTTEN: Final = text(f"""{_ORDER}
    SELECT stamp FROM changes CROSS JOIN o
    WHERE gateway_id = :gateway AND deleted AND stamp < o.horizon
    ORDER BY stamp DESC OFFSET :kept LIMIT 1""")
_FORGET: Final = text("""
    DELETE FROM changes WHERE gateway_id = :gateway AND deleted AND stamp <= :up_to""")
_KEPT_FROM: Final = text("""
    UPDATE gateways SET kept_from = greatest(kept_from, :up_to) WHERE id = :gateway""")


def _recording() -> Any:
    given = ("gateway_id", "kind", "object_id", "router_id", "revision", "deleted", "request_id")
    added = upsert(t.changes).values({name: bindparam(f"the_{name}") for name in given})
    replaced = {name: added.excluded[name] for name in (*given[3:], "stamp")}
    return added.on_conflict_do_update(index_elements=given[:3], set_=replaced)


_RECORD: Final = _recording()

_NEWEST: Final = """greatest(o.floor, (SELECT coalesce(max(stamp), 0) FROM changes),
    (SELECT coalesce(max(stamp), 0) FROM events))"""
_LOOK: Final = text(f"""{_ORDER}
    SELECT o.oldest, o.ended, {_NEWEST} AS newest,
           greatest((SELECT max(stamp) FROM changes), (SELECT max(stamp) FROM events))
           >= o.oldest AS waiting
    FROM o""")
#: Locks know the lower half of a transaction's number: the newest that has ended tells the other.
_PASS_BY: Final = text(f"""{_ORDER},
    locks AS MATERIALIZED (SELECT * FROM pg_locks),
    writers AS (
        SELECT ((o.ended - o.base) % 4294967296 - w.transactionid::text::bigint + 4294967296)
               % 4294967296 AS before
        FROM o CROSS JOIN locks w
        WHERE w.locktype = 'transactionid' AND w.mode = 'ExclusiveLock' AND w.granted
        AND w.virtualtransaction IN (
            SELECT virtualtransaction FROM locks
            WHERE locktype = 'relation' AND mode <> 'AccessShareLock'
            AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
            AND relation IN ('events'::regclass, 'changes'::regclass)
        )
    )
    UPDATE ordering SET floor = greatest(ordering.floor, o.ended - coalesce(
        (SELECT max(before) FROM writers WHERE before < 2147483648), 0))
    FROM o""")
_HOLDER: Final = text("""
    SELECT l.pid, a.usename, a.datname FROM pg_locks l
    LEFT JOIN pg_stat_activity a ON a.pid = l.pid
    WHERE l.locktype = 'transactionid' AND l.mode = 'ExclusiveLock' AND l.granted
    ORDER BY age(l.transactionid) DESC LIMIT 1""")
_RENEW: Final = text(f"""{_ORDER}
    SELECT {_NEWEST} AS newest, pg_current_xact_id()::text::bigint + o.base AS own, o.base
    FROM o""")
_BASE: Final = text("UPDATE ordering SET base = :base")


class _Stuck(NamedTuple):
    """The oldest transaction that runs, and since when it has been that."""

    oldest: int
    since: float


class SnapshotOrder:
    """See `landbridge.store.order.Order`."""

    event_number: ColumnElement[int] = literal_column(_NUMBER, BigInteger)

    def __init__(self) -> None:
        self._stuck = _Stuck(-1, 0.0)

    def add_events(self, tx: Connection, rows: Sequence[Columns]) -> None:
        run_many(tx, _ADD_EVENT, rows)

    def window(self, tx: Connection) -> Window:
        return Window(*tx.execute(_WINDOW).one())

    def events(self, tx: Connection, after: int, project_id: str | None, most: int) -> News[Event]:
        asked = {"after": after, "stamp": after >> PLACES, "most": most}
        query = _EVENTS if project_id is None else _OF_PROJECT
        rows = tx.execute(query, asked if project_id is None else asked | {"project": project_id})
        found = [(_event(row), row.final) for row in rows]
        final = [event for event, is_final in found if is_final]
        return News(final, held=len(final) < len(found))

    def trim(self, tx: Connection, events: int, deletions: int) -> None:
        first = tx.execute(_FIRST_KEPT, {"before": events - 1}).scalar()
        if first is not None and tx.execute(_TRIM_EVENTS, {"first": first}).rowcount:
            tx.execute(_EVENTS_KEPT_FROM, {"cursor": first << PLACES})
        for gateway in tx.execute(_CROWDED, {"kept": deletions}).scalars().all():
            asked = {"gateway": gateway, "kept": deletions}
            up_to = tx.execute(_LAST_FORGOTTEN, asked).scalar()
            tx.execute(_KEPT_FROM, {"gateway": gateway, "up_to": up_to})
            tx.execute(_FORGET, {"gateway": gateway, "up_to": up_to})

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
        run_many(tx, _RECORD, rows)

    def position(self, tx: Connection, gateway_id: str) -> int:
        found = tx.execute(_POSITION, {"gateway": gateway_id}).scalar()
        return 0 if found is None else int(found)

    def positions(self, tx: Connection) -> dict[str, int]:
        return {str(row[0]): int(row[1]) for row in tx.execute(_POSITIONS)}

    def changes(self, tx: Connection, gateway_id: str, after: int, most: int) -> News[Change]:
        asked = {"gateway": gateway_id, "after": after, "most": most}
        rows = tx.execute(_CHANGES, asked).all()
        if not rows or not rows[0].kept_from <= after <= rows[0].newest:
            raise TooOld(f"cursor {after} of gateway {gateway_id}")
        found = [row for row in rows if row.stamp is not None]
        final = [row for row in found if row.final]
        return News(list(_lines(final)), held=len(final) < len(found))

    def renew(self, tx: Connection) -> None:
        newest, own, base = tx.execute(_RENEW).one()
        if newest < own:
            return
        base += newest - own + 1
        tx.execute(_BASE, {"base": base})
        for table in (t.changes, _events):
            default = transaction_stamp(base).compile(dialect=tx.dialect)
            tx.exec_driver_sql(f"ALTER TABLE {table.name} ALTER COLUMN stamp SET DEFAULT {default}")

    def look(self, tx: Connection) -> HeldBack | None:
        found = tx.execute(_LOOK).one()
        if found.newest > found.ended:
            raise HistoryMoved
        now = monotonic()
        if not found.waiting or found.oldest != self._stuck.oldest:
            self._stuck = _Stuck(found.oldest, now)
        seconds = now - self._stuck.since
        if not found.waiting or seconds < PATIENT:
            return None
        holder = tx.execute(_HOLDER).first()
        return HeldBack(seconds, "" if holder is None else _told(holder))

    def pass_by(self, tx: Connection) -> None:
        tx.execute(_PASS_BY)


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
