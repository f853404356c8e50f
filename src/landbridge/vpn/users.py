"""Who uses an object, in words for the error that says it cannot be taken away.

Rules this module keeps:
- Named are a few users of the object's own project, by type, name and id; the others are counted.
  Another project's objects are never named.
- It is asked when the refusal is certain: it costs what was wanted nothing.
"""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, Table, func, select

from landbridge.store import tables as t

MOST_NAMED: Final = 3
KINDS: Final[dict[Table, str]] = {
    t.networks: "network",
    t.ports: "port",
    t.routers: "router",
    t.vpnservices: "vpnservice",
    t.endpoint_groups: "endpoint_group",
    t.ipsec_site_connections: "ipsec_site_connection",
}


def told(tx: Connection, table: Table, condition: ColumnElement[bool], project_id: str) -> str:
    """The objects of `table` that `condition` finds, for example ``ipsec_site_connection 'office'
    (ID) and 2 more``; empty: there are none."""
    kind, mine = KINDS[table], table.c.project_id == project_id
    number: int = tx.execute(select(func.count()).select_from(table).where(condition)).scalar_one()
    query = select(table.c.id, table.c.name).where(condition, mine).order_by(table.c.id)
    named = [_named(*row) for row in tx.execute(query.limit(MOST_NAMED))]
    if not named:
        return f"{number} {kind}{'s' if number > 1 else ''} of another project" if number else ""
    rest = number - len(named)
    return f"{kind} {', '.join(named)}{f' and {rest} more' if rest else ''}"


def one(tx: Connection, table: Table, id: Any, project_id: str) -> str:
    """As `told`, of the object `id`."""
    return told(tx, table, table.c.id == id, project_id)


def _named(id: str, name: str) -> str:
    return f"'{name}' ({id})" if name else id
