"""Secrets at rest: sealed with AES-256-GCM to the row that they belong to.

Rules this module keeps:
- A sealed value names its key and is bound to its row's id (associated data): copied to another row
  it cannot be opened.
- The key file is made at the first start with mode 0600. Its first line is the key that seals;
  every line can open, so a key is rotated by adding a line at the top.
- A key has a proof: its own id, sealed with it, tells it from another key of the same id
  (`landbridge.store.keys` stores the proofs).
- No secret is written anywhere or put into an error.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

_KEY_BITS = 256
_NONCE_BYTES = 12
_KEY_ID_BYTES = 4
_TAG_BYTES = 16
_PROOF = "landbridge"


class SealError(Exception):
    """A sealed value cannot be opened: unknown key, other row, or damage."""


class KeyFileError(Exception):
    """The key file is missing, unreadable or malformed; the message says what to do."""


class KeyFileMissing(KeyFileError):
    """There is no key file."""


class Sealer:
    """Seals with one key, opens with any of `keys` (key id -> 32 bytes)."""

    def __init__(self, keys: Mapping[bytes, bytes], active: bytes) -> None:
        self._keys = dict(keys)
        self._ciphers = {key_id: AESGCM(key) for key_id, key in keys.items()}
        self._active = active

    def __repr__(self) -> str:
        return f"Sealer({len(self._ciphers)} keys)"

    @classmethod
    def generate(cls) -> Sealer:
        """A sealer with a fresh key that is kept nowhere: for tests and previews."""
        key_id = os.urandom(_KEY_ID_BYTES)
        return cls({key_id: AESGCM.generate_key(_KEY_BITS)}, key_id)

    @classmethod
    def from_file(cls, path: Path, *, make: bool = True) -> Sealer:
        """Read the key file, making it first where there is none and `make` says so.

        Raises: KeyFileMissing, KeyFileError.
        """
        try:
            if make:
                _create(path)
            lines = path.read_text("ascii").split("\n")
        except FileNotFoundError as error:
            raise KeyFileMissing(_unusable(path, error)) from error
        except (OSError, UnicodeDecodeError) as error:
            raise KeyFileError(_unusable(path, error)) from error
        keys = dict(_parse(path, line) for line in lines if line.strip())
        if not keys:
            raise KeyFileError(f"the key file {path} is empty: restore it from your backup")
        return cls(keys, next(iter(keys)))

    def derived(self, purpose: str) -> Sealer:
        """A sealer for something else than rows, with keys derived from these."""
        return Sealer(
            {key_id: _derive(key, purpose) for key_id, key in self._keys.items()}, self._active
        )

    @property
    def key_ids(self) -> tuple[str, ...]:
        """The ids of all keys; the first one seals."""
        others = (key_id for key_id in self._ciphers if key_id != self._active)
        return tuple(key_id.hex() for key_id in (self._active, *others))

    def proof(self, key_id: str) -> bytes:
        """The proof of a key; see `is_proven`."""
        return self._seal(bytes.fromhex(key_id), key_id, _PROOF)

    def is_proven(self, key_id: str, proof: bytes) -> bool:
        """Whether our key of that id is the one that `proof` was made with."""
        try:
            return self.unseal(key_id, proof) == _PROOF
        except SealError:
            return False

    def seal(self, row_id: str, secret: str) -> bytes:
        return self._seal(self._active, row_id, secret)

    def _seal(self, key_id: bytes, row_id: str, secret: str) -> bytes:
        nonce = os.urandom(_NONCE_BYTES)
        cipher = self._ciphers[key_id]
        return key_id + nonce + cipher.encrypt(nonce, secret.encode(), row_id.encode())

    def unseal(self, row_id: str, sealed: bytes) -> str:
        """Raises: SealError."""
        if len(sealed) < _KEY_ID_BYTES + _NONCE_BYTES + _TAG_BYTES:
            raise SealError(f"the secret of {row_id} is cut short")
        key_id, rest = sealed[:_KEY_ID_BYTES], sealed[_KEY_ID_BYTES:]
        cipher = self._ciphers.get(key_id)
        if cipher is None:
            raise SealError(f"the secret of {row_id} is sealed with unknown key {key_id.hex()}")
        nonce, ciphertext = rest[:_NONCE_BYTES], rest[_NONCE_BYTES:]
        try:
            return cipher.decrypt(nonce, ciphertext, row_id.encode()).decode()
        except (InvalidTag, ValueError) as error:
            raise SealError(f"the secret of {row_id} does not open with its key") from error


def _derive(key: bytes, purpose: str) -> bytes:
    bits = HKDF(algorithm=SHA256(), length=_KEY_BITS // 8, salt=None, info=purpose.encode())
    return bits.derive(key)


def key_id_of(sealed: bytes) -> str:
    """The id of the key that sealed it, if it is whole."""
    return sealed[:_KEY_ID_BYTES].hex()


def _unusable(path: Path, error: OSError | UnicodeDecodeError) -> str:
    if isinstance(error, UnicodeDecodeError):
        return f"the key file {path} is no text: restore it from your backup"
    return (
        f"cannot use the key file {path} ({error.strerror or error}): put the file back that "
        "belongs to this database, readable by this user"
    )


def _create(path: Path) -> None:
    """Make the file atomically, since another process may start at the same time."""
    if path.exists():
        return
    line = f"{os.urandom(_KEY_ID_BYTES).hex()}:{AESGCM.generate_key(_KEY_BITS).hex()}\n"
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        with os.fdopen(descriptor, "w") as file:
            file.write(line)
            file.flush()
            os.fsync(file.fileno())
        path.hardlink_to(draft)
    except FileExistsError:
        return
    finally:
        draft.unlink()


def _parse(path: Path, line: str) -> tuple[bytes, bytes]:
    key_id, _, key = line.strip().partition(":")
    try:
        parsed = bytes.fromhex(key_id), bytes.fromhex(key)
    except ValueError:
        parsed = b"", b""
    if len(parsed[0]) != _KEY_ID_BYTES or len(parsed[1]) * 8 != _KEY_BITS:
        raise KeyFileError(
            f"a line of the key file {path} is not '<8 hex digits>:<64 hex digits>': restore the "
            "file from your backup"
        )
    return parsed
