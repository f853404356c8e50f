"""The keys that a database was sealed with, and whether they are there.

Rules this module keeps:
- A key that seals is known to the database beforehand, with a proof of it: so a key that is missing
  is told from a row that is damaged, and another key of the same id from the right one.
- `objection` is pure; it names keys, never what they are.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple

from sqlalchemy import Connection, delete, func, insert, select

from landbridge.store import tables as t
from landbridge.store.installation import sealing_keys
from landbridge.store.secrets import Sealer, key_id_of
from landbridge.store.transaction import utcnow

_sealed: Final = t.ipsec_site_connections.c.psk_sealed
_KEY_ID: Final = func.substr(_sealed, 1, 4)
_USED: Final = select(_KEY_ID, func.count()).group_by(_KEY_ID)


class Keys(NamedTuple):
    """`known`: proofs by key id; of one that was given up (`forget`) an empty one. `used`: how many
    rows each key has sealed, as they say."""

    known: Mapping[str, bytes]
    used: Mapping[str, int]


def survey(tx: Connection) -> Keys:
    known = {row.id: bytes(row.proof) for row in tx.execute(select(sealing_keys))}
    used = {key_id_of(bytes(key_id)): number for key_id, number in tx.execute(_USED)}
    return Keys(known, used)


def missing(keys: Keys, sealer: Sealer | None) -> dict[str, int]:
    """The keys that rows are sealed with and that are not there, with the number of rows.

    What no known key has sealed is damaged, which is the trouble of its own row alone; where no
    key is known yet, all that is sealed counts.
    """
    here = {
        key_id
        for key_id in (sealer.key_ids if sealer else ())
        if sealer and (not keys.known.get(key_id) or sealer.is_proven(key_id, keys.known[key_id]))
    }
    sought = {key_id for key_id, proof in keys.known.items() if proof}
    if not keys.known:
        sought = set(keys.used)
    return {key_id: keys.used[key_id] for key_id in sorted(sought - here) if key_id in keys.used}


def register(tx: Connection, sealer: Sealer) -> None:
    """From now on the keys of `sealer` are known."""
    known = survey(tx).known
    for key_id in sealer.key_ids:
        if not known.get(key_id):
            _keep(tx, key_id, sealer.proof(key_id))


def forget(tx: Connection, key_id: str) -> int:
    """Give up what that key has sealed: its rows are damaged from now on. How many there are."""
    found = survey(tx)
    if key_id not in found.used and key_id not in found.known:
        return 0
    _keep(tx, key_id, b"")
    return found.used.get(key_id, 0)


def _keep(tx: Connection, key_id: str, proof: bytes) -> None:
    tx.execute(delete(sealing_keys).where(sealing_keys.c.id == key_id))
    row = {"id": key_id, "proof": proof, "created_at": utcnow()}
    tx.execute(insert(sealing_keys).values(row))
