"""Files as bad luck leaves them, for tests of what a process says and what it leaves alone.

Rules this module keeps:
- A fault is done to one path; nothing else changes.
- Garbage is the same in every run.
"""

from __future__ import annotations

import errno
import hashlib
import os
import random
import shutil
import subprocess
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from io import FileIO
from pathlib import Path
from typing import Final


def _missing(path: Path, _: Path) -> None:
    path.unlink()


def _empty(path: Path, _: Path) -> None:
    os.truncate(path, 0)


def _truncated(path: Path, _: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


def _garbage(path: Path, _: Path) -> None:
    path.write_bytes(random.Random(1).randbytes(max(64, path.stat().st_size)))  # noqa: S311


def _others(path: Path, other: Path) -> None:
    """The same file of another installation, copied over it."""
    path.write_bytes(other.read_bytes())


def _directory(path: Path, _: Path) -> None:
    path.unlink()
    path.mkdir()
    (path / "something").write_text("in it\n")


def _unreadable(path: Path, _: Path) -> None:
    path.chmod(0)


def _read_only(path: Path, _: Path) -> None:
    path.chmod(0o400)


def _symlink(path: Path, _: Path) -> None:
    """It lies elsewhere, as operators move large files to another disk."""
    elsewhere = path.parent.parent / "elsewhere"
    elsewhere.mkdir(exist_ok=True)
    path.symlink_to(shutil.move(path, elsewhere / path.name))


def _dangling(path: Path, _: Path) -> None:
    path.unlink()
    path.symlink_to(path.parent.parent / "nowhere" / path.name)


Fault = Callable[[Path, Path], None]
#: Each is done to a path, and is told where another installation has the same file.
FAULTS: Final[Mapping[str, Fault]] = {
    "missing": _missing,
    "empty": _empty,
    "truncated": _truncated,
    "garbage": _garbage,
    "other's": _others,
    "directory": _directory,
    "unreadable": _unreadable,
    "read-only": _read_only,
    "symlink": _symlink,
    "dangling": _dangling,
}


def contents(root: Path) -> dict[str, str]:
    """What is below `root`: names, kinds, digests of what is in files; no times."""
    return {str(path.relative_to(root)): _kind(path) for path in sorted(root.rglob("*"))}


def _kind(path: Path) -> str:
    if path.is_symlink():
        return f"-> {path.readlink()}"
    if path.is_dir():
        return "directory"
    if not path.is_file():
        return "special"
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        return errno.errorcode.get(error.errno or 0, "?")


@contextmanager
def small_disk(directory: Path, size: str = "1m") -> Iterator[Path]:
    """A disk of its own at `directory`, gone afterwards with all that is on it."""
    directory.mkdir(parents=True, exist_ok=True)
    options = f"size={size},mode=0700"
    subprocess.run(["mount", "-t", "tmpfs", "-o", options, "small", directory], check=True)
    try:
        yield directory
    finally:
        subprocess.run(["umount", "--lazy", directory], check=True)


def _write_on(file: FileIO, block: bytes) -> None:
    """Until it does not fit."""
    try:
        while True:
            file.write(block)
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise


@contextmanager
def full(directory: Path) -> Iterator[None]:
    """The disk of `directory`, which is a small one, has no byte left."""
    filler = directory / "filler"
    with filler.open("wb", buffering=0) as file:
        for size in (1 << 16, 1 << 12, 1):
            _write_on(file, b"\0" * size)
    try:
        yield
    finally:
        filler.unlink()
