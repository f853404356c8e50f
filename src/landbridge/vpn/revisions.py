"""Raising revisions: what a gateway must act on, told to the gateways concerned.

Rules this module keeps:
- A revision is raised exactly when something changes that the gateway must act on, for every
  connection (or router) concerned, with the outbox row in the same transaction.
- A connection that was never up stays PENDING_CREATE or BUILD; any other becomes
  PENDING_UPDATE until the gateway says that the new revision is in effect.
"""

from __future__ import annotations

from collections import defaultdict

from sqlalchemy import ColumnElement, Connection, bindparam, case, or_, select, update

from landbridge.store import tables as t
from landbridge.store.changes import Item, record
from landbridge.store.transaction import Row

NEVER_UP = ("PENDING_CREATE", "BUILD")

_connections = t.ipsec_site_connections
_services = t.vpnservices
_routers = t.routers

_PLACE = (
    select(_routers.c.id, _routers.c.gateway_id)
    .join(_services, _services.c.router_id == _routers.c.id)
    .where(_services.c.id == bindparam("service"))
)
_RAISE_ROUTER = (
    update(_routers)
    .where(_routers.c.id == bindparam("router"))
    .values(revision=_routers.c.revision + 1)
    .returning(_routers.c.revision, _routers.c.gateway_id)
)
_RAISE_CONNECTION = (
    update(_connections)
    .where(_connections.c.id == bindparam("connection"))
    .values(
        revision=_connections.c.revision + 1,
        status=case(
            (
                # one by one: an expanding IN cannot be executed for many rows at once
                or_(*(_connections.c.status == status for status in NEVER_UP))
                & ~_connections.c.established,
                _connections.c.status,
            ),
            else_="PENDING_UPDATE",
        ),
    )
)


def status_while_pending(row: Row) -> str:
    """The status of a connection whose revision is being raised."""
    if row["status"] in NEVER_UP and not row["established"]:
        return str(row["status"])
    return "PENDING_UPDATE"


def connection_changed(tx: Connection, row: Row, *, deleted: bool = False) -> None:
    """Tell the gateway of the connection's revision, as `row` has it."""
    place = tx.execute(_PLACE, {"service": row["vpnservice_id"]}).one()
    record(tx, place.gateway_id, "tunnel", [Item(row["id"], place.id, row["revision"], deleted)])


def router_changed(tx: Connection, router_id: str) -> None:
    """Raise a router's revision and tell its gateway."""
    raised = tx.execute(_RAISE_ROUTER, {"router": router_id}).first()
    if raised is not None:
        item = Item(router_id, router_id, raised.revision)
        record(tx, raised.gateway_id, "router", [item])


def raise_connections(tx: Connection, concerned: ColumnElement[bool]) -> None:
    """Raise the revision of all connections for which `concerned` holds; tell their gateways.

    `concerned` may speak of the connection and of its vpnservice.
    """
    query = (
        select(_connections.c.id, _connections.c.revision, _routers.c.id, _routers.c.gateway_id)
        .join(_services, _services.c.id == _connections.c.vpnservice_id)
        .join(_routers, _routers.c.id == _services.c.router_id)
        .where(concerned)
        .order_by(_connections.c.id)
        .with_for_update(of=_connections, key_share=True)
    )
    by_gateway: defaultdict[str | None, list[Item]] = defaultdict(list)
    for connection_id, revision, router_id, gateway_id in tx.execute(query):
        by_gateway[gateway_id].append(Item(connection_id, router_id, revision + 1))
    raised = [item.object_id for items in by_gateway.values() for item in items]
    if raised:
        tx.execute(_RAISE_CONNECTION, [{"connection": raised_id} for raised_id in raised])
    for gateway_id in sorted(by_gateway, key=str):
        record(tx, gateway_id, "tunnel", by_gateway[gateway_id])


def uses_group(group_id: str) -> ColumnElement[bool]:
    """Connections with this endpoint group on either side."""
    return or_(
        _connections.c.local_ep_group_id == group_id, _connections.c.peer_ep_group_id == group_id
    )
