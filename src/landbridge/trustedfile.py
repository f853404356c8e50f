"""Files in a directory that another user may write, too, opened as safely as one's own.

The API's user puts files into the state directory, and root's processes read and lock some there.

Rules this module keeps:
- A symbolic link is followed only where root or this process's user has made it: nobody else leads
  this process to a file that only it may read or write.
- What is opened is a regular file with one name; neither a pipe that blocks nor a hard link to a
  file elsewhere is.
- A directory that is to be this user's alone is it, or is refused.
"""

from __future__ import annotations

import errno
import os
import stat
from contextlib import suppress
from pathlib import Path
from typing import Final

SHORT: Final = 4096  # bytes
Signature = tuple[int, int, int, int]
#: Of a directory in which others may see whether a file that they know of is there, and no more.
OPEN_TO_LOOKUPS: Final = 0o711
_SAFE: Final = os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY


class Untrusted(OSError):
    """The file or directory is not what it should be. `strerror` says why."""

    def __init__(self, path: Path, why: str) -> None:
        super().__init__(errno.EPERM, why, str(path))


def open_file(path: Path, flags: int, mode: int = 0o600) -> int:
    """As `os.open`, for regular files. Raises: OSError."""
    try:
        file = os.open(path, flags | os.O_NOFOLLOW | _SAFE, mode)
    except OSError as error:
        if error.errno != errno.ELOOP:
            raise
        if not _is_trusted(path.lstat().st_uid):
            raise Untrusted(path, "it is a symbolic link that another user has made") from None
        file = os.open(path, flags | _SAFE, mode)
    found = os.fstat(file)
    if not stat.S_ISREG(found.st_mode):
        os.close(file)
        raise Untrusted(path, "it is no regular file")
    if found.st_nlink > 1 and not _is_trusted(found.st_uid):
        os.close(file)
        raise Untrusted(path, "it has another name elsewhere")
    os.set_blocking(file, True)
    return file


def read_short(path: Path) -> str:
    """The file's text without white space around it. Raises: OSError."""
    with os.fdopen(open_file(path, os.O_RDONLY), "rb") as file:
        content = file.read(SHORT + 1)
    if len(content) > SHORT:
        raise Untrusted(path, f"it has more than {SHORT} bytes")
    try:
        return content.decode().strip()
    except UnicodeDecodeError:
        raise Untrusted(path, "it is no text") from None


def signature(path: Path) -> Signature:
    """What differs when a file is written anew or replaced, also behind a link. Raises: OSError."""
    found = path.stat()
    return found.st_dev, found.st_ino, found.st_mtime_ns, found.st_size


def own_directory(path: Path, mode: int = 0o700) -> None:
    """Make the directory where it is missing, and see that no other user may write in it.

    Raises: OSError.
    """
    with suppress(FileExistsError):
        path.mkdir(mode=mode, parents=True)
    found = path.lstat()
    if stat.S_ISLNK(found.st_mode) and _is_trusted(found.st_uid):
        found = path.stat()
    if not stat.S_ISDIR(found.st_mode):
        raise Untrusted(path, "it is no directory")
    if not _is_trusted(found.st_uid):
        raise Untrusted(path, f"it belongs to another user (uid {found.st_uid})")
    if found.st_mode & 0o7777 != mode and found.st_uid == os.geteuid():
        path.chmod(mode)


def _is_trusted(uid: int) -> bool:
    return uid in (0, os.geteuid())
