"""What happened, for who listens and who asks later.

Rules this module keeps:
- An event is noted where it happens and written with the same commit, just before it: what was
  rolled back has not happened.
- Numbers grow in the order of commits: who goes on after number N has missed nothing.
- The newest `KEPT` events stay for listeners that come back; each connection's history keeps
  its last `KEPT_HISTORY`, and of what happens by routine (rekeys) `KEPT_ROUTINE` besides.
- Content names attributes and shows statuses; it holds no value that a user typed but names.
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple

from sqlalchemy import Connection, Delete, bindparam, delete, func, insert, select

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
    """One thing that happened to one object. `number` is 0 before it is written."""

    number: int
    at: str
    kind: str
    resource: str
    resource_id: str
    project_id: str
    content: Content


Note = tuple[Event, bool]  # with whether it happens by routine


class Window(NamedTuple):
    """The events that are kept: after `oldest`, up to `newest`."""

    oldest: int
    newest: int


def _trimming(*, routine: bool) -> Delete:
    """The newest row that is too many, and all before it; NULL while there is none."""
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
    """Something has happened to `row`, which is as it is now. `at`: when, if not now."""
    shown = {name: getattr(row, name) for name in _SHOWN if name in row.__struct_fields__}
    event = Event(0, at or precisely(), kind, resource, row.id, row.project_id, shown | details)
    pending(tx).notes.append((event, routine))


def flush(tx: Connection) -> None:
    """Write what was noted; the last statements before a commit, whoever shares it."""
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
    """Those that belong into a history: of connections that are there at the commit."""
    about = [(event, routine) for event, routine in notes if event.resource == CONNECTION]
    gone = {event.resource_id for event, _ in about if event.kind == DELETED}
    return [(event, routine) for event, routine in about if event.resource_id not in gone]


def trim(tx: Connection) -> None:
    """Forget the oldest events; now and then."""
    tx.execute(_TRIM_EVENTS)


def window(tx: Connection) -> Window:
    oldest, newest = tx.execute(_WINDOW).one()
    return Window((oldest or 1) - 1, newest or 0)


def since(tx: Connection, number: int, project_id: str | None, limit: int = 500) -> list[Event]:
    """What is newer than `number`, oldest first; of one project, or of all (None)."""
    after = {"after": number, "most": limit}
    if project_id is None:
        rows = tx.execute(_SINCE, after)
    else:
        rows = tx.execute(_OF_PROJECT, after | {"project": project_id})
    return [Event(*row) for row in rows]


def history(tx: Connection, connection_id: str, limit: int = KEPT_HISTORY) -> list[Content]:
    """The last events of a connection, newest first, as they are shown."""
    rows = tx.execute(_HISTORY_OF, {"of": connection_id, "most": limit}).mappings()
    return [
        {"id": row["id"], "at": row["at"], "kind": row["kind"]} | row["content"] for row in rows
    ]


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
