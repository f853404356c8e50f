"""Writes the reports of gateways to the rows.

Rules this module keeps:
- Status is observed, never assumed: apart from what the rules set when a user changes something, it
  is written here only.
- A report of an older epoch is refused, and one of an older sequence ignored; so is a status of a
  revision that is not the newest here (it may be newer than a restored backup).
- A gateway reports on the routers that it runs. Statuses of others are ignored and their ids
  returned (a router may just have moved); the rest of the report is applied.
- Rows are locked in the order of the rules (reported objects, then the gateway), so that reports
  and updates wait for each other without deadlocks.
- One statement per table for any number of objects; `revision_number` and `updated_at` stay, since
  a status is not a client's change.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from msgspec.structs import replace
from sqlalchemy import BindParameter, Connection, Select, Update, bindparam, select, update

from landbridge.errors import Conflict
from landbridge.model.status import Report, RouterStatus, TunnelStatus
from landbridge.store import events
from landbridge.store import tables as t
from landbridge.store.columns import Columns
from landbridge.store.resource_rows import (
    CONNECTIONS,
    ROUTERS,
    SERVICES,
    ConnectionRow,
    ResourceRow,
    RouterRow,
    ServiceRow,
)
from landbridge.store.statements import run, run_many
from landbridge.store.transaction import enter
from landbridge.vpn import event_kinds
from landbridge.vpn.event_kinds import EventKind
from landbridge.vpn.status.observe import Observation, Observed, Reported, observe
from landbridge.vpn.status_rules import (
    reason_columns,
    service_status,
    switched,
)

Status = TunnelStatus | RouterStatus

_connections = t.ipsec_site_connections
_services = t.vpnservices
_routers = t.routers


class StaleEpoch(Conflict):
    """Another agent has taken over the gateway, or this one never leased it."""

    def __init__(self, gateway_id: str) -> None:
        super().__init__(f"Gateway {gateway_id} is leased by another epoch.")


class Changed(NamedTuple):
    """The objects whose status, reason or applied revision changed.

    `elsewhere`: the ids of reported objects that another gateway runs.
    """

    connections: list[ConnectionRow]
    services: list[ServiceRow]
    elsewhere: list[str]


_ADVANCE = (
    update(t.gateways)
    .where(t.gateways.c.id == bindparam("gateway"), t.gateways.c.epoch == bindparam("in_epoch"))
    .where(t.gateways.c.report_sequence < bindparam("sequence"))
    .values(report_sequence=bindparam("sequence"))
)
_EPOCH = select(t.gateways.c.epoch).where(t.gateways.c.id == bindparam("gateway"))
_REPORTED_ON = (
    select(*CONNECTIONS.columns, _services.c.admin_state_up, _routers.c.admin_state_up)
    .join(_services, _services.c.id == _connections.c.vpnservice_id)
    .join(_routers, _routers.c.id == _services.c.router_id)
    .where(_routers.c.gateway_id == bindparam("gateway"))
    .where(_connections.c.id.in_(bindparam("ids", expanding=True)))
    .order_by(_connections.c.id)
    .with_for_update(of=_connections, key_share=True)
)


_WRITE_CONNECTION = (
    update(_connections)
    .where(_connections.c.id == bindparam("the_id"))
    .values({name: bindparam(f"new_{name}") for name in Observed._fields})
)
_ROUTERS_OF = (
    select(*ROUTERS.columns)
    .where(_routers.c.gateway_id == bindparam("gateway"))
    .where(_routers.c.id.in_(bindparam("ids", expanding=True)))
    .order_by(_routers.c.id)
    .with_for_update(key_share=True)
)
_READINESS = ("ready", "status", "applied_revision", "status_reason", "status_message")
_WRITE_ROUTER = (
    update(_routers)
    .where(_routers.c.id == bindparam("the_id"))
    .values({name: bindparam(f"new_{name}") for name in _READINESS})
)
_SERVICES_OF = (
    select(*SERVICES.columns)
    .where(_services.c.router_id.in_(bindparam("ids", expanding=True)))
    .order_by(_services.c.id)
    .with_for_update(key_share=True)
)
_REPORTED: BindParameter[str] = bindparam("ids", expanding=True)
_NOT_HERE = _routers.c.gateway_id.is_distinct_from(bindparam("gateway"))
_TUNNELS_ELSEWHERE = (
    select(_connections.c.id)
    .join(_services, _services.c.id == _connections.c.vpnservice_id)
    .join(_routers, _routers.c.id == _services.c.router_id)
    .where(_connections.c.id.in_(_REPORTED), _NOT_HERE)
)
_ROUTERS_ELSEWHERE = select(_routers.c.id).where(_routers.c.id.in_(_REPORTED), _NOT_HERE)
_WRITE_SERVICE = (
    update(_services)
    .where(_services.c.id == bindparam("the_id"))
    .values(status=bindparam("new_status"))
)


def apply(tx: Connection, gateway_id: str, report: Report) -> Changed:
    """Write a report; statuses that are known already change nothing.

    Raises: StaleEpoch.
    """
    enter(tx, alone=False)
    tunnels = _tunnels_here(tx, gateway_id, report.tunnels)
    observed = _observed_tunnels(tunnels, report.tunnels)
    connections = [each.after for each in observed]
    routers_here = _routers_here(tx, gateway_id, report.routers)
    routers = _observed_routers(routers_here, report.routers)
    services = _derived_services(tx, routers)
    elsewhere = [
        *_elsewhere(
            tx, gateway_id, _TUNNELS_ELSEWHERE, report.tunnels, [each.row for each in tunnels]
        ),
        *_elsewhere(tx, gateway_id, _ROUTERS_ELSEWHERE, report.routers, routers_here),
    ]
    if not _is_newer(tx, gateway_id, report):
        return Changed([], [], elsewhere)
    _write(tx, _WRITE_CONNECTION, connections, Observed._fields)
    _write(tx, _WRITE_ROUTER, list(routers.values()), _READINESS)
    _write(tx, _WRITE_SERVICE, services, ("status",))
    for each in observed:
        event_kinds.observed(tx, each.before, each.after, each.told)
    for service in services:
        events.note(tx, EventKind.STATUS.value, "vpnservice", service)
    return Changed(connections, services, elsewhere)


def _seconds(precise: str) -> str:
    """A time with milliseconds, in the API's format without them."""
    return f"{precise.partition('.')[0]}Z"


