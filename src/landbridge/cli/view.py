"""A mount namespace in which another user can reach the files that the API needs.

A clone, a Python or a state directory below ``/root`` is closed to every other user by one
directory on the way. Here such a directory shows what is needed of it and nothing else.

Rules this module keeps:
- The host's own mounts and modes are never changed: it happens in a mount namespace.
- Nothing is shown that was not asked for, and each with its own owner and mode.
"""

from __future__ import annotations

import ctypes
import os
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Final

_CLONE_NEWNS: Final = 0x00020000
_MS_NOSUID, _MS_NODEV, _MS_BIND, _MS_REC, _MS_SLAVE = 2, 4, 4096, 16384, 1 << 19

Passes = Callable[[Path], bool]


def closed_on_the_way(paths: Iterable[Path], passes: Passes) -> dict[Path, list[Path]]:
    """The topmost directories that stop a user on the way to `paths`, each with those below it.

    `passes`: whether the user may go through a directory.
    """
    found: dict[Path, list[Path]] = {}
    for path in sorted(set(paths)):
        stop = next((each for each in reversed(path.parents) if not passes(each)), None)
        if stop is not None:
            found.setdefault(stop, []).append(path)
    return found


def open_up(closed: Mapping[Path, Iterable[Path]]) -> None:
    """Show of each directory only the given paths below it, to this process and its children.

    Raises: OSError: for example, that this process may not mount.
    """
    if not closed:
        return
    libc = ctypes.CDLL(None, use_errno=True)
    _try(libc.unshare(_CLONE_NEWNS))
    _try(libc.mount(b"none", b"/", None, _MS_REC | _MS_SLAVE, None))
    for directory, paths in closed.items():
        kept = {path: os.open(path, os.O_PATH | os.O_CLOEXEC) for path in _outermost(paths)}
        target = os.fsencode(directory)
        _try(libc.mount(b"tmpfs", target, b"tmpfs", _MS_NOSUID | _MS_NODEV, b"mode=0755"))
        for path, handle in kept.items():
            _make_place(path, is_directory=os.path.isdir(f"/proc/self/fd/{handle}"))
            source = f"/proc/self/fd/{handle}".encode()
            _try(libc.mount(source, os.fsencode(path), None, _MS_BIND | _MS_REC, None))
            os.close(handle)


def _outermost(paths: Iterable[Path]) -> list[Path]:
    """Without those that lie in another one."""
    chosen: list[Path] = []
    for path in sorted(paths):
        if not any(path.is_relative_to(each) for each in chosen):
            chosen.append(path)
    return chosen


def _make_place(path: Path, *, is_directory: bool) -> None:
    if is_directory:
        path.mkdir(parents=True, exist_ok=True)
    else:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch(0o600)


def _try(result: int) -> None:
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
