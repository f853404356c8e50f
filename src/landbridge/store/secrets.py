"""Secrets at rest: sealed with AES-256-GCM to the row that they belong to.

Rules this module keeps:
- A sealed value names its key and is bound to its row's id (associated data): copied to another row
  it cannot be opened.
- The first key seals, every key opens (`landbridge.store.keyfile`).
- A key has a proof: its own id, sealed with it, tells it from another key of the same id
  (`landbridge.store.keys` stores the proofs).
- No secret is written anywhere or put into an error.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import NamedTuple

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

KEY_BITS = 256
_NONCE_BYTES = 12
KEY_ID_BYTES = 4
_TAG_BYTES = 16
_PROOF = "landbridge"


class SealError(Exception):
    """A sealed value cannot be opened: unknown key, other row, or damage."""


class Keys(NamedTuple):
    """`ciphers` by key id; the one of `active` seals."""

    keys: Mapping[bytes, bytes]
    ciphers: Mapping[bytes, AESGCM]
    active: bytes

    @classmethod
    def of(cls, keys: Mapping[bytes, bytes]) -> Keys:
        """`keys`: 32 bytes by key id, the active one first; at least one."""
        ciphers = {key_id: AESGCM(key) for key_id, key in keys.items()}
        return cls(dict(keys), ciphers, next(iter(keys)))

    def __repr__(self) -> str:
        return f"Keys({len(self.keys)})"


class Sealer:
    """Seals with one key, opens with any. Whoever follows a changing set overrides `_held`."""

    def __init__(self, keys: Mapping[bytes, bytes]) -> None:
        self._keys = Keys.of(keys)

    def _held(self, sought: bytes = b"") -> Keys:
        """The keys now. `sought`: the id of one that is needed."""
        return self._keys

    def __repr__(self) -> str:
        return f"Sealer({len(self._keys.ciphers)} keys)"

    @classmethod
    def generate(cls) -> Sealer:
        """A sealer with a fresh key that is kept nowhere: for tests and previews."""
        return cls(dict([new_key()]))

    def derived(self, purpose: str) -> Sealer:
        """A sealer for something else than rows, with keys derived from these."""
        return _Derived(self, purpose)

    @property
    def key_ids(self) -> tuple[str, ...]:
        """The ids of all keys; the first one seals."""
        held = self._held()
        others = (key_id for key_id in held.ciphers if key_id != held.active)
        return tuple(key_id.hex() for key_id in (held.active, *others))

    def proof(self, key_id: str) -> bytes:
        """The proof of a key; see `is_proven`."""
        return _sealed(self._held(), bytes.fromhex(key_id), key_id, _PROOF)

    def is_proven(self, key_id: str, proof: bytes) -> bool:
        """Whether our key of that id is the one that `proof` was made with."""
        try:
            return self.unseal(key_id, proof) == _PROOF
        except SealError:
            return False

    def seal(self, row_id: str, secret: str) -> bytes:
        held = self._held()
        return _sealed(held, held.active, row_id, secret)

    def unseal(self, row_id: str, sealed: bytes) -> str:
        """Raises: SealError."""
        if len(sealed) < KEY_ID_BYTES + _NONCE_BYTES + _TAG_BYTES:
            raise SealError(f"the secret of {row_id} is cut short")
        key_id, rest = sealed[:KEY_ID_BYTES], sealed[KEY_ID_BYTES:]
        cipher = self._held(key_id).ciphers.get(key_id)
        if cipher is None:
            raise SealError(f"the secret of {row_id} is sealed with unknown key {key_id.hex()}")
        nonce, ciphertext = rest[:_NONCE_BYTES], rest[_NONCE_BYTES:]
        try:
            return cipher.decrypt(nonce, ciphertext, row_id.encode()).decode()
        except (InvalidTag, ValueError) as error:
            raise SealError(f"the secret of {row_id} does not open with its key") from error


class _Derived(Sealer):
    """Follows the keys of another one."""

    def __init__(self, of: Sealer, purpose: str) -> None:
        self._of = of
        self._purpose = purpose
        self._from, self._keys = self._derive()

    def _derive(self) -> tuple[Keys, Keys]:
        held = self._of._held()
        return held, Keys.of({i: _derived(key, self._purpose) for i, key in held.keys.items()})

    def _held(self, sought: bytes = b"") -> Keys:
        if self._of._held(sought) is not self._from:
            self._from, self._keys = self._derive()
        return self._keys


def new_key() -> tuple[bytes, bytes]:
    """An id and a key."""
    return os.urandom(KEY_ID_BYTES), AESGCM.generate_key(KEY_BITS)


def _sealed(held: Keys, key_id: bytes, row_id: str, secret: str) -> bytes:
    nonce = os.urandom(_NONCE_BYTES)
    cipher = held.ciphers[key_id]
    return key_id + nonce + cipher.encrypt(nonce, secret.encode(), row_id.encode())


def _derived(key: bytes, purpose: str) -> bytes:
    bits = HKDF(algorithm=SHA256(), length=KEY_BITS // 8, salt=None, info=purpose.encode())
    return bits.derive(key)


def key_id_of(sealed: bytes) -> str:
    """The id of the key that sealed it, if it is whole."""
    return sealed[:KEY_ID_BYTES].hex()
