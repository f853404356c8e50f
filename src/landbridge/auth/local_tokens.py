"""Local tokens: made here, stored as a digest, shown once.

Rules this module keeps:
- The database holds the SHA-256 of a token, never the token; a token has 256 random bits, so a
  plain digest is enough.
- `PREFIX` distinguishes local tokens from Keystone's.
- The functions that take `tx` know no caller and no file.
"""

from __future__ import annotations

import secrets
import time
import uuid
from collections.abc import Iterable
from typing import Final

import msgspec
from sqlalchemy import Connection, RowMapping, delete, func, insert, or_, select

from landbridge import errors
from landbridge.auth.caller import Caller
from landbridge.auth.token_cache import CheckedToken, TokenCache, digest
from landbridge.store.database import Database
from landbridge.store.tables import tokens
from landbridge.store.transaction import utcnow

PREFIX: Final = "lbt_"
LOOK_AGAIN: Final = 0.5  # seconds; a revocation by another process is seen within twice that
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


def find(tx: Connection, token_digest: str) -> Token | None:
    row = tx.execute(select(*_COLUMNS).where(tokens.c.digest == token_digest)).mappings().first()
    return _token(row) if row else None


def every(tx: Connection) -> list[Token]:
    rows = tx.execute(select(*_COLUMNS).order_by(tokens.c.created_at, tokens.c.id)).mappings()
    return [_token(row) for row in rows]


def count(tx: Connection) -> int:
    return tx.execute(select(func.count()).select_from(tokens)).scalar_one()


def revoke(tx: Connection, name_or_id: str) -> int:
    """Delete by id, or by name; how many there were."""
    named = or_(tokens.c.id == name_or_id, tokens.c.name == name_or_id)
    return tx.execute(delete(tokens).where(named)).rowcount


def drop_expired(tx: Connection) -> int:
    return tx.execute(delete(tokens).where(tokens.c.expires_at <= int(time.time()))).rowcount


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
        token = await self._db.read(find, key)
        if token is None:
            raise errors.Unauthorized("The token is not known, or was revoked.")
        caller = Caller(
            user_id=token.user_id,
            project_id=token.project_id,
            roles=frozenset(token.roles),
            gateway_id=token.gateway_id or "",
        )
        return CheckedToken(caller=caller, expires_at=token.expires_at)
