"""IKE_SAs and CHILD_SAs as charon lists them, decoded; pure.

The sections of list-sas (and of the events about SAs) are decoded here and nowhere else. What
observation, diagnosis, counters and event log need of them they read from these structs.

Rules this module keeps:
- Names of fields are charon's own, with underscores. Algorithms and states stay in its words.
- A field that a release leaves out, or whose value is not what it should be, is empty, 0 or None.
  Nothing is guessed.
- No secret is in any of it: charon lists neither keys nor PSKs.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import msgspec

from landbridge.vici import Message

Texts = tuple[str, ...]


class ListedChild(msgspec.Struct, frozen=True, rename="kebab"):
    """A CHILD_SA. `old`, `new`: of a rekeying, instead of everything else. Times in seconds."""

    name: str = ""
    uniqueid: int = 0
    state: str = ""
    reqid: int = 0
    protocol: str = ""
    mode: str = ""
    encap: str = ""
    local_ts: Texts = ()
    remote_ts: Texts = ()
    spi_in: str = ""
    spi_out: str = ""
    encr_alg: str = ""
    encr_keysize: str = ""
    integ_alg: str = ""
    integ_keysize: str = ""
    dh_group: str = ""
    bytes_in: int = 0
    packets_in: int = 0
    bytes_out: int = 0
    packets_out: int = 0
    use_in: int | None = None
    use_out: int | None = None
    install_time: int = 0
    rekey_time: int | None = None
    life_time: int | None = None
    old: ListedChild | None = None
    new: ListedChild | None = None

    @property
    def parts(self) -> tuple[ListedChild, ...]:
        """The CHILD_SA, or the old and the new one of a rekeying."""
        return tuple(each for each in (self.old, self.new) if each is not None) or (self,)


class ListedIke(msgspec.Struct, frozen=True, rename="kebab"):
    """An IKE_SA. `old`, `new`: of a rekeying, instead of everything else. Times in seconds."""

    uniqueid: int = 0
    version: str = ""
    state: str = ""
    initiator: str = ""
    local_host: str = ""
    local_port: int = 0
    local_id: str = ""
    remote_host: str = ""
    remote_port: int = 0
    remote_id: str = ""
    initiator_spi: str = ""
    responder_spi: str = ""
    encr_alg: str = ""
    encr_keysize: str = ""
    integ_alg: str = ""
    integ_keysize: str = ""
    prf_alg: str = ""
    dh_group: str = ""
    nat_local: str = ""
    nat_remote: str = ""
    established: int | None = None
    rekey_time: int | None = None
    reauth_time: int | None = None
    tasks_active: Texts = ()
    tasks_queued: Texts = ()
    child_sas: dict[str, ListedChild] = {}
    old: ListedIke | None = None
    new: ListedIke | None = None


NOTHING: Final = ListedIke()
NO_CHILD: Final = ListedChild()
_LISTS: Final = frozenset({"local-ts", "remote-ts", "tasks-active", "tasks-queued"})
_SECTIONS: Final = frozenset({"child-sas", "old", "new"})
_NUMBERS: Final = frozenset(
    field.encode_name
    for kind in (ListedIke, ListedChild)
    for field in msgspec.structs.fields(kind)
    if field.type in (int, int | None)
)


def sections(message: Message) -> Iterable[tuple[str, ListedIke]]:
    """The IKE_SAs of one entry of list-sas, or of an event, with their names."""
    for name, section in message.items():
        if isinstance(section, dict):
            yield name, decoded(section)


def decoded(section: Message) -> ListedIke:
    try:
        return msgspec.convert(section, ListedIke, strict=False)
    except msgspec.ValidationError:
        return msgspec.convert(_readable(section), ListedIke, strict=False)


def _readable(section: Message) -> Message:
    """Without the values that are not what they should be."""
    kept: Message = {}
    for key, value in section.items():
        if isinstance(value, dict):
            if key in _SECTIONS:
                kept[key] = _readable_all(value) if key == "child-sas" else _readable(value)
        elif isinstance(value, list):
            if key in _LISTS:
                kept[key] = value
        elif key in _NUMBERS:
            if value.lstrip("-").isdecimal():
                kept[key] = value
        elif key not in _LISTS | _SECTIONS:
            kept[key] = value
    return kept


def _readable_all(children: Message) -> Message:
    return {key: _readable(each) for key, each in children.items() if isinstance(each, dict)}
