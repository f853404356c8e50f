"""Local tokens: made here, stored as a digest, shown once.

Rules this module keeps:
- The database holds the SHA-256 of a token, never the token; a token has 256 random bits, so a
  plain digest is enough.
- `PREFIX` distinguishes local tokens from Keystone's.
- A person's new token has a name that no other one has (`add_named`). Databases of before may have
  several of one name; they go on.
- An expired token stays, and is told as expired, for `KEPT_EXPIRED`; its name may be given anew.
- The functions that take `tx` know no caller and no file.
"""

from __future__ import annotations

import secrets
import time
import uuid
from collections.abc import Iterable
from typing import Any, Final

import msgspec
from sqlalchemy import Connection, RowMapping, delete, func, insert, or_, select

from landbridge import errors
from landbridge.auth.caller import Caller
from landbridge.auth.token_cache import CheckedToken, TokenCache, digest
from landbridge.store.database import Database
from landbridge.store.tables import tokens
from landbridge.store.transaction import enter, utcnow

PREFIX: Final = "lbt_"
LOOK_AGAIN: Final = 0.5  # seconds; a revocation by another process is seen within twice that
KEPT_EXPIRED: Final = 30 * 86400  # seconds
CHALLENGE: Final = 'Landbridge realm="X-Auth-Token"'


class Token(msgspec.Struct, frozen=True, kw_only=True):
    """A token as `list` shows it. `expires_at`: seconds since the epoch, None: never."""

    id: str
    name: str
    user_id: str
    project_id: str
    roles: tuple[str, ...]
    created_at: str
    expires_at: int | None
    gateway_id: str | None = None  # of the gateway whose credential it is

    @property
    def expired(self) -> bool:
        return self.expires_at is not None and self.expires_at <= int(time.time())


class NameTaken(Exception):
    """Another token has the name; `id` is its."""

    def __init__(self, id: str) -> None:
        super().__init__(id)
        self.id = id


class SeveralFit(Exception):
    """More than one token has the name; `ids` are theirs."""

    def __init__(self, ids: tuple[str, ...]) -> None:
        super().__init__(*ids)
        self.ids = ids


def new_secret() -> str:
    return PREFIX + secrets.token_urlsafe(32)


def is_ours(token: str) -> bool:
    return token.startswith(PREFIX)


def add(
    tx: Connection,
    secret: str,
    *,
    name: str,
    project_id: str,
    roles: Iterable[str],
    expires_at: int | None = None,
    gateway_id: str | None = None,
) -> Token:
    """Keep a new token's digest. The user's name is the token's, or its id."""
    token = Token(
        id=str(uuid.uuid4()),
        name=name,
        user_id=name,
        project_id=project_id,
        roles=tuple(sorted(set(roles))),
        created_at=utcnow(),
        expires_at=expires_at,
        gateway_id=gateway_id,
    )
    if not name:
        token = msgspec.structs.replace(token, user_id=token.id)
    tx.execute(insert(tokens).values(digest=digest(secret), **msgspec.structs.asdict(token)))
    return token


def add_named(tx: Connection, secret: str, **values: Any) -> Token:
    """As `add`, by a person: no other token has its name. What has expired gives way.

    Raises: NameTaken.
    """
    enter(tx, alone=True)  # of two that are made at once the second sees the first
    drop_expired(tx, KEPT_EXPIRED)
    name = values["name"]
    for other in called(tx, name) if name else ():
        if not other.expired:
            raise NameTaken(other.id)
        tx.execute(delete(tokens).where(tokens.c.id == other.id))
    return add(tx, secret, **values)


def find(tx: Connection, token_digest: str) -> Token | None:
    row = tx.execute(select(*_COLUMNS).where(tokens.c.digest == token_digest)).mappings().first()
    return _token(row) if row else None


def every(tx: Connection) -> list[Token]:
    rows = tx.execute(select(*_COLUMNS).order_by(tokens.c.created_at, tokens.c.id)).mappings()
    return [_token(row) for row in rows]


def called(tx: Connection, name: str) -> list[Token]:
    """All of that name."""
    rows = tx.execute(select(*_COLUMNS).where(tokens.c.name == name).order_by(tokens.c.id))
    return [_token(row) for row in rows.mappings()]


def count(tx: Connection) -> int:
    return tx.execute(select(func.count()).select_from(tokens)).scalar_one()


def revoke(tx: Connection, name_or_id: str) -> int:
    """Delete by id, or by name; how many there were."""
    named = or_(tokens.c.id == name_or_id, tokens.c.name == name_or_id)
    return tx.execute(delete(tokens).where(named)).rowcount


def revoke_one(tx: Connection, name_or_id: str) -> Token | None:
    """Delete the one with that id, or the only one of that name; None: there is none.

    Raises: SeveralFit.
    """
    rows = tx.execute(select(*_COLUMNS).where(tokens.c.id == name_or_id)).mappings()
    found = [_token(row) for row in rows] or called(tx, name_or_id)
    if len(found) > 1:
        raise SeveralFit(tuple(each.id for each in found))
    for each in found:
        tx.execute(delete(tokens).where(tokens.c.id == each.id))
    return found[0] if found else None


def drop_expired(tx: Connection, kept: int = 0) -> int:
    """Delete those that have been expired for `kept` seconds."""
    return tx.execute(delete(tokens).where(tokens.c.expires_at <= int(time.time()) - kept)).rowcount


def _token(row: RowMapping) -> Token:
    return msgspec.convert({field: row[field] for field in Token.__struct_fields__}, Token)


_COLUMNS: Final = [tokens.c[field] for field in Token.__struct_fields__]


class LocalTokens:
    """The strategy ``token``."""

    challenge = CHALLENGE

    def __init__(self, db: Database) -> None:
        self._db = db
        self._cache = TokenCache(fresh=LOOK_AGAIN, keep=2 * LOOK_AGAIN)

    async def authenticate(self, token: str, service_token: str = "") -> Caller:
        key = digest(token)
        return await self._cache.get(key, lambda: self._look_up(key))

    def forget(self) -> None:
        """After a revocation in this process."""
        self._cache.forget()

    def close(self) -> None:
        """Nothing to release: the database is closed by its owner."""

    async def _look_up(self, key: str) -> CheckedToken:
        token = await self._db.read_one(find, key)
        if token is None:
            raise errors.Unauthorized("The token is not known, or was revoked.")
        caller = Caller(
            user_id=token.user_id,
            project_id=token.project_id,
            roles=frozenset(token.roles),
            gateway_id=token.gateway_id or "",
        )
        return CheckedToken(caller=caller, expires_at=token.expires_at)
