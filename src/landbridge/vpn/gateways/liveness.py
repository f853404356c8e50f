"""Gateways that do not report any more, and the status of their connections.

Rules this module keeps:
- A gateway is silent when its lease has expired by the database's clock. Of several processes that
  notice, one marks the gateway: a conditional UPDATE.
- Whether a silent gateway's tunnels carry traffic is unknown: ACTIVE becomes DOWN with the reason
  `gateway-silent`; pending changes stay pending. What is true without the gateway stays: what was
  switched off, and errors of the configuration.
- A lease that ends later than any lease can was taken before the clock was set back: it has
  expired.
- A gateway that returns takes a new lease and reports everything again.
"""

from __future__ import annotations

from typing import Final

from msgspec.structs import replace
from sqlalchemy import ColumnElement, Connection, bindparam, or_, select, update

from landbridge.model.status import ReasonCode
from landbridge.store import events
from landbridge.store import tables as t
from landbridge.store.columns import Columns, database_clock
from landbridge.store.resource_rows import CONNECTIONS, ConnectionRow
from landbridge.store.transaction import enter, utcnow
from landbridge.vpn.event_kinds import EventKind
from landbridge.vpn.status import child_sas
from landbridge.vpn.status_rules import (
    BACK,
    UNANSWERED,
    DatedStatus,
    gateway_silent,
    unknown_status,
)

_g = t.gateways.c
_connections, _services, _routers = t.ipsec_site_connections, t.vpnservices, t.routers

_STAYS: Final = (ReasonCode.ADMIN_DOWN, ReasonCode.SERVICE_DOWN)

LONGEST_LEASE: Final = 60.0  # seconds
_RAN_OUT: Final = (~_g.silent) & or_(
    _g.lease_expires < database_clock(), _g.lease_expires > database_clock() + LONGEST_LEASE
)
_OVERDUE: Final = select(_g.id).where(_RAN_OUT).order_by(_g.id)
_MARK: Final = update(t.gateways).where(_g.id == bindparam("gateway"), _RAN_OUT).values(silent=True)
_OF_GATEWAY: Final = (
    select(*CONNECTIONS.columns)
    .join(_services, _services.c.id == _connections.c.vpnservice_id)
    .join(_routers, _routers.c.id == _services.c.router_id)
    .where(_routers.c.gateway_id == bindparam("gateway"))
    .order_by(_connections.c.id)
    .with_for_update(of=_connections, key_share=True)
)
_TOLD: Final = (*DatedStatus._fields, *child_sas.ChildSaColumns._fields)
_WRITE_STATUS: Final = (
    update(_connections)
    .where(_connections.c.id == bindparam("the_id"))
    .values({name: bindparam(f"new_{name}") for name in _TOLD})
)
_SERVICES_DOWN: Final = (
    update(_services)
    .where(_services.c.status == "ACTIVE")
    .where(
        _services.c.router_id.in_(
            select(_routers.c.id).where(_routers.c.gateway_id == bindparam("gateway"))
        )
    )
    .values(status="DOWN")
)


def overdue(tx: Connection) -> list[str]:
    """Gateways whose lease has run out and that are not marked yet."""
    return list(tx.execute(_OVERDUE).scalars())


def mark_silent(tx: Connection, gateway_id: str) -> int:
    """Mark a gateway as silent; returns how many connections changed their status.

    Nothing happens if the gateway has renewed its lease meanwhile, or is marked already.
    """
    enter(tx, alone=True)
    if not tx.execute(_MARK, {"gateway": gateway_id}).rowcount:
        return 0
    return write_silence(tx, gateway_id)


def write_silence(tx: Connection, gateway_id: str, holds: str = "") -> int:
    """Write the status of a silent gateway's connections; `holds`: the reason that it gave."""
    tx.execute(_SERVICES_DOWN, {"gateway": gateway_id})
    reason = gateway_silent(gateway_id, holds)
    none_up = child_sas.NONE._asdict()
    said = [
        replace(row, status=unknown_status(row.status), **reason._asdict(), **none_up)
        for row in _rows(tx, gateway_id, _speaks_on(reason.status_message))
    ]
    return _write_status(tx, said, EventKind.SILENT)


def mark_returned(tx: Connection, gateway_id: str) -> None:
    """The gateway has returned: its connections say so until it reports."""
    rows = _rows(tx, gateway_id, _says(ReasonCode.GATEWAY_SILENT))
    _write_status(tx, [replace(row, **BACK._asdict()) for row in rows], EventKind.REASON)


def mark_placed(tx: Connection, gateway_id: str) -> None:
    """The gateway has got routers that had none: their connections wait for its first report."""
    rows = _rows(tx, gateway_id, _says(ReasonCode.NO_GATEWAY))
    _write_status(tx, [replace(row, **UNANSWERED._asdict()) for row in rows], EventKind.REASON)


def _speaks_on(message: str | None) -> ColumnElement[bool]:
    """Connections whose status or reason the silence changes."""
    reason = _connections.c.status_reason
    told = (reason == ReasonCode.GATEWAY_SILENT.value) & (_connections.c.status_message == message)
    stays = reason.in_([code.value for code in _STAYS]) | told
    return (reason.is_(None) | ~stays) & (_connections.c.status != "ERROR")


def _says(code: ReasonCode) -> ColumnElement[bool]:
    return _connections.c.status_reason == code.value


def _rows(tx: Connection, gateway_id: str, which: ColumnElement[bool]) -> list[ConnectionRow]:
    query = _OF_GATEWAY.where(which)
    return CONNECTIONS.read_all(tx.execute(query, {"gateway": gateway_id}))


def _write_status(tx: Connection, changed: list[ConnectionRow], kind: EventKind) -> int:
    now = utcnow()
    dated = [replace(row, status_changed_at=now) for row in changed]
    for row in dated:
        events.note(tx, kind.value, events.CONNECTION, row)
    if dated:
        tx.execute(_WRITE_STATUS, [_told(row) for row in dated])
    return len(dated)


def _told(row: ConnectionRow) -> Columns:
    return {"the_id": row.id} | {f"new_{name}": getattr(row, name) for name in _TOLD}
