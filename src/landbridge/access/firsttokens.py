"""The tokens that are there after the first start: one for the admin, one for the agent.

Rules this module keeps:
- A token file is complete or absent, mode 0600 from its first byte on.
- The row is committed before the file appears: whoever can read the file can use it. A
  crash between the two leaves a row that nobody has the token of; the next start replaces it.
- A database without any token (a new one beside an old state directory) takes in the token
  files that are there. Otherwise a token that was revoked stays revoked.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

import msgspec
from sqlalchemy import Connection

from landbridge.access import tokens
from landbridge.access.caller import ADMIN_ROLE, AGENT_ROLE
from landbridge.store.database import Database


class First(msgspec.Struct, frozen=True):
    """A token's file (also its name), its project, its roles."""

    name: str
    project_id: str
    roles: tuple[str, ...]


FIRST: Final = (
    First("admin-token", "admin", (ADMIN_ROLE, "member", "reader")),
    First("agent-token", "landbridge", (AGENT_ROLE,)),
)


def ensure(db: Database, state_dir: Path) -> None:
    """Make the tokens and their files, where they are missing.

    Raises: OSError: the state directory cannot be written.
    """
    fresh_database = db.read_sync(tokens.count) == 0
    for first in FIRST:
        path = state_dir / first.name
        if not path.exists():
            _make(db, path, first)
        elif fresh_database:
            db.write_sync(_register, first, path.read_text().strip())


def _make(db: Database, path: Path, first: First) -> None:
    secret = tokens.new_secret()
    db.write_sync(_register, first, secret)
    write_private(path, secret + "\n")


def _register(tx: Connection, first: First, secret: str) -> None:
    tokens.revoke(tx, first.name)
    tokens.add(tx, secret, name=first.name, project_id=first.project_id, roles=first.roles)


def write_private(path: Path, text: str) -> None:
    """Write a file that only its owner reads, all at once."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    temporary.unlink(missing_ok=True)
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)
