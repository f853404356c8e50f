"""Raises the revisions of connections and routers, and records the change for their gateways.

Rules this module keeps:
- A revision is raised exactly when something changes that the gateway must act on, for every
  connection (or router) concerned, with the outbox row in the same transaction.
- A connection that was never up stays PENDING_CREATE or BUILD; any other becomes PENDING_UPDATE
  until the gateway reports that the new revision is in effect.
"""

from __future__ import annotations

from collections import defaultdict
from typing import NamedTuple

from msgspec.structs import replace
from sqlalchemy import ColumnElement, Connection, bindparam, or_, select, update

from landbridge.store import events
from landbridge.store import tables as t
from landbridge.store.changes import Item, record
from landbridge.store.columns import Columns
from landbridge.store.resource_rows import CONNECTIONS, ConnectionRow
from landbridge.store.statements import one, run_many
from landbridge.store.transaction import origin, utcnow
from landbridge.vpn import psks
from landbridge.vpn.event_kinds import EventKind
from landbridge.vpn.status_rules import DatedStatus, unanswered

NEVER_UP = ("PENDING_CREATE", "BUILD")

_connections = t.ipsec_site_connections
_services = t.vpnservices
_routers = t.routers

_GATEWAY = (_routers.c.gateway_id, t.gateways.c.silent)
_PLACE = (
    select(_routers.c.id, *_GATEWAY)
    .join(_services, _services.c.router_id == _routers.c.id)
    .outerjoin(t.gateways, t.gateways.c.id == _routers.c.gateway_id)
    .where(_services.c.id == bindparam("service"))
)
_RAISE_ROUTER = (
    update(_routers)
    .where(_routers.c.id == bindparam("router"))
    .values(revision=_routers.c.revision + 1)
    .returning(_routers.c.revision, _routers.c.gateway_id)
)
_RAISED = ("revision", "status", "status_reason", "status_message", "status_changed_at")
_RAISE_CONNECTION = (
    update(_connections)
    .where(_connections.c.id == bindparam("connection"))
    .values({name: bindparam(f"new_{name}") for name in _RAISED})
)


class Placement(NamedTuple):
    """The router and gateway of a connection. `silent`: the gateway does not report."""

    router_id: str
    gateway_id: str | None
    silent: bool


def placement_of(tx: Connection, vpnservice_id: str) -> Placement:
    placement = one(tx, _PLACE, {"service": vpnservice_id})
    if placement is None:
        raise LookupError(f"there is no VPN service {vpnservice_id}")
    return Placement(placement["id"], placement["gateway_id"], placement["silent"])


def pending(row: ConnectionRow | None, placement: Placement) -> DatedStatus:
    """The status of a connection (None: a new one) from the raising of its revision until its
    gateway answers. A connection whose secret cannot be read keeps saying that."""
    if row is not None and psks.is_unreadable(row.status_reason):
        return DatedStatus(row.status, row.status_reason, row.status_message, row.status_changed_at)
    reason = unanswered(placement.gateway_id, silent=placement.silent)
    return DatedStatus(_pending_status(row), *reason, utcnow())


def _pending_status(row: ConnectionRow | None) -> str:
    if row is None:
        return "PENDING_CREATE"
    return row.status if row.status in NEVER_UP and not row.established else "PENDING_UPDATE"


def connection_changed(
    tx: Connection, row: ConnectionRow, placement: Placement, *, deleted: bool = False
) -> None:
    """Tell the gateway of the connection's revision, as `row` has it."""
    item = Item(row.id, placement.router_id, row.revision, deleted)
    record(tx, placement.gateway_id, "tunnel", [item])


def router_changed(tx: Connection, router_id: str) -> None:
    """Raise a router's revision and tell its gateway."""
    raised = one(tx, _RAISE_ROUTER, {"router": router_id})
    if raised is not None:
        item = Item(router_id, router_id, raised["revision"])
        record(tx, raised["gateway_id"], "router", [item])


def raise_connections(tx: Connection, concerned: ColumnElement[bool]) -> None:
    """Raise the revision of all connections for which `concerned` holds; tell their gateways.

    `concerned` may use columns of the connection and of its VPN service.
    """
    query = (
        select(*CONNECTIONS.columns, _routers.c.id, *_GATEWAY)
        .join(_services, _services.c.id == _connections.c.vpnservice_id)
        .join(_routers, _routers.c.id == _services.c.router_id)
        .outerjoin(t.gateways, t.gateways.c.id == _routers.c.gateway_id)
        .where(concerned)
        .order_by(_connections.c.id)
        .with_for_update(of=_connections, key_share=True)
    )
    by_gateway: defaultdict[str | None, list[Item]] = defaultdict(list)
    raised: list[ConnectionRow] = []
    for found in tx.execute(query).all():
        row, (router_id, gateway_id, silent) = CONNECTIONS.split(found)
        placement = Placement(router_id, gateway_id, silent)
        status = pending(row, placement)._asdict()
        raised.append(replace(row, **status, revision=row.revision + 1))
        by_gateway[gateway_id].append(Item(row.id, router_id, row.revision + 1))
    if raised:
        run_many(tx, _RAISE_CONNECTION, [_raised(row) for row in raised])
    for row in raised:
        events.note(tx, EventKind.STATUS.value, events.CONNECTION, row, request_id=origin(tx))
    for gateway_id in sorted(by_gateway, key=str):
        record(tx, gateway_id, "tunnel", by_gateway[gateway_id])


def _raised(row: ConnectionRow) -> Columns:
    return {"connection": row.id} | {f"new_{name}": getattr(row, name) for name in _RAISED}


def uses_group(group_id: str | ColumnElement[str]) -> ColumnElement[bool]:
    """Connections with this endpoint group on either side."""
    return or_(
        _connections.c.local_ep_group_id == group_id, _connections.c.peer_ep_group_id == group_id
    )
