"""Reading and writing one row: what all resources have in common.

Rules this module keeps:
- Ids, times and `revision_number` are made here and nowhere else.
- An update writes the columns that changed and no others, so that two updates of different
  attributes both hold.
- A reference is looked up within a scope: the project whose objects may be referred to, or
  None for an administrator. What is out of scope is not found. Ids are matched in lower case.
- What many connections rest on is changed alone (`store.transaction.enter`), so what a
  decision rests on still holds at the commit.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import cache
from typing import Any, cast
from uuid import uuid4

from sqlalchemy import Connection, Delete, Insert, Result, Select, Table, Update, bindparam
from sqlalchemy import delete as sql_delete
from sqlalchemy import insert as sql_insert
from sqlalchemy import select as sql_select
from sqlalchemy import update as sql_update

from landbridge.errors import ApiError
from landbridge.store import statements
from landbridge.store.transaction import Row, utcnow

Scope = str | None


def new_id() -> str:
    return str(uuid4())


def insert(tx: Connection, table: Table, values: Row, *, id: str | None = None) -> Row:
    """A new resource of the attributes in `values` that are columns; returns its row."""
    now = utcnow()
    given = {name: value for name, value in values.items() if name in table.c}
    made = {"id": id or new_id(), "revision_number": 0, "created_at": now, "updated_at": now}
    return cast(Row, statements.one(tx, _insert(table), given | made))


def update(tx: Connection, table: Table, row: Row, changes: Row) -> Row:
    """Write `changes` to `row`; returns the row as it is now.

    Changes that change nothing are left out, and the row untouched when nothing is left.
    """
    given = {
        name: value for name, value in changes.items() if name in table.c and row.get(name) != value
    }
    if not given:
        return row
    given |= {"revision_number": row["revision_number"] + 1, "updated_at": utcnow()}
    statements.run(tx, _update(table), given | {"the_id": row["id"]})
    return row | given


def touch(tx: Connection, table: Table, row: Row) -> Row:
    """Something that belongs to the resource has changed: clients see a newer revision."""
    given = {"revision_number": row["revision_number"] + 1, "updated_at": utcnow()}
    statements.run(tx, _update(table), given | {"the_id": row["id"]})
    return row | given


def delete(tx: Connection, table: Table, row: Row) -> None:
    statements.run(tx, _delete(table), {"the_id": row["id"]})


def get(tx: Connection, table: Table, id: str, *, to_change: bool = False) -> Row | None:
    """The row. `to_change`: locked until the commit."""
    return statements.one(tx, _select(table, to_change), {"the_id": id.lower()})


def refer(
    tx: Connection,
    table: Table,
    id: str,
    scope: Scope,
    missing: Callable[[str], ApiError],
    *,
    to_change: bool = False,
) -> Row:
    """The row that `id` refers to. Raises: what `missing` makes of the id."""
    row = get(tx, table, id, to_change=to_change)
    if row is None or not visible(row, scope):
        raise missing(id)
    return row


def visible(row: Row, scope: Scope) -> bool:
    return (
        scope is None
        or row["project_id"] == scope
        or bool(row.get("shared"))
        or bool(row.get("router_external"))
    )


def by_id(tx: Connection, table: Table, ids: Iterable[str]) -> dict[str, Row]:
    """Many rows in one statement."""
    wanted = sorted(set(ids))
    if not wanted:
        return {}
    found = fetch_all(tx.execute(_select_many(table), {"ids": wanted}))
    return {row["id"]: row for row in found}


def fetch_all(result: Result[Any]) -> list[Row]:
    """As `mappings` gives them, in two thirds of its time."""
    names = tuple(result.keys())
    return [dict(zip(names, found, strict=True)) for found in result]


def first(tx: Connection, query: Select[Any], parameters: Row | None = None) -> Any:
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
def _select_many(table: Table) -> Select[Any]:
    return sql_select(table).where(table.c.id.in_(bindparam("ids", expanding=True)))
