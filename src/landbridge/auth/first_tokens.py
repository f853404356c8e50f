"""The tokens of a first start: one for the administrator, one for the agent of this host.

Rules this module keeps:
- The agent's token names the gateway of this host, and no other uses it. If that gateway has a
  credential already, none is made.
- A token file is complete or absent, and has mode 0600 from its first byte on.
- The row is committed before the file appears, so a token that can be read is valid. A draft of the
  file is there before the row: a crash between the two is finished by the next start.
- A missing file gets a new token, and the one before ends; but not where processes of other hosts
  share the database: theirs has the same name, and goes on (`shared`).
- A database without any token (a new one with an old state directory) registers the tokens of the
  existing files. Otherwise a revoked token stays revoked.
- A file whose token the database does not know is reported and left unchanged.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Final

import structlog
from sqlalchemy import Connection

from landbridge.auth import gateways, local_tokens
from landbridge.auth.caller import ADMIN_ROLE
from landbridge.auth.token_cache import digest
from landbridge.store.database import Database
from landbridge.store.transaction import enter

ADMIN: Final = "admin-token"  # a file, and the token's name
AGENT: Final = gateways.FIRST

Register = Callable[[Connection, str], bool]  # False: there is no need of it
OTHERS: Final = (
    "there is no token of the administrator's here; the one of another host that shares the "
    "database is good at this API too"
)
_REPLACEMENTS: Final = {
    ADMIN: "use that one, or make one of another name: "
    "`landbridge token create --name NAME --project admin --role admin`",
    AGENT: "put what `landbridge gateway add NAME --replace` prints into that file, if an agent of "
    "this host needs it",
}

log = structlog.get_logger("landbridge.tokens")


def ensure(db: Database, state_dir: Path, gateway_id: str, *, shared: bool = False) -> None:
    """Make the tokens and their files, where they are missing. `gateway_id`: of this host.
    `shared`: whether API processes of other hosts may use the database.

    Raises: OSError: the state directory cannot be written.
    """
    fresh_database = db.read_sync(local_tokens.count) == 0
    _tell(db.write_sync(gateways.bind_unbound, gateway_id))
    registers: dict[str, Register] = {
        ADMIN: partial(_register_admin, shared=shared),
        AGENT: partial(_register_agent, gateway_id=gateway_id, shared=shared),
    }
    for name, register in registers.items():
        path = state_dir / name
        if not path.exists():
            _make(db, path, register)
        elif fresh_database and (known := _kept(path)):
            db.write_sync(register, known)


def doubt(db: Database, state_dir: Path, *, shared: bool = False) -> None:
    """Log which of the files hold no token that the database knows, or are missing."""
    for name in (ADMIN, AGENT):
        path = state_dir / name
        kept = _kept(path)
        if not path.exists():
            if shared and name == ADMIN:
                log.info(OTHERS, file=str(path), advice=_REPLACEMENTS[name])
        elif not (kept and _is_known(db, kept)):
            log.warning(
                "the file holds no token that is good here",
                file=str(path),
                advice=_REPLACEMENTS[name]
                if shared
                else "put the right one there, or remove the file and start the API again: it "
                "makes a new one then, and ends the old",
            )


def _is_known(db: Database, secret: str) -> bool:
    return db.read_sync(local_tokens.find, digest(secret)) is not None


def _kept(path: Path) -> str:
    """The token in the file; empty: there is none."""
    try:
        text = path.read_text("ascii").strip()
    except (OSError, UnicodeDecodeError):
        return ""
    return text if local_tokens.is_ours(text) and "\n" not in text else ""


def _make(db: Database, path: Path, register: Register) -> None:
    draft = path.with_name(f".{path.name}.draft")
    secret = _kept(draft)
    if not (secret and _is_known(db, secret)):
        secret = local_tokens.new_secret()
        before = any(each.name == path.name for each in db.read_sync(local_tokens.every))
        write_private(draft, secret + "\n")
        if not db.write_sync(register, secret):
            draft.unlink()
            return
        if before:
            log.warning("a missing token was made anew, the one before has ended", file=str(path))
    draft.replace(path)


def _register_admin(tx: Connection, secret: str, *, shared: bool) -> bool:
    enter(tx, alone=True)
    if shared and any(each.name == ADMIN for each in local_tokens.every(tx)):
        return False
    local_tokens.revoke(tx, ADMIN)
    local_tokens.add(
        tx, secret, name=ADMIN, project_id="admin", roles=(ADMIN_ROLE, "member", "reader")
    )
    return True


def _register_agent(tx: Connection, secret: str, *, gateway_id: str, shared: bool) -> bool:
    known = gateways.of(tx, gateway_id)
    if known is not None and (shared or known.name != AGENT):
        return False
    gateways.add(tx, secret, gateway_id, name=AGENT, replace=True)
    return True


def _tell(bound: gateways.BoundTokens) -> None:
    for name, gateway in bound.made:
        log.info("agent token bound to its gateway", name=name, gateway=gateway)
    if bound.left:
        log.warning(
            "agent tokens that name no gateway are refused: replace each with what "
            "`landbridge gateway add NAME` prints",
            names=list(bound.left),
        )


def write_private(path: Path, text: str) -> None:
    """Write a file that only its owner reads, whole or not at all. Raises: OSError."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    temporary.unlink(missing_ok=True)
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        temporary.unlink()
        raise