def _is_newer(tx: Connection, gateway_id: str, report: Report) -> bool:
    """Record the report's sequence. False: one as new was applied already. Raises: StaleEpoch."""
    numbers = {"gateway": gateway_id, "in_epoch": report.epoch, "sequence": report.sequence}
    if run(tx, _ADVANCE, numbers):
        return True
    if tx.execute(_EPOCH, {"gateway": gateway_id}).scalar() != report.epoch:
        raise StaleEpoch(gateway_id)
    return False


def _tunnels_here(
    tx: Connection, gateway_id: str, statuses: Iterable[TunnelStatus]
) -> list[Reported]:
    """The reported connections that the gateway runs."""
    found = map(CONNECTIONS.split, _reported_on(tx, gateway_id, _REPORTED_ON, statuses))
    return [Reported(row, *switches) for row, switches in found]


def _routers_here(
    tx: Connection, gateway_id: str, statuses: Iterable[RouterStatus]
) -> list[RouterRow]:
    found = map(ROUTERS.split, _reported_on(tx, gateway_id, _ROUTERS_OF, statuses))
    return [row for row, _ in found]


def _reported_on(
    tx: Connection, gateway_id: str, query: Select[Any], statuses: Iterable[Status]
) -> Sequence[Any]:
    ids = sorted({status.id for status in statuses})
    return tx.execute(query, {"gateway": gateway_id, "ids": ids}).all() if ids else ()


def _elsewhere(
    tx: Connection,
    gateway_id: str,
    query: Select[Any],
    statuses: Iterable[Status],
    here: Sequence[ResourceRow],
) -> list[str]:
    """The ids of reported objects that exist and that another gateway runs."""
    missing = {status.id for status in statuses}.difference(row.id for row in here)
    if not missing:
        return []
    return list(tx.execute(query, {"gateway": gateway_id, "ids": sorted(missing)}).scalars())


def _observed_tunnels(here: list[Reported], statuses: Iterable[TunnelStatus]) -> list[Observation]:
    """The connections that a report changes."""
    newest = {status.id: status for status in statuses}
    changed = []
    for reported in here:
        row = reported.row
        status = newest[row.id]
        if status.revision != row.revision:
            continue
        observed = observe(reported, status, _seconds(event_kinds.observed_at(row, status)))
        if observed != Observed.of(row):
            changed.append(Observation(row, replace(row, **observed._asdict()), status))
    return changed


def _observed_routers(
    here: list[RouterRow], statuses: Iterable[RouterStatus]
) -> dict[str, RouterRow]:
    """The reported routers after the report, by id."""
    newest = {status.id: status for status in statuses}
    routers = {}
    for row in here:
        status = newest[row.id]
        if status.revision == row.revision:
            routers[row.id] = replace(
                row,
                ready=status.ready,
                status=switched(admin=row.admin_state_up),
                applied_revision=status.revision,
                **reason_columns(status.reason)._asdict(),
            )
    return routers


def _derived_services(tx: Connection, routers: dict[str, RouterRow]) -> list[ServiceRow]:
    """The services whose status changes with their routers."""
    if not routers:
        return []
    changed = []
    for row in SERVICES.read_all(tx.execute(_SERVICES_OF, {"ids": sorted(routers)})):
        status = service_status(routers[row.router_id], admin=row.admin_state_up)
        if status != row.status:
            changed.append(replace(row, status=status))
    return changed


def _write(
    tx: Connection, statement: Update, changed: Sequence[ResourceRow], columns: Iterable[str]
) -> None:
    names = tuple(columns)
    if changed:
        run_many(tx, statement, [_parameters(row, names) for row in changed])


def _parameters(row: ResourceRow, names: Iterable[str]) -> Columns:
    return {"the_id": row.id} | {f"new_{name}": getattr(row, name) for name in names}
