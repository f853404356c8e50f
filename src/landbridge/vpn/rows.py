"""Reading and writing one row: what all resources have in common.

Rules this module keeps:
- Ids, times and `revision_number` are made here and nowhere else.
- An update writes the columns that changed and no others, so that two updates of different
  attributes both hold.
- A reference is looked up within a scope: the project whose objects may be referred to, or
  None for an administrator. What is out of scope is not found. Ids are matched in lower case.
- What many connections depend on is changed alone (`store.transaction.enter`), so that what a
  decision depends on still holds at the commit.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import cache
from typing import Any, cast
from uuid import uuid4

from msgspec.structs import replace
from sqlalchemy import Connection, Delete, Insert, Select, Table, Update, bindparam
from sqlalchemy import delete as sql_delete
from sqlalchemy import insert as sql_insert
from sqlalchemy import select as sql_select
from sqlalchemy import update as sql_update

from landbridge.errors import ApiError
from landbridge.store import statements
from landbridge.store.columns import Columns
from landbridge.store.resource_rows import NetworkRow, R, ResourceRow, ResourceTable
from landbridge.store.transaction import utcnow

Scope = str | None

#: Values by attribute, as a request gives them to `create` and `update` of a resource, and as
#: `present` gives them to the answer.
Attributes = dict[str, Any]


def new_id() -> str:
    return str(uuid4())


def insert(
    tx: Connection, table: ResourceTable[R], values: Mapping[str, Any], *, id: str | None = None
) -> R:
    """A new resource of the attributes in `values` that are columns; returns its row."""
    now = utcnow()
    given = {name: value for name, value in values.items() if name in table.fields}
    made = {"id": id or new_id(), "revision_number": 0, "created_at": now, "updated_at": now}
    found = cast(Columns, statements.one(tx, _insert(table.table), given | made))  # RETURNING
    return table.row(found)


def update(tx: Connection, table: ResourceTable[R], row: R, changes: Mapping[str, Any]) -> R:
    """Write `changes` to `row`; returns the row as it is now.

    Changes that change nothing are left out, and the row untouched when nothing is left.
    """
    given = {
        name: value
        for name, value in changes.items()
        if name in table.fields and getattr(row, name) != value
    }
    return _write(tx, table, row, given) if given else row


def touch(tx: Connection, table: ResourceTable[R], row: R) -> R:
    """Something that belongs to the resource has changed: clients see a newer revision."""
    return _write(tx, table, row, {})


def _write(tx: Connection, table: ResourceTable[R], row: R, given: Columns) -> R:
    given |= {"revision_number": row.revision_number + 1, "updated_at": utcnow()}
    statements.later(tx, _update(table.table), given | {"the_id": row.id})
    return replace(row, **given)


def delete(tx: Connection, table: ResourceTable[R], row: R) -> None:
    statements.later(tx, _delete(table.table), {"the_id": row.id})


def get(tx: Connection, table: ResourceTable[R], id: str, *, to_change: bool = False) -> R | None:
    """The row. `to_change`: locked until the commit."""
    found = statements.one(tx, _select(table.table, to_change), {"the_id": id.lower()})
    return None if found is None else table.row(found)


def refer(
    tx: Connection,
    table: ResourceTable[R],
    id: str,
    scope: Scope,
    missing: Callable[[str], ApiError],
    *,
    to_change: bool = False,
) -> R:
    """The row that `id` refers to. Raises: what `missing` makes of the id."""
    row = get(tx, table, id, to_change=to_change)
    if row is None or not visible(row, scope):
        raise missing(id)
    return row


def owned(project_id: str, scope: Scope) -> bool:
    """Whether an object of that project is of the scope."""
    return scope is None or project_id == scope


def visible(row: ResourceRow, scope: Scope) -> bool:
    """Whether a caller of the scope may refer to the object: its own, and shared networks."""
    shared = isinstance(row, NetworkRow) and (row.shared or row.router_external)
    return shared or owned(row.project_id, scope)


def by_id(tx: Connection, table: ResourceTable[R], ids: Iterable[str]) -> dict[str, R]:
    """Many rows in one statement."""
    wanted = sorted(set(ids))
    if not wanted:
        return {}
    found = table.read_all(tx.execute(_select_many(table), {"ids": wanted}))
    return {row.id: row for row in found}


def first(tx: Connection, query: Select[Any], parameters: Columns | None = None) -> Any:
    """The first column of the first row, or None."""
    return tx.execute(query.limit(1), parameters or {}).scalar()


@cache
def _insert(table: Table) -> Insert:
    return sql_insert(table).returning(*table.c)


@cache
def _update(table: Table) -> Update:
    return sql_update(table).where(table.c.id == bindparam("the_id"))


@cache
def _delete(table: Table) -> Delete:
    return sql_delete(table).where(table.c.id == bindparam("the_id"))


@cache
def _select(table: Table, to_change: bool) -> Select[Any]:
    query = sql_select(table).where(table.c.id == bindparam("the_id"))
    return query.with_for_update(key_share=True) if to_change else query


@cache
def _select_many(table: ResourceTable[ResourceRow]) -> Select[Any]:
    return sql_select(*table.columns).where(table.table.c.id.in_(bindparam("ids", expanding=True)))
