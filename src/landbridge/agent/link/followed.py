"""How far this gateway has followed which database, and which one it does not follow.

Rules this module keeps:
- What runs here is taken down only because the history that asked for it says so. A database of
  another identity, one whose history went back (a backup), or one that knows nothing of what runs
  here while this agent does not remember which it followed: none of them is followed until an
  operator says so. Everything goes on as it is meanwhile.
- The word of an operator is for one database, by its identity, and is used up by following it.
- What is remembered is on the disk within a second or so: only what came in that second can be
  missed in a database without anybody's noticing, and only where the agent was killed.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Collection
from pathlib import Path
from typing import Final, TypeVar

import msgspec

from landbridge.agent.link.statefile import StateFile
from landbridge.model.fields import Model
from landbridge.model.gateway import Desired, Position

SETTLE: Final = 1.0  # seconds between two writes
T = TypeVar("T")


class Refused(Model, frozen=True, kw_only=True):
    """`since`: seconds since the epoch."""

    database: str
    reason: str
    since: float


class Objection(Exception):
    """This database is not followed; the message says why."""

    def __init__(self, database: str, reason: str) -> None:
        super().__init__(reason)
        self.database = database
        self.reason = reason


def objection(seen: Position | None, desired: Desired, strangers: Collection[str]) -> str:
    """Why `desired` is not followed; empty: it is. `strangers`: what runs here and is not desired.

    Pure.
    """
    if seen is None:
        if not strangers:
            return ""
        return (
            "this agent does not remember which database it followed, and routers run here that "
            "this one does not know."
        )
    if seen.database in desired.replaces:
        return ""
    if seen.database != desired.database:
        return "it is another database than the one that was followed before."
    if not desired.goes_on or (desired.opening == seen.opening and desired.cursor < seen.cursor):
        return "its history went back behind what was followed: a backup was put back."
    return ""


class Followed:
    """The memory of one agent, in its state directory."""

    def __init__(self, state_dir: Path) -> None:
        self._file = StateFile(state_dir / "followed", "the position that was followed")
        self._refused = StateFile(state_dir / "refused", "the database that is refused")
        self._accepted = StateFile(state_dir / "accepted", "the database that is accepted")
        self._moved = asyncio.Event()
        self._kept: Position | None = None
        self.position = self._kept = _decoded(self._file.read(), Position)

    def consent(self, desired: Desired, strangers: Collection[str]) -> bool:
        """Whether everything is to be taken anew, because the history is another one.

        Raises: Objection.
        """
        reason = objection(self.position, desired, strangers)
        if reason and not self.accepts(desired.database):
            raise Objection(desired.database, reason)
        same = self.position is None or self.position.database == desired.database
        return bool(reason) or not same

    def follow(self, position: Position) -> None:
        """All of what is desired at `position` has been taken."""
        self._refused.remove()
        self._accepted.remove()
        self.move(position)

    def move(self, position: Position) -> None:
        self.position = position
        self._moved.set()

    async def keep(self) -> None:
        """Writes what has moved, until cancelled, and then once more."""
        try:
            while True:
                await self._moved.wait()
                self._moved.clear()
                if not await asyncio.to_thread(self._write):
                    self._moved.set()
                await asyncio.sleep(SETTLE)
        finally:
            self._write()

    def _write(self) -> bool:
        position = self.position
        if position is None or position == self._kept:
            return True
        if not self._file.write(msgspec.json.encode(position).decode() + "\n"):
            return False
        self._kept = position
        return True

    # What is not followed -------------------------------------------------------------------

    def refuse(self, error: Objection) -> None:
        refused = Refused(database=error.database, reason=error.reason, since=time.time())
        self._refused.write(msgspec.json.encode(refused).decode() + "\n")

    def refused(self) -> Refused | None:
        return _decoded(self._refused.read(), Refused)

    def accept(self, database: str) -> None:
        """An operator's word. Raises: OSError."""
        self._accepted.replace(f"{database}\n")

    def accepts(self, database: str) -> bool:
        return bool(database) and (self._accepted.read() or "").strip() == database


def _decoded(text: str | None, kind: type[T]) -> T | None:
    if text is None:
        return None
    try:
        return msgspec.json.decode(text, type=kind)
    except (msgspec.DecodeError, UnicodeEncodeError):
        return None
