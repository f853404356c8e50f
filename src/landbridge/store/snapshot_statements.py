"""The statements of `landbridge.store.snapshot_order`, as PostgreSQL takes them.

Rules this module keeps:
- Each is one statement, of one snapshot: the horizon and the rows below it go together.
- They are texts: they ask what no other database has (snapshots, locks, ties).
"""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import (
    BigInteger,
    Boolean,
    ColumnElement,
    TextClause,
    bindparam,
    insert,
    literal_column,
    text,
)
from sqlalchemy.dialects.postgresql import insert as upsert

from landbridge.store import tables as t
from landbridge.store.records import events as _events

PLACES: Final = 20  # bits of an event's cursor below its stamp


ORDER: Final = """
    WITH o AS (
        SELECT base, floor, numbered, kept_from,
               pg_snapshot_xmax(pg_current_snapshot())::text::bigint - 1 + base AS ended,
               pg_snapshot_xmin(pg_current_snapshot())::text::bigint + base AS oldest,
               greatest(pg_snapshot_xmin(pg_current_snapshot())::text::bigint + base, floor)
               AS horizon
        FROM ordering
    )"""
CURSOR: Final = f"""CASE WHEN e.stamp <= o.numbered THEN e.id
    ELSE (e.stamp << {PLACES}) + row_number() OVER (PARTITION BY e.stamp ORDER BY e.id) END"""

NUMBER: Final = f"""CASE WHEN events.stamp <= (SELECT numbered FROM ordering) THEN events.id
    ELSE (events.stamp << {PLACES}) + (
        SELECT count(*) FROM events e WHERE e.stamp = events.stamp AND e.id <= events.id) END"""


def _since(which: str) -> TextClause:
    return text(f"""{ORDER}
        SELECT e.cursor, e.at, e.kind, e.resource, e.resource_id, e.project_id, e.content, e.final
        FROM (
            SELECT e.*, e.stamp < o.horizon AS final, {CURSOR} AS cursor
            FROM events e CROSS JOIN o WHERE e.stamp >= :stamp
        ) e
        WHERE e.cursor > :after {which} ORDER BY e.stamp, e.id LIMIT :most""")


EVENTS: Final = _since("")
OF_PROJECT: Final = _since("AND e.project_id = :project")
WINDOW: Final = text(f"""{ORDER},
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
FIRST_KEPT: Final = text(f"""{ORDER}
    SELECT stamp FROM events CROSS JOIN o WHERE stamp < o.horizon
    ORDER BY stamp DESC, id DESC OFFSET :before LIMIT 1""")
TRIM_EVENTS: Final = text("DELETE FROM events WHERE stamp < :first")
EVENTS_KEPT_FROM: Final = text("""
    UPDATE ordering SET kept_from = greatest(kept_from, :cursor)""")
ADD_EVENT: Final = insert(_events).inline()

NEWEST_CHANGE: Final = """greatest(g.cursor, coalesce(
    (SELECT max(c.stamp) FROM changes c WHERE c.gateway_id = g.id), 0))"""
POSITION: Final = text(f"""{ORDER}
    SELECT least({NEWEST_CHANGE}, o.horizon - 1)
    FROM gateways g CROSS JOIN o WHERE g.id = :gateway""")
POSITIONS: Final = text(f"SELECT g.id, {NEWEST_CHANGE} FROM gateways g")
CHANGES: Final = text(f"""{ORDER}
    SELECT g.kept_from, {NEWEST_CHANGE} AS newest, c.stamp, c.kind, c.object_id, c.router_id,
           c.revision, c.deleted, c.request_id, c.final
    FROM gateways g CROSS JOIN o LEFT JOIN LATERAL (
        SELECT c.*, c.stamp < o.horizon AS final FROM changes c
        WHERE c.gateway_id = g.id AND c.stamp > :after
        ORDER BY c.stamp FETCH FIRST (:most) ROWS WITH TIES
    ) c ON true
    WHERE g.id = :gateway ORDER BY c.stamp, c.kind, c.object_id""")
CROWDED: Final = text(f"""{ORDER}
    SELECT gateway_id FROM changes CROSS JOIN o WHERE deleted AND stamp < o.horizon
    GROUP BY gateway_id HAVING count(*) > :kept ORDER BY gateway_id""")
LAST_FORGOTTEN: Final = text(f"""{ORDER}
    SELECT stamp FROM changes CROSS JOIN o
    WHERE gateway_id = :gateway AND deleted AND stamp < o.horizon
    ORDER BY stamp DESC OFFSET :kept LIMIT 1""")
FORGET: Final = text("""
    DELETE FROM changes WHERE gateway_id = :gateway AND deleted AND stamp <= :up_to""")
KEPT_FROM: Final = text("""
    UPDATE gateways SET kept_from = greatest(kept_from, :up_to) WHERE id = :gateway""")


def _recording() -> Any:
    given = ("gateway_id", "kind", "object_id", "router_id", "revision", "deleted", "request_id")
    added = upsert(t.changes).values({name: bindparam(f"the_{name}") for name in given})
    replaced = {name: added.excluded[name] for name in (*given[3:], "stamp")}
    return added.on_conflict_do_update(index_elements=given[:3], set_=replaced)


RECORD: Final = _recording()

NEWEST: Final = """greatest(o.floor, (SELECT coalesce(max(stamp), 0) FROM changes),
    (SELECT coalesce(max(stamp), 0) FROM events))"""
LOOK: Final = text(f"""{ORDER}
    SELECT o.oldest, o.ended, {NEWEST} AS newest,
           greatest((SELECT max(stamp) FROM changes), (SELECT max(stamp) FROM events))
           >= o.oldest AS waiting
    FROM o""")
#: Locks know the lower half of a transaction's number: the newest that has ended tells the other.
PASS_BY: Final = text(f"""{ORDER},
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
HOLDER: Final = text("""
    SELECT l.pid, a.usename, a.datname FROM pg_locks l
    LEFT JOIN pg_stat_activity a ON a.pid = l.pid
    WHERE l.locktype = 'transactionid' AND l.mode = 'ExclusiveLock' AND l.granted
    ORDER BY age(l.transactionid) DESC LIMIT 1""")
RENEW: Final = text(f"""{ORDER}
    SELECT {NEWEST} AS newest, pg_current_xact_id()::text::bigint + o.base AS own, o.base
    FROM o""")
BASE: Final = text("UPDATE ordering SET base = :base")

READABLE: Final[ColumnElement[bool]] = literal_column(
    """events.stamp < (SELECT greatest(
        pg_snapshot_xmin(pg_current_snapshot())::text::bigint + base, floor) FROM ordering)""",
    Boolean,
)
EVENT_NUMBER: Final[ColumnElement[int]] = literal_column(NUMBER, BigInteger)
