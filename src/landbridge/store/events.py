"""The event log: for listeners, and as the history of connections.

Rules this module keeps:
- An event is noted where it occurs and written in the same transaction, just before the commit:
  what was rolled back leaves no event. So all rows that it is about are locked before.
- A reader that continues after a number has missed nothing (`landbridge.store.order`), and gets the
  events of one object in the order in which they happened.
- The newest `KEPT` events are kept for listeners that reconnect; each connection's history keeps
  its last `KEPT_HISTORY` events, and `KEPT_ROUTINE` routine events (rekeyings) besides.
- Content has names of attributes, and statuses; of the values that users typed only names.
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import msgspec
from sqlalchemy import (
    ColumnElement,
    Connection,
    Delete,
    Select,
    Text,
    bindparam,
    delete,
    func,
    insert,
    select,
    type_coerce,
)

from landbridge.store import changes
from landbridge.store.columns import Columns
from landbridge.store.hub import EVENTS
from landbridge.store.order import Content, Event, News, Window, order_of
from landbridge.store.records import EVENT_COLUMNS
from landbridge.store.records import events as _events
from landbridge.store.records import history as _history
from landbridge.store.resource_rows import ResourceRow
from landbridge.store.statements import run_many
from landbridge.store.transaction import pending, precisely, wake

__all__ = ["Content", "Event", "Window", "flush", "history", "news", "note", "since", "window"]

KEPT: Final = 10_000
KEPT_HISTORY: Final = 100
KEPT_ROUTINE: Final = 20
USUAL_PAGE: Final = 100  # of a log's
MOST_PAGE: Final = 500

CONNECTION: Final = "ipsec_site_connection"
DELETED: Final = "deleted"
_SHOWN: Final = (
    "name",
    "status",
    "status_reason",
    "status_message",
    "status_changed_at",
    "selector_mode",
    "revision_number",
    "revision",
    "applied_revision",
)


Note = tuple[Event, bool]  # with whether it is routine


class Wanted(NamedTuple):
    """Which events are asked for; empty: all. `name`: a text that the object's name has."""

    kinds: tuple[str, ...] = ()
    resources: tuple[str, ...] = ()
    ids: tuple[str, ...] = ()
    name: str = ""


def _trimming(*, routine: bool) -> Delete:
    """Deletes the newest surplus row and all older ones; NULL while there is none."""
    kept = KEPT_ROUTINE if routine else KEPT_HISTORY
    which = (_history.c.connection_id == bindparam("of")) & (_history.c.routine == routine)
    newest_first = select(_history.c.id).where(which).order_by(_history.c.id.desc())
    surplus = newest_first.limit(1).offset(kept).scalar_subquery()
    return delete(_history).where(which, _history.c.id <= surplus)


_TRIM_HISTORY: Final = {routine: _trimming(routine=routine) for routine in (False, True)}
_ADD_HISTORY: Final = insert(_history).inline()
_HISTORY_OF: Final = (
    select(_history)
    .where(_history.c.connection_id == bindparam("of"))
    .order_by(_history.c.id.desc())
    .limit(bindparam("most"))
)


def note(
    tx: Connection,
    kind: str,
    resource: str,
    row: ResourceRow,
    *,
    at: str = "",
    routine: bool = False,
    **details: Any,
) -> None:
    """Note an event of the object `row`, as it is after the event. `at`: its time, if not now."""
    shown = {name: getattr(row, name) for name in _SHOWN if name in row.__struct_fields__}
    event = Event(0, at or precisely(), kind, resource, row.id, row.project_id, shown | details)
    pending(tx).notes.append((event, routine))


def flush(tx: Connection) -> None:
    """Write the noted events; the last statements before a commit, which may be shared."""
    told = pending(tx)
    notes: list[Note] = told.notes
    told.notes = []
    if not notes:
        return
    order_of(tx).add_events(tx, [_event_row(event) for event, _ in notes])
    if kept := _of_connections(notes):
        run_many(tx, _ADD_HISTORY, [_history_row(event, routine) for event, routine in kept])
    for routine, statement in _TRIM_HISTORY.items():
        if concerned := {event.resource_id for event, of in kept if of is routine}:
            run_many(tx, statement, [{"of": one} for one in sorted(concerned)])
    wake(tx, EVENTS)


