"""Credentials of gateways: tokens that are valid for one gateway.

Rules this module keeps:
- A gateway has one credential; a new one replaces it in the same transaction, or not at all.
- A token with the role of agents that names no gateway was made by an older release. It is bound to
  a gateway where it is certain which gateway has it; otherwise it is invalid until it is replaced.
- A binding never changes: no start and no configuration gives a credential to another gateway.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, NamedTuple

from sqlalchemy import Connection, delete, func, select, update

from landbridge.auth import local_tokens
from landbridge.auth.caller import AGENT_ROLE
from landbridge.auth.local_tokens import Token
from landbridge.store import tables as t
from landbridge.store.columns import database_clock

PROJECT: Final = "landbridge"  # agents act in no project of a user's
FIRST: Final = "agent-token"  # the name of the first start's, and its file's

_g, _t = t.gateways.c, t.tokens.c
_SEEN: Final = (
    select(
        _g.id,
        _g.hostname,
        _g.version,
        (_g.lease_expires >= database_clock()).label("leased"),
        _g.silent,
        func.count(t.routers.c.id).label("routers"),
    )
    .outerjoin(t.routers, t.routers.c.gateway_id == _g.id)
    .group_by(_g.id)
    .order_by(_g.id)
)


class HasCredential(Exception):
    """The gateway has one already."""


class KnownGateway(NamedTuple):
    """A gateway that has a credential, or has had a lease, or both."""

    name: str
    credential: Token | None
    hostname: str = ""
    version: str = ""
    seen: bool = False
    reports: bool = False
    routers: int = 0


class BoundTokens(NamedTuple):
    """The result of binding the tokens of older releases. `left`: tokens whose gateway is
    uncertain."""

    made: tuple[tuple[str, str], ...] = ()  # token, gateway
    left: tuple[str, ...] = ()


def add(
    tx: Connection, secret: str, gateway_id: str, *, name: str = "", replace: bool = False
) -> Token:
    """Keep the digest of a gateway's new credential. Raises: HasCredential."""
    if of(tx, gateway_id) is not None and not replace:
        raise HasCredential(gateway_id)
    revoke(tx, gateway_id)
    return local_tokens.add(
        tx,
        secret,
        name=name or f"gateway {gateway_id}",
        project_id=PROJECT,
        roles=(AGENT_ROLE,),
        gateway_id=gateway_id,
    )


def of(tx: Connection, gateway_id: str) -> Token | None:
    """The gateway's credential."""
    return next((one for one in local_tokens.every(tx) if one.gateway_id == gateway_id), None)


def revoke(tx: Connection, gateway_id: str) -> int:
    """Delete the gateway's credentials; how many there were."""
    return tx.execute(delete(t.tokens).where(_t.gateway_id == gateway_id)).rowcount


def every(tx: Connection) -> list[KnownGateway]:
    """All gateways by name: those with a credential, and those that have had a lease."""
    credentials = {one.gateway_id: one for one in local_tokens.every(tx) if one.gateway_id}
    found = [
        KnownGateway(
            row.id,
            credentials.pop(row.id, None),
            row.hostname,
            row.version,
            seen=True,
            reports=bool(row.leased) and not row.silent,
            routers=row.routers,
        )
        for row in tx.execute(_SEEN)
    ]
    unseen = (KnownGateway(name, one) for name, one in credentials.items())
    return sorted([*found, *unseen], key=lambda known: known.name)


def bind_unbound(tx: Connection, local: str) -> BoundTokens:
    """Bind the tokens of older releases, which name no gateway. `local`: this host's gateway."""
    unbound = [
        one for one in local_tokens.every(tx) if AGENT_ROLE in one.roles and not one.gateway_id
    ]
    if not unbound:
        return BoundTokens()
    known = list(tx.execute(select(_g.id).order_by(_g.id)).scalars())
    owner = owner_of_unbound(known, local)
    certain = [one for one in unbound if one.name == FIRST or len(known) <= 1]
    made = [(one.name or one.id, owner) for one in certain if _bind(tx, one, owner)]
    left = sorted(one.name or one.id for one in unbound if one not in certain)
    return BoundTokens(tuple(sorted(made)), tuple(left))


def owner_of_unbound(known: Iterable[str], local: str) -> str:
    """The gateway of a token that names none; pure.

    The local one, unless another is the only one that has ever had a lease.
    """
    match list(known):
        case [only]:
            return only
        case _:
            return local


def _bind(tx: Connection, token: Token, gateway_id: str) -> bool:
    """False: another process was first."""
    which = (_t.id == token.id) & _t.gateway_id.is_(None)
    return bool(tx.execute(update(t.tokens).where(which).values(gateway_id=gateway_id)).rowcount)
