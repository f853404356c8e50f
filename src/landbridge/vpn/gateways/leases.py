"""Leases of gateways, and which gateway runs which router.

Rules this module keeps:
- A gateway may act while its lease lasts, by the database's clock. Taking a lease is one
  conditional UPDATE: of two agents that try, one gets it.
- Every taking raises the epoch. Reports of an older epoch are refused, so an agent that was away
  too long does no harm.
- A holder is one installation of the agent on one boot of a host. It takes over from its
  predecessor at once; any other waits until the lease expires, whatever its host is called. An
  agent of an older release names no holder: among those the host's name decides.
- A gateway that was marked silent must take a new lease, and so reports everything again.
- A gateway that does not follow this database has no lease; its reason is shown by its connections.
- Routers without a gateway go to the next gateway that takes a lease; the reason `no-gateway` of
  their connections ends.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from sqlalchemy import Connection, and_, bindparam, func, insert, or_, select, update

from landbridge.errors import Conflict
from landbridge.model.gateway import Lease
from landbridge.store import tables as t
from landbridge.store.changes import Item, record
from landbridge.store.columns import database_clock
from landbridge.store.transaction import enter
from landbridge.vpn.gateways import liveness

_g = t.gateways.c
_routers = t.routers

_FACTS = {
    "hostname": bindparam("host"),
    "holder": bindparam("by"),
    "version": bindparam("running"),
    "capabilities": bindparam("able"),
    "lease_expires": database_clock() + bindparam("ttl"),
    "silent": False,
    "holds": "",
}
_UNNAMED = _g.holder == ""
_RENEW = (
    update(t.gateways)
    .where(_g.id == bindparam("gateway"), _g.epoch == bindparam("in_epoch"), ~_g.silent)
    .where(or_(_g.holder == bindparam("by"), _UNNAMED))
    .values(_FACTS)
    .returning(_g.epoch, _g.report_sequence)
)
_TAKE = (
    update(t.gateways)
    .where(_g.id == bindparam("gateway"))
    .where(
        or_(
            _g.lease_expires < database_clock(),
            _g.silent,
            and_(_g.holder == bindparam("by"), ~_UNNAMED),
            and_(_g.hostname == bindparam("host"), _UNNAMED),
        )
    )
    .values(_FACTS | {"epoch": _g.epoch + 1, "report_sequence": 0})
    .returning(_g.epoch)
)
_HOLD = (
    update(t.gateways)
    .where(_g.id == bindparam("gateway"), _g.holds != bindparam("why"))
    .where(
        or_(
            _g.lease_expires < database_clock(),
            _g.silent,
            (_g.holder == bindparam("by")) & (_g.epoch == bindparam("in_epoch")),
        )
    )
    .values(holds=bindparam("why"), lease_expires=0.0, silent=True)
)
HOLDS_LENGTH = 255
_KNOWN = select(_g.id).where(_g.id == bindparam("gateway"))
_REGISTER = insert(t.gateways).values(id=bindparam("gateway"), epoch=1, **_FACTS)
_ORPHANS = select(_routers.c.id).where(_routers.c.gateway_id.is_(None)).limit(1)
_ADOPT = (
    update(_routers)
    .where(_routers.c.gateway_id.is_(None))
    .values(gateway_id=bindparam("gateway"))
    .returning(_routers.c.id, _routers.c.revision)
)
_TUNNELS_OF = (
    select(
        t.ipsec_site_connections.c.id,
        t.vpnservices.c.router_id,
        t.ipsec_site_connections.c.revision,
    )
    .join(t.vpnservices, t.vpnservices.c.id == t.ipsec_site_connections.c.vpnservice_id)
    .where(t.vpnservices.c.router_id.in_(bindparam("routers", expanding=True)))
)
_LEAST_BUSY = (
    select(_g.id)
    .outerjoin(_routers, _routers.c.gateway_id == _g.id)
    .where(_g.lease_expires >= database_clock(), ~_g.silent)
    .group_by(_g.id)
    .order_by(func.count(_routers.c.id), _g.id)
    .limit(1)
)


class LeaseHeld(Conflict):
    """Another agent acts for this gateway."""

    def __init__(self, gateway_id: str) -> None:
        super().__init__(f"Gateway {gateway_id} is leased by another agent.")


class GatewayHolds(Conflict):
    """The gateway keeps what it runs and does not follow this database."""

    def __init__(self, gateway_id: str, reason: str) -> None:
        super().__init__(f"Gateway {gateway_id} does not follow this database: {reason}")


def hold(tx: Connection, gateway_id: str, reason: str, holder: str, epoch: int | None) -> None:
    """Record why a gateway does not follow this database. Ignored unless `holder` has the lease, or
    no lease is valid."""
    enter(tx, alone=True)
    why = reason[:HOLDS_LENGTH]
    asks = {"by": holder, "in_epoch": -1 if epoch is None else epoch}
    if tx.execute(_HOLD, asks | {"gateway": gateway_id, "why": why}).rowcount:
        liveness.write_silence(tx, gateway_id, why)


def lease(
    tx: Connection,
    gateway_id: str,
    *,
    hostname: str,
    holder: str = "",
    version: str = "",
    capabilities: dict[str, Any] | None = None,
    epoch: int | None = None,
    ttl: float = 15.0,
) -> Lease:
    """Take (`epoch` None) or renew (`epoch` given) a lease for `ttl` seconds, for `holder`.

    Raises: LeaseHeld.
    """
    facts = {
        "gateway": gateway_id,
        "host": hostname,
        "by": holder,
        "running": version,
        "able": capabilities or {},
        "ttl": ttl,
    }
    orphans = tx.execute(_ORPHANS).scalar() is not None
    if orphans:
        enter(tx, alone=True)  # before the gateway's row: their connections are locked, too
    granted = _renew(tx, facts, epoch) if epoch is not None else _take(tx, facts)
    if granted is None:
        raise LeaseHeld(gateway_id)
    if orphans:
        _adopt(tx, gateway_id)
    return Lease(gateway_id=gateway_id, epoch=granted.epoch, ttl=ttl, sequence=granted.sequence)


def choose(tx: Connection) -> str | None:
    """The gateway for a new router: alive, with the fewest routers; None if none is alive."""
    return tx.execute(_LEAST_BUSY).scalar()


class _Granted(NamedTuple):
    epoch: int
    sequence: int = 0


def _renew(tx: Connection, facts: dict[str, Any], epoch: int) -> _Granted | None:
    found = tx.execute(_RENEW, facts | {"in_epoch": epoch}).first()
    return None if found is None else _Granted(*found)


def _take(tx: Connection, facts: dict[str, Any]) -> _Granted | None:
    enter(tx, alone=True)
    epoch = tx.execute(_TAKE, facts).scalar()
    if epoch is not None:
        liveness.mark_returned(tx, facts["gateway"])
        return _Granted(int(epoch))
    if tx.execute(_KNOWN, {"gateway": facts["gateway"]}).scalar() is not None:
        return None
    tx.execute(_REGISTER, facts)
    return _Granted(1)


def _adopt(tx: Connection, gateway_id: str) -> None:
    """Give the gateway the routers that have none, with their tunnels."""
    adopted = tx.execute(_ADOPT, {"gateway": gateway_id}).all()
    if not adopted:
        return
    routers = [Item(router, router, revision) for router, revision in sorted(map(tuple, adopted))]
    record(tx, gateway_id, "router", routers)
    tunnels = tx.execute(_TUNNELS_OF, {"routers": [item.object_id for item in routers]})
    record(tx, gateway_id, "tunnel", [Item(*row) for row in tunnels])
    liveness.mark_placed(tx, gateway_id)
