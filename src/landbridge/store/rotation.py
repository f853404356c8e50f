"""Sealing what is in the database with another key, while it is in use.

Rules this module keeps:
- A row is sealed anew only as it was read: what a client has changed meanwhile stays. It is no
  change of the connection's: revision, time and gateway are as before.
- What does not open is left for `landbridge.vpn.status.unreadable_psks`.
- A key is *waiting* while the database does not know it: every API process must have it in its
  file before it seals. It is *retired* once it seals nothing: the register keeps its id without
  the proof, so that nobody needs it any more, and it is not taken for a new one.
- `next_step` is pure.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import Enum, auto
from typing import Final, NamedTuple

from sqlalchemy import Connection, func, select, update

from landbridge.store import tables as t
from landbridge.store.keys import keep, survey
from landbridge.store.secrets import Sealer, SealError
from landbridge.store.transaction import enter

BATCH: Final = 200  # rows of a transaction
_connections: Final = t.ipsec_site_connections
_id, _sealed = _connections.c.id, _connections.c.psk_sealed
_ROWS: Final = select(_id, _sealed).order_by(_id).limit(BATCH)


class Step(Enum):
    """What a rotation does next. NEED_OTHERS: nothing before the new key is in all files."""

    PREPARE = auto()
    PREPARED = auto()
    BEGIN = auto()
    FINISH = auto()
    NEED_OTHERS = auto()


def waiting(file: Sequence[str], known: Mapping[str, bytes]) -> str:
    """The id of the key in the file that is to seal next; empty: there is none."""
    return next((key_id for key_id in reversed(file[1:]) if key_id not in known), "")


def next_step(
    file: Sequence[str], known: Mapping[str, bytes], *, prepare: bool, shared: bool
) -> Step:
    """`file`: ids of the keys in the file, in its order. `known`: proofs in the register by id.
    `prepare`: only the new key is wanted. `shared`: several files may be in use."""
    if waiting(file, known):
        return Step.PREPARED if prepare else Step.BEGIN
    if prepare:
        return Step.PREPARE
    if any(proof and key_id != file[0] for key_id, proof in known.items()):
        return Step.FINISH
    return Step.NEED_OTHERS if shared else Step.PREPARE


class Resealed(NamedTuple):
    """`last`: the id to go on after; empty: all have been seen. `damaged`: left as they are."""

    last: str = ""
    sealed: int = 0
    damaged: int = 0


def reseal(tx: Connection, sealer: Sealer, after: str) -> Resealed:
    """Seal the next rows behind `after` that another key has sealed."""
    active = bytes.fromhex(sealer.key_ids[0])
    others = _ROWS.where(_id > after, func.substr(_sealed, 1, len(active)) != active)
    last, sealed, damaged = "", 0, 0
    for row_id, before in tx.execute(others).all():
        last = row_id
        try:
            secret = sealer.unseal(row_id, bytes(before))
        except SealError:
            damaged += 1
            continue
        unchanged = (_id == row_id) & (_sealed == before)
        values = {"psk_sealed": sealer.seal(row_id, secret)}
        sealed += tx.execute(update(_connections).where(unchanged).values(values)).rowcount
    return Resealed(last, sealed, damaged)


def retire(tx: Connection, active: str) -> tuple[str, ...]:
    """Retire the keys that seal nothing any more; their ids. `active`: of the one that seals."""
    enter(tx, alone=True)
    found = survey(tx)
    gone = tuple(
        key_id
        for key_id, proof in sorted(found.known.items())
        if proof and key_id not in found.used and key_id != active
    )
    for key_id in gone:
        keep(tx, key_id, b"")
    return gone
