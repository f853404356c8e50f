"""The event log: for listeners, and as the history of connections.

Rules this module keeps:
- An event is noted where it occurs and written in the same transaction, just before the commit:
  what was rolled back leaves no event.
- Numbers grow in the order of commits: a reader that continues after number N has missed nothing.
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
    Text,
    bindparam,
    delete,
    func,
    insert,
    select,
    type_coerce,
)

from landbridge.store.columns import Columns
from landbridge.store.hub import EVENTS
from landbridge.store.records import events as _events
from landbridge.store.records import history as _history
from landbridge.store.resource_rows import ResourceRow
from landbridge.store.statements import run_many
from landbridge.store.transaction import order, pending, precisely, wake

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


#: What an event shows of its object, by attribute.
Content = dict[str, Any]


class Event(NamedTuple):
    """One event of one object. `number` is 0 before it is written."""

    number: int
    at: str
    kind: str
    resource: str
    resource_id: str
    project_id: str
    content: Content


Note = tuple[Event, bool]  # with whether it is routine


class Wanted(NamedTuple):
    """Which events are asked for; empty: all. `name`: a text that the object's name has."""

    kinds: tuple[str, ...] = ()
    resources: tuple[str, ...] = ()
    ids: tuple[str, ...] = ()
    name: str = ""


class Window(NamedTuple):
    """The events that are kept: after `oldest`, up to `newest`."""

    oldest: int
    newest: int


def _trimming(*, routine: bool) -> Delete:
    """Deletes the newest surplus row and all older ones; NULL while there is none."""
    kept = KEPT_ROUTINE if routine else KEPT_HISTORY
    which = (_history.c.connection_id == bindparam("of")) & (_history.c.routine == routine)
    newest_first = select(_history.c.id).where(which).order_by(_history.c.id.desc())
    surplus = newest_first.limit(1).offset(kept).scalar_subquery()
    return delete(_history).where(which, _history.c.id <= surplus)


_TRIM_HISTORY: Final = {routine: _trimming(routine=routine) for routine in (False, True)}
_TRIM_EVENTS: Final = delete(_events).where(
    _events.c.id <= select(func.max(_events.c.id) - KEPT).scalar_subquery()
)
_ADD_EVENT, _ADD_HISTORY = insert(_events).inline(), insert(_history).inline()
_WINDOW: Final = select(func.min(_events.c.id), func.max(_events.c.id))
_SINCE: Final = (
    select(_events)
    .where(_events.c.id > bindparam("after"))
    .order_by(_events.c.id)
    .limit(bindparam("most"))
)
_OF_PROJECT: Final = _SINCE.where(_events.c.project_id == bindparam("project"))
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
    order(tx)
    run_many(tx, _ADD_EVENT, [_event_row(event) for event, _ in notes])
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
    """Delete the oldest events; called periodically."""
    tx.execute(_TRIM_EVENTS)


def window(tx: Connection) -> Window:
    oldest, newest = tx.execute(_WINDOW).one()
    return Window((oldest or 1) - 1, newest or 0)


def since(tx: Connection, number: int, project_id: str | None, limit: int = 500) -> list[Event]:
    """The events after `number`, oldest first; of one project, or of all (None)."""
    after = {"after": number, "most": limit}
    if project_id is None:
        rows = tx.execute(_SINCE, after)
    else:
        rows = tx.execute(_OF_PROJECT, after | {"project": project_id})
    return [Event(*row) for row in rows]


def count_since(tx: Connection, at: str, project_id: str | None) -> int:
    """How many events of a project, or of all (None), there were since `at`."""
    query = select(func.count()).select_from(_events).where(*_recent(at, project_id))
    return tx.execute(query).scalar_one()


def newest(tx: Connection, at: str, project_id: str | None, limit: int) -> list[Event]:
    """The newest events since `at`, newest first."""
    query = select(_events).where(*_recent(at, project_id)).order_by(_events.c.id.desc())
    return [Event(*row) for row in tx.execute(query.limit(limit))]


def older(
    tx: Connection, before: int | None, project_id: str | None, wanted: Wanted, limit: int
) -> list[Event]:
    """The newest events that fit, of those before the number `before`, newest first. Of a name that
    is no ASCII some do not fit: databases differ on its case."""
    query = select(_events).order_by(_events.c.id.desc()).limit(limit)
    if before is not None:
        query = query.where(_events.c.id < before)
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
