"""The keys that a database was sealed with, and whether they are available.

Rules this module keeps:
- A key is registered with a proof before it seals: so a missing key is distinguished from a damaged
  row, and another key of the same id from the right one.
- Where several processes share the database, each has the keys of all: what one of them seals, any
  other is asked for. One that lacks a key registers none of its own.
- `missing` is pure; it names the ids of keys only.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple

from sqlalchemy import Connection, delete, func, insert, select

from landbridge.store import tables as t
from landbridge.store.installation import sealing_keys
from landbridge.store.secrets import Sealer, key_id_of
from landbridge.store.transaction import enter, utcnow

_sealed: Final = t.ipsec_site_connections.c.psk_sealed
_KEY_ID: Final = func.substr(_sealed, 1, 4)
_USED: Final = select(_KEY_ID, func.count()).group_by(_KEY_ID)


class Keys(NamedTuple):
    """`known`: proofs by key id; empty for a key that was given up (`forget`), or that seals
    nothing any more (`landbridge.store.rotation`). `used`: the number
    of rows sealed with each key id."""

    known: Mapping[str, bytes]
    used: Mapping[str, int]


def survey(tx: Connection) -> Keys:
    known = {row.id: bytes(row.proof) for row in tx.execute(select(sealing_keys))}
    used = {key_id_of(bytes(key_id)): number for key_id, number in tx.execute(_USED)}
    return Keys(known, used)


def missing(keys: Keys, sealer: Sealer | None, *, shared: bool = False) -> dict[str, int]:
    """The ids of missing keys, with the number of rows sealed with them; where the database is
    `shared`, also of keys that have sealed nothing yet.

    A row sealed with an unknown key is damaged, which concerns only it. If no key is known yet, all
    sealed rows count.
    """
    here = {
        key_id
        for key_id in (sealer.key_ids if sealer else ())
        if sealer and (not keys.known.get(key_id) or sealer.is_proven(key_id, keys.known[key_id]))
    }
    sought = {key_id for key_id, proof in keys.known.items() if proof}
    if not keys.known:
        sought = set(keys.used)
    lost = sorted(sought - here)
    return {key_id: keys.used.get(key_id, 0) for key_id in lost if shared or key_id in keys.used}


class KeysMissing(Exception):
    """Others have sealed, or may seal, with keys that are not here. `lost`: see `missing`."""

    def __init__(self, lost: Mapping[str, int]) -> None:
        super().__init__(*lost)
        self.lost = lost


def register(tx: Connection, sealer: Sealer, shared: bool = False) -> None:
    """Register the key that `sealer` seals with. Raises: KeysMissing: another process was first."""
    enter(tx, alone=True)
    found = survey(tx)
    if lost := missing(found, sealer, shared=shared):
        raise KeysMissing(lost)
    active = sealer.key_ids[0]
    if not found.known.get(active):
        keep(tx, active, sealer.proof(active))


def forget(tx: Connection, key_id: str) -> int:
    """Give up a lost key; returns the number of its rows, which count as damaged from now on."""
    found = survey(tx)
    if key_id not in found.used and key_id not in found.known:
        return 0
    keep(tx, key_id, b"")
    return found.used.get(key_id, 0)


def keep(tx: Connection, key_id: str, proof: bytes) -> None:
    tx.execute(delete(sealing_keys).where(sealing_keys.c.id == key_id))
    row = {"id": key_id, "proof": proof, "created_at": utcnow()}
    tx.execute(insert(sealing_keys).values(row))
