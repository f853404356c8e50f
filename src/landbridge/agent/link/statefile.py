"""A small file of the agent's: what it holds goes on in memory where the disk does not take it.

Rules this module keeps:
- A file is whole or as it was before: written beside it, then put in its place.
- A full disk, a missing right, a directory in its place end nothing: it is said once, and tried
  again by whoever has something to keep.
"""

from __future__ import annotations

import os
from pathlib import Path

import structlog

log = structlog.get_logger(__name__)


class StateFile:
    """`what` is for the log."""

    def __init__(self, path: Path, what: str) -> None:
        self.path = path
        self._what = what
        self._failed = False

    def read(self) -> str | None:
        """None: there is none, or it cannot be read."""
        try:
            return self.path.read_text("utf-8")
        except FileNotFoundError:
            return None
        except (OSError, UnicodeDecodeError) as error:
            reason = error.strerror if isinstance(error, OSError) else "it is no text"
            log.warning("not readable", what=self._what, file=str(self.path), reason=reason)
            return None

    def write(self, text: str) -> bool:
        """Whether it is on the disk now."""
        try:
            self.replace(text)
        except OSError as error:
            if not self._failed:
                self._failed = True
                log.warning(
                    "not kept on disk, tried again",
                    what=self._what,
                    file=str(self.path),
                    reason=error.strerror,
                )
            return False
        if self._failed:
            self._failed = False
            log.info("kept on disk again", what=self._what, file=str(self.path))
        return True

    def replace(self, text: str) -> None:
        """Raises: OSError."""
        beside = self.path.with_name(f".{self.path.name}.new")
        file = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        try:
            os.write(file, text.encode())
            os.fsync(file)
        finally:
            os.close(file)
        beside.replace(self.path)

    def remove(self) -> None:
        """What cannot be removed is there the next time."""
        try:
            self.path.unlink(missing_ok=True)
        except OSError as error:
            log.warning("not removed", file=str(self.path), reason=error.strerror)
