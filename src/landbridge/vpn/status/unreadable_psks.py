"""Sets and clears the status of connections whose PSK cannot be read.

Rules this module keeps:
- Such a connection is ERROR with the reason `psk-unreadable`, whatever its gateway reports; its
  revision stays, so the gateway leaves its tunnel unchanged.
- A new PSK, or a restored row, ends this status; then the gateway is told.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, NamedTuple

from msgspec.structs import replace
from sqlalchemy import Connection, select, update

from landbridge.store import events
from landbridge.store import tables as t
from landbridge.store.columns import Columns
from landbridge.store.resource_rows import CONNECTIONS, ConnectionRow
from landbridge.store.transaction import enter, utcnow
from landbridge.vpn import psks, rows
from landbridge.vpn.event_kinds import EventKind
from landbridge.vpn.revisions.revisions import connection_changed, pending, placement_of

_connections: Final = t.ipsec_site_connections
_SEALED: Final = select(
    _connections.c.id, _connections.c.psk_sealed, _connections.c.status_reason
).order_by(_connections.c.id)


class Reviewed(NamedTuple):
    """The connections that got this status, and those that lost it."""

    damaged: tuple[str, ...] = ()
    healed: tuple[str, ...] = ()


def review(tx: Connection, ids: Iterable[str] | None = None) -> Reviewed:
    """Examine all secrets, or those of `ids`."""
    enter(tx, alone=True)
    query = _SEALED if ids is None else _SEALED.where(_connections.c.id.in_(sorted(set(ids))))
    damaged: list[str] = []
    healed: list[str] = []
    for connection_id, sealed, reason in tx.execute(query).all():
        lost = psks.read(tx, connection_id, sealed) is None
        if lost != psks.is_unreadable(reason):
            (damaged if lost else healed).append(connection_id)
    for each in damaged:
        _write(tx, _row(tx, each), psks.UNREADABLE_STATUS._asdict())
    for each in healed:
        _heal(tx, _row(tx, each))
    return Reviewed(tuple(damaged), tuple(healed))


def _heal(tx: Connection, row: ConnectionRow) -> None:
    placement = placement_of(tx, row.vpnservice_id)
    status = pending(replace(row, status_reason=None), placement)
    after = _write(tx, row, status._asdict() | {"revision": row.revision + 1})
    connection_changed(tx, after, placement)


def _row(tx: Connection, id: str) -> ConnectionRow:
    found = rows.get(tx, CONNECTIONS, id, to_change=True)
    if found is None:
        raise LookupError(f"there is no connection {id}")
    return found


def _write(tx: Connection, row: ConnectionRow, changes: Columns) -> ConnectionRow:
    """A status is no client's change: `revision_number` stays."""
    given = changes | {"status_changed_at": utcnow()}
    tx.execute(update(_connections).where(_connections.c.id == row.id).values(given))
    after = replace(row, **given)
    events.note(tx, EventKind.STATUS.value, events.CONNECTION, after)
    return after
