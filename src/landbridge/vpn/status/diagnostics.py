"""Requests to a gateway to diagnose one tunnel, through the database.

Rules this module keeps:
- A request is a row that the gateway's stream announces; the answer is written to the row. So
  caller and gateway may use different API processes.
- A caller that asks while a request about the same connection is open gets its answer.
- Only the gateway that was asked may answer, and only about the connection of the request. Requests
  are deleted after `KEPT` seconds.
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import msgspec
from sqlalchemy import Connection, bindparam, delete, insert, select, update

from landbridge.model.diagnosis import Diagnosis
from landbridge.model.gateway import Change
from landbridge.store import changes
from landbridge.store import tables as t
from landbridge.store.columns import database_clock
from landbridge.store.records import diagnoses
from landbridge.store.resource_rows import ConnectionRow
from landbridge.store.statements import every
from landbridge.store.transaction import origin, wake
from landbridge.vpn import rows

PATIENCE: Final = 3.0  # seconds in which a gateway answers
KEPT: Final = 60.0  # seconds

_c, _g = diagnoses.c, t.gateways.c
_YOUNG: Final = _c.asked_at > database_clock() - PATIENCE
_OPEN: Final = (
    select(_c.id)
    .where(_c.connection_id == bindparam("of"), _c.gateway_id == bindparam("gateway"))
    .where(_c.answer.is_(None), _YOUNG, _c.initiates == bindparam("initiates"))
)
_ASK: Final = insert(diagnoses).values(
    id=bindparam("new"),
    gateway_id=bindparam("gateway"),
    connection_id=bindparam("of"),
    asked_at=database_clock(),
    request_id=bindparam("by"),
    initiates=bindparam("initiates"),
)
_FORGET: Final = delete(diagnoses).where(_c.asked_at < database_clock() - KEPT)
_WAITING: Final = (
    select(_c.id, _c.connection_id, _c.request_id, _c.initiates, t.vpnservices.c.router_id,
           t.ipsec_site_connections.c.revision)
    .join(t.ipsec_site_connections, t.ipsec_site_connections.c.id == _c.connection_id)
    .join(t.vpnservices, t.vpnservices.c.id == t.ipsec_site_connections.c.vpnservice_id)
    .where(_c.gateway_id == bindparam("gateway"), _c.answer.is_(None), _YOUNG)
    .order_by(_c.asked_at, _c.id)
)  # fmt: skip
_QUESTION: Final = select(_c.gateway_id, _c.connection_id).where(_c.id == bindparam("the_id"))
_ANSWER: Final = (
    update(diagnoses).where(_c.id == bindparam("the_id")).values(answer=bindparam("found"))
)
_ANSWERED: Final = select(_c.answer).where(_c.id == bindparam("the_id"))
_GATEWAY_OF: Final = (
    select(
        _g.id, _g.hostname, _g.version, _g.capabilities, _g.silent,
        (_g.lease_expires - database_clock()).label("lease_left"),
        t.routers.c.id.label("router_id"), t.routers.c.ready,
    )
    .select_from(t.vpnservices)
    .join(t.routers, t.routers.c.id == t.vpnservices.c.router_id)
    .outerjoin(t.gateways, _g.id == t.routers.c.gateway_id)
    .where(t.vpnservices.c.id == bindparam("service"))
)  # fmt: skip


class Gateway(NamedTuple):
    """The gateway of a connection, as the server knows it. `id` None: there is none."""

    id: str | None
    hostname: str
    version: str
    backend: str
    lease_left: float  # seconds; negative: it does not report
    router_id: str
    router_ready: bool | None

    @property
    def alive(self) -> bool:
        return self.id is not None and self.lease_left >= 0


def topic(diagnosis_id: str) -> str:
    """The topic of the wake-up that comes with the answer."""
    return f"*diagnosis {diagnosis_id}"


def gateway_of(tx: Connection, connection: ConnectionRow) -> Gateway:
    found = tx.execute(_GATEWAY_OF, {"service": connection.vpnservice_id}).one()
    able: dict[str, Any] = found.capabilities or {}
    return Gateway(
        id=found.id,
        hostname=found.hostname or "",
        version=found.version or "",
        backend=str(able.get("backend", "")),
        lease_left=-1.0 if found.lease_left is None or found.silent else found.lease_left,
        router_id=found.router_id,
        router_ready=found.ready,
    )


def ask(tx: Connection, connection: ConnectionRow, *, initiate: bool = False) -> str | None:
    """Ask the connection's gateway; returns the request's id, None if no gateway would answer.
    `initiate`: it is to initiate first what is missing."""
    gateway = gateway_of(tx, connection)
    if not gateway.alive or gateway.id is None:
        return None
    of = {"gateway": gateway.id, "of": connection.id, "initiates": initiate}
    asked: str | None = tx.execute(_OPEN, of).scalar()
    if asked is None:
        asked = rows.new_id()
        tx.execute(_FORGET)
        tx.execute(_ASK, of | {"new": asked, "by": origin(tx)})
        wake(tx, gateway.id)
    return asked


def waiting(tx: Connection, gateway_id: str) -> list[Change]:
    """The open requests to a gateway, as lines of its stream."""
    found = every(tx, _WAITING, {"gateway": gateway_id})
    if not found:
        return []
    cursor = changes.position(tx, gateway_id)
    return [
        Change(
            cursor=cursor,
            kind="diagnose",
            id=row["connection_id"],
            router_id=row["router_id"],
            revision=row["revision"],
            request_id=row["request_id"],
            diagnosis_id=row["id"],
            initiate=row["initiates"],
        )
        for row in found
    ]


class DiagnosisRequest(NamedTuple):
    """The gateway and connection of a request."""

    gateway_id: str
    connection_id: str


def find(tx: Connection, diagnosis_id: str) -> DiagnosisRequest | None:
    """None: there is no such request (any more)."""
    found = tx.execute(_QUESTION, {"the_id": diagnosis_id}).first()
    return None if found is None else DiagnosisRequest(*found)


def answer(tx: Connection, diagnosis_id: str, found: Diagnosis) -> None:
    """Write the answer to a request."""
    tx.execute(_ANSWER, {"the_id": diagnosis_id, "found": msgspec.to_builtins(found)})
    wake(tx, topic(diagnosis_id))


def answered(tx: Connection, diagnosis_id: str) -> Diagnosis | None:
    content = tx.execute(_ANSWERED, {"the_id": diagnosis_id}).scalar()
    return None if content is None else msgspec.convert(content, Diagnosis)
