"""The identity of a database, and whether a position is part of its history.

Rules this module keeps:
- The identity is made with the database and is part of every copy; only the commands `init` and
  `restored` make another one.
- Each start of an API process records an opening, with the cursors of all gateways. A restored
  backup lacks the openings, or the changes, that came after it: so it is distinguished from a
  history that continued, also after it has continued by itself.
"""

from __future__ import annotations

import secrets
import uuid
from collections.abc import Mapping
from typing import Final, NamedTuple

from sqlalchemy import Connection, bindparam, delete, func, insert, select, update

from landbridge.model.gateway import Position
from landbridge.store import changes
from landbridge.store.installation import OPENING_LENGTH, installation, openings
from landbridge.store.order import order_of
from landbridge.store.statements import one
from landbridge.store.transaction import enter, utcnow

KEPT: Final = 1000  # openings; who was away for longer is asked about
_REPLACED: Final = 20  # ids

_o = openings.c
_IDENTITY: Final = select(installation.c.id, installation.c.replaces)
_NEWEST: Final = select(_o.opening).order_by(_o.number.desc()).limit(1)
_NUMBER: Final = select(_o.number).where(_o.opening == bindparam("seen"))
_NEXT: Final = (
    select(_o.cursors).where(_o.number > bindparam("number")).order_by(_o.number).limit(1)
)
_TRIM: Final = delete(openings).where(
    _o.number <= select(func.max(_o.number) - KEPT).scalar_subquery()
)


class Identity(NamedTuple):
    """`replaces`: ids of databases that this one replaces, by an operator's command."""

    id: str
    replaces: tuple[str, ...] = ()


def of(tx: Connection) -> Identity:
    found = tx.execute(_IDENTITY).first()
    return Identity("") if found is None else Identity(found.id, tuple(found.replaces))


def opened(tx: Connection) -> str:
    """Record a new opening by an API process; returns its name."""
    enter(tx, alone=True)
    found = tx.execute(select(installation)).mappings().first()
    # Written anew, so that SQLite's log says whose it is (`landbridge.store.filecheck`).
    tx.execute(delete(installation))
    row = dict(found) if found else {"id": str(uuid.uuid4()), "created_at": utcnow()}
    tx.execute(insert(installation).values(row))
    name = secrets.token_hex(OPENING_LENGTH // 2)
    order_of(tx).renew(tx)
    cursors = changes.positions(tx)
    tx.execute(insert(openings).values(opening=name, cursors=cursors, at=utcnow()))
    tx.execute(_TRIM)
    return name


def is_known(tx: Connection, opening: str) -> bool:
    """Whether the database has that opening."""
    return tx.execute(_NUMBER, {"seen": opening}).scalar() is not None


def position(tx: Connection, gateway_id: str) -> Position:
    """The newest position of the gateway's history."""
    newest = one(tx, _NEWEST, {})
    return Position(
        database=of(tx).id,
        opening="" if newest is None else str(newest["opening"]),
        cursor=changes.position(tx, gateway_id),
    )


def goes_on(tx: Connection, gateway_id: str, seen: Position) -> bool:
    """Whether the position is part of this database's history."""
    number = tx.execute(_NUMBER, {"seen": seen.opening}).scalar()
    if number is None:
        return False
    following: Mapping[str, int] | None = tx.execute(_NEXT, {"number": number}).scalar()
    if following is None:
        return seen.cursor <= position(tx, gateway_id).cursor
    return seen.cursor <= following.get(gateway_id, 0)


def restored(tx: Connection) -> Identity:
    """Make a new identity by an operator's command: gateways follow the restored history."""
    before = of(tx)
    after = Identity(str(uuid.uuid4()), (before.id, *before.replaces)[:_REPLACED])
    values = {"id": after.id, "replaces": list(after.replaces)}
    tx.execute(update(installation).values(values))
    return after
