"""Where what is built once is kept.

Rules this module keeps:
- An entry's name has a digest of all that it was made from; another recipe makes another entry.
- An entry appears under its name when it is complete, never before: a killed build leaves
  nothing that could be taken for a result.
- One builder at a time; who waits for the lock finds the entry.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

HOME: Final = "LANDBRIDGE_KERNEL_CACHE"


def directory() -> Path:
    """``$LANDBRIDGE_KERNEL_CACHE``, or one in the user's cache."""
    given = os.environ.get(HOME)
    base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    found = Path(given) if given else base / "landbridge-kernel"
    found.mkdir(parents=True, exist_ok=True)
    return found


def entry(name: str, recipe: str, build: Callable[[Path], None]) -> Path:
    """The entry made by `recipe`; where there is none yet, `build` fills an empty directory."""
    digest = hashlib.sha256(recipe.encode()).hexdigest()[:12]
    home = directory()
    path = home / f"{name}-{digest}"
    with _locked(home / f"{name}.lock"):
        if not path.exists():
            half = home / f".{name}-{digest}.half"
            shutil.rmtree(half, ignore_errors=True)
            half.mkdir()
            build(half)
            half.rename(path)
    return path


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    with path.open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
