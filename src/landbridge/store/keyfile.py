"""The file with the sealing keys: a line ``ID:KEY`` in hex digits for each.

Rules this module keeps:
- The first line's key seals; every line's opens.
- The file is made once, with mode 0600; it is replaced whole, with its owner and mode kept.
- A running process follows its file: it looks at most once a second, and at once when it meets a
  key that it does not know. A file that cannot be read any more changes nothing; the log says so.
- No key is put into an error.
"""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Final, NamedTuple

import structlog

from landbridge.store.secrets import KEY_BITS, KEY_ID_BYTES, Keys, Sealer, new_key

LOOK_AFTER: Final = 1.0  # seconds
COMMAND_SECONDS: Final = 30.0

log = structlog.get_logger("landbridge.keys")


class KeyFileError(Exception):
    """The key file is missing, unreadable or malformed; the message says what to do."""


class KeyFileMissing(KeyFileError):
    """There is no key file."""


class _State(NamedTuple):
    """By which a change of the file is seen."""

    inode: int = 0
    modified: int = 0
    size: int = 0


class FileSealer(Sealer):
    """Seals with the keys of a file, and follows it."""

    def __init__(self, path: Path) -> None:
        """Raises: KeyFileMissing, KeyFileError."""
        self._path = path
        self._seen = _state(path)
        self._looked = time.monotonic()
        super().__init__(read(path))

    def _held(self, sought: bytes = b"") -> Keys:
        unknown = bool(sought) and sought not in self._keys.ciphers
        now = time.monotonic()
        if unknown or now - self._looked > LOOK_AFTER:
            self._looked = now
            self._look()
        return self._keys

    def _look(self) -> None:
        state = _state(self._path)
        if state == self._seen:
            return
        self._seen = state
        try:
            self._keys = Keys.of(read(self._path))
        except KeyFileError as error:
            log.warning("the keys stay as they were", reason=str(error))
            return
        log.info("key file read again", keys=list(self.key_ids))


def of_file(path: Path, *, make: bool = True) -> Sealer:
    """A sealer with the keys of the file, which is made first where there is none and `make` says
    so.

    Raises: KeyFileMissing, KeyFileError.
    """
    if make:
        _create(path)
    return FileSealer(path)


def of_command(command: str) -> Sealer:
    """A sealer with the keys that a program prints, in the file's form.

    Raises: KeyFileError.
    """
    told = f"[database] key_command {command!r}"
    try:
        done = subprocess.run(
            ["/bin/sh", "-c", command],
            capture_output=True,
            stdin=subprocess.DEVNULL,
            timeout=COMMAND_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise KeyFileError(f"{told} did not end within {COMMAND_SECONDS:g} seconds") from None
    if done.returncode:
        words = done.stderr.decode(errors="replace").strip().splitlines()
        raise KeyFileError(f"{told} ended with {done.returncode}: {words[-1] if words else ''}")
    text = done.stdout.decode("ascii", "replace")
    return Sealer(
        _parsed(text, f"what {told} prints", "let it print the key file of this database")
    )


def read(path: Path) -> dict[bytes, bytes]:
    """The keys by id, the one that seals first. Raises: KeyFileMissing, KeyFileError."""
    try:
        text = path.read_text("ascii")
    except FileNotFoundError as error:
        raise KeyFileMissing(_unusable(path, error)) from error
    except (OSError, UnicodeDecodeError) as error:
        raise KeyFileError(_unusable(path, error)) from error
    return _parsed(text, f"the key file {path}", "restore the file from your backup")


def replace(path: Path, keys: Mapping[bytes, bytes]) -> None:
    """Write these keys, whole or not at all. Raises: KeyFileError."""
    text = "".join(f"{key_id.hex()}:{key.hex()}\n" for key_id, key in keys.items())
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        was = path.stat()
        _write(draft, text)
        if (was.st_uid, was.st_gid) != (os.geteuid(), os.getegid()):
            os.chown(draft, was.st_uid, was.st_gid)
        draft.chmod(was.st_mode & 0o777)
        draft.replace(path)
    except OSError as error:
        raise KeyFileError(
            f"cannot replace the key file {path} ({error.strerror}): make it, and its directory, "
            "writable by this user"
        ) from error
    finally:
        draft.unlink(missing_ok=True)


def _parsed(text: str, where: str, mend: str) -> dict[bytes, bytes]:
    """`where`, `mend`: what it is, and what to do, in an error's words."""
    keys = dict(_key(line.strip(), where, mend) for line in text.split("\n") if line.strip())
    if not keys:
        raise KeyFileError(f"{where} is empty: {mend}")
    return keys


def _key(line: str, where: str, mend: str) -> tuple[bytes, bytes]:
    key_id, _, key = line.partition(":")
    try:
        parsed = bytes.fromhex(key_id), bytes.fromhex(key)
    except ValueError:
        parsed = b"", b""
    if len(parsed[0]) != KEY_ID_BYTES or len(parsed[1]) * 8 != KEY_BITS:
        raise KeyFileError(f"a line of {where} is not '<8 hex digits>:<64 hex digits>': {mend}")
    return parsed


def _state(path: Path) -> _State:
    try:
        found = path.stat()
    except OSError:
        return _State()
    return _State(found.st_ino, found.st_mtime_ns, found.st_size)


def _unusable(path: Path, error: OSError | UnicodeDecodeError) -> str:
    if isinstance(error, UnicodeDecodeError):
        return f"the key file {path} is no text: restore the file from your backup"
    return (
        f"cannot use the key file {path} ({error.strerror or error}): put the file back that "
        "belongs to this database, readable by this user"
    )


def _create(path: Path) -> None:
    """Make the file atomically, since another process may start at the same time."""
    if path.exists():
        return
    key_id, key = new_key()
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        _write(draft, f"{key_id.hex()}:{key.hex()}\n")
        path.hardlink_to(draft)
    except FileExistsError:
        return
    except OSError as error:
        raise KeyFileError(_unusable(path, error)) from error
    finally:
        draft.unlink(missing_ok=True)


def _write(path: Path, text: str) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
