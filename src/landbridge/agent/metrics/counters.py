"""How much each tunnel has carried, over all the CHILD_SAs that it ever had.

Rules this module keeps:
- charon counts per CHILD_SA and forgets with it; sums here never go backwards: what an SA had
  counted when it was last seen stays when it goes.
- An SA is told from others by its pair of SPIs, which is also good over restarts of the agent
  (`saved`, `load`). A restart of charon begins new SAs: their counts are added.
- An SA is given up only when two lists in a row lack it: one may have been asked for before
  the SA came.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Final

from landbridge.agent.tunnels.listed import ListedChild
from landbridge.agent.tunnels.observed import IkeSa
from landbridge.model.fields import Model

NONE_LOST: Final[Mapping[int, int]] = MappingProxyType({})
_MISSES: Final = 2


class Traffic(Model, frozen=True, kw_only=True):
    """Bytes and packets of a tunnel: `in` comes from the peer.

    `lost_in`: packets that the peer has numbered and that did not come, where the data plane tells.
    """

    bytes_in: int = 0
    packets_in: int = 0
    bytes_out: int = 0
    packets_out: int = 0
    lost_in: int = 0

    def plus(self, other: Traffic) -> Traffic:
        return Traffic(
            bytes_in=self.bytes_in + other.bytes_in,
            packets_in=self.packets_in + other.packets_in,
            bytes_out=self.bytes_out + other.bytes_out,
            packets_out=self.packets_out + other.packets_out,
            lost_in=self.lost_in + other.lost_in,
        )

    def at_least(self, other: Traffic) -> Traffic:
        return Traffic(
            bytes_in=max(self.bytes_in, other.bytes_in),
            packets_in=max(self.packets_in, other.packets_in),
            bytes_out=max(self.bytes_out, other.bytes_out),
            packets_out=max(self.packets_out, other.packets_out),
            lost_in=max(self.lost_in, other.lost_in),
        )


class Record(Model, frozen=True, kw_only=True):
    """One tunnel's: `before` of SAs that are gone, `present` by SPIs."""

    before: Traffic = Traffic()
    present: dict[str, Traffic] = {}
    misses: dict[str, int] = {}

    @property
    def total(self) -> Traffic:
        total = self.before
        for each in self.present.values():
            total = total.plus(each)
        return total


class TrafficCounters:
    """All tunnels of one router, by their ids."""

    def __init__(self) -> None:
        self._records: dict[str, Record] = {}

    def total(self, tunnel_id: str) -> Traffic:
        record = self._records.get(tunnel_id)
        return record.total if record else Traffic()

    def load(self, records: dict[str, Record]) -> None:
        """What an earlier agent has counted."""
        self._records = {**records, **self._records}

    def saved(self) -> dict[str, Record]:
        return dict(self._records)

    def forget(self, tunnel_id: str) -> None:
        self._records.pop(tunnel_id, None)

    def note(self, sas: Iterable[IkeSa]) -> None:
        """Take in the SAs of an event."""
        for tunnel_id, key, traffic in _children(sas):
            self._see(tunnel_id, key, traffic)

    def read(self, sas: Iterable[IkeSa], lost: Mapping[int, int] = NONE_LOST) -> None:
        """Take in a whole list: what is not in it is going. `lost`: packets by incoming SPI."""
        listed: dict[str, set[str]] = {}
        for tunnel_id, key, traffic in _children(sas, lost):
            listed.setdefault(tunnel_id, set()).add(key)
            self._see(tunnel_id, key, traffic)
        for tunnel_id, record in tuple(self._records.items()):
            if record.misses or record.present.keys() - listed.get(tunnel_id, set()):
                self._records[tunnel_id] = _missed(record, listed.get(tunnel_id, set()))

    def _see(self, tunnel_id: str, key: str, traffic: Traffic) -> None:
        record = self._records.get(tunnel_id) or Record()
        known = record.present.get(key)
        now = traffic.at_least(known) if known else traffic
        if now != known:
            self._records[tunnel_id] = Record(
                before=record.before, present={**record.present, key: now}, misses=record.misses
            )


def _missed(record: Record, listed: set[str]) -> Record:
    before, present, misses = record.before, {}, {}
    for key, traffic in record.present.items():
        count = 0 if key in listed else record.misses.get(key, 0) + 1
        if count >= _MISSES:
            before = before.plus(traffic)
            continue
        present[key] = traffic
        if count:
            misses[key] = count
    return Record(before=before, present=present, misses=misses)


def _children(
    sas: Iterable[IkeSa], lost: Mapping[int, int] = NONE_LOST
) -> Iterable[tuple[str, str, Traffic]]:
    for sa in sas:
        if not sa.tunnel_id:
            continue
        for child in sa.children:
            for part in child.listed.parts:
                if part.spi_in:
                    missed = lost.get(int(part.spi_in, 16), 0)
                    yield child.tunnel_id, f"{part.spi_in}/{part.spi_out}", _traffic(part, missed)


def _traffic(child: ListedChild, lost_in: int) -> Traffic:
    return Traffic(
        bytes_in=child.bytes_in,
        packets_in=child.packets_in,
        bytes_out=child.bytes_out,
        packets_out=child.packets_out,
        lost_in=lost_in,
    )