def _of_connections(notes: list[Note]) -> list[Note]:
    """The events for histories: of connections that exist at the commit."""
    about = [(event, routine) for event, routine in notes if event.resource == CONNECTION]
    gone = {event.resource_id for event, _ in about if event.kind == DELETED}
    return [(event, routine) for event, routine in about if event.resource_id not in gone]


def trim(tx: Connection) -> None:
    """Delete the oldest events, and deletions that gateways have to hear of; called
    periodically."""
    order_of(tx).trim(tx, KEPT, changes.KEPT)


def window(tx: Connection) -> Window:
    return order_of(tx).window(tx)


def news(tx: Connection, number: int, project_id: str | None, limit: int = 500) -> News[Event]:
    """The events after `number`, oldest first; of one project, or of all (None)."""
    return order_of(tx).events(tx, number, project_id, limit)


def since(tx: Connection, number: int, project_id: str | None, limit: int = 500) -> list[Event]:
    """The same without what is to come."""
    return news(tx, number, project_id, limit).found


def count_since(tx: Connection, at: str, project_id: str | None) -> int:
    """How many events of a project, or of all (None), there were since `at`."""
    query = select(func.count()).select_from(_events).where(*_recent(at, project_id))
    return tx.execute(query).scalar_one()


def newest(tx: Connection, at: str, project_id: str | None, limit: int) -> list[Event]:
    """The newest events since `at`, newest first."""
    query = _newest_first(tx).where(*_recent(at, project_id))
    return [Event(*row) for row in tx.execute(query.limit(limit))]


def older(
    tx: Connection, before: int | None, project_id: str | None, wanted: Wanted, limit: int
) -> list[Event]:
    """The newest events that fit, of those before the number `before`, newest first. Of a name that
    is no ASCII some do not fit: databases differ on its case."""
    query = _newest_first(tx).limit(limit)
    if before is not None:
        query = query.where(order_of(tx).before(before))
    if project_id is not None:
        query = query.where(_events.c.project_id == project_id)
    for column, values in (
        (_events.c.kind, wanted.kinds),
        (_events.c.resource, wanted.resources),
        (_events.c.resource_id, wanted.ids),
    ):
        if values:
            query = query.where(column.in_(values))
    if wanted.name and wanted.name.isascii():
        query = query.where(_in_content(wanted.name))
    return [Event(*row) for row in tx.execute(query)]


def _newest_first(tx: Connection) -> Select[Any]:
    """Those that listeners may have: their numbers are final."""
    order = order_of(tx)
    query = select(order.event_number, *EVENT_COLUMNS[1:]).where(order.readable)
    return query.order_by(*(column.desc() for column in order.event_keys))


def _in_content(text: str) -> ColumnElement[bool]:
    """Whether it stands anywhere in the content, which is kept as JSON."""
    kept = func.lower(type_coerce(_events.c.content, Text()))
    inside = msgspec.json.encode(text.lower())[1:-1].decode()
    return kept.contains(inside, autoescape=True)


def _recent(at: str, project_id: str | None) -> list[ColumnElement[bool]]:
    of_project = [] if project_id is None else [_events.c.project_id == project_id]
    return [_events.c.at >= at, *of_project]


def history(tx: Connection, connection_id: str, limit: int = KEPT_HISTORY) -> list[Content]:
    """The last events of a connection, newest first, as they are shown."""
    rows = tx.execute(_HISTORY_OF, {"of": connection_id, "most": limit}).mappings()
    return [
        {"id": row["id"], "at": row["at"], "kind": row["kind"]} | row["content"] for row in rows
    ]


def shown(event: Event) -> Content:
    """As who may see it is told."""
    about = {
        "at": event.at,
        "kind": event.kind,
        "resource": event.resource,
        "id": event.resource_id,
        "project_id": event.project_id,
    }
    return about | event.content


def _event_row(event: Event) -> Columns:
    row = event._asdict()
    del row["number"]
    return row


def _history_row(event: Event, routine: bool) -> Columns:
    return {
        "connection_id": event.resource_id,
        "at": event.at,
        "kind": event.kind,
        "routine": routine,
        "content": event.content,
    }
