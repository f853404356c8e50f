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

from collections.abc import Iterable
from typing import Final

from landbridge.agent.tunnels.naming import ConfigName, tunnel_of_child
from landbridge.model.objects import Model
from landbridge.vici import Message

_MISSES: Final = 2


class Distance(Model, frozen=True, kw_only=True):
    """Bytes and packets, as the tunnel's inside sees them."""

    bytes_in: int = 0
    packets_in: int = 0
    bytes_out: int = 0
    packets_out: int = 0

    def plus(self, other: Distance) -> Distance:
        return Distance(
            bytes_in=self.bytes_in + other.bytes_in,
            packets_in=self.packets_in + other.packets_in,
            bytes_out=self.bytes_out + other.bytes_out,
            packets_out=self.packets_out + other.packets_out,
        )

    def at_least(self, other: Distance) -> Distance:
        return Distance(
            bytes_in=max(self.bytes_in, other.bytes_in),
            packets_in=max(self.packets_in, other.packets_in),
            bytes_out=max(self.bytes_out, other.bytes_out),
            packets_out=max(self.packets_out, other.packets_out),
        )


class Record(Model, frozen=True, kw_only=True):
    """One tunnel's: `before` of SAs that are gone, `present` by SPIs."""

    before: Distance = Distance()
    present: dict[str, Distance] = {}
    misses: dict[str, int] = {}

    @property
    def total(self) -> Distance:
        total = self.before
        for each in self.present.values():
            total = total.plus(each)
        return total


class TrafficCounters:
    """All tunnels of one router, by their ids."""

    def __init__(self) -> None:
        self._records: dict[str, Record] = {}

    def total(self, tunnel_id: str) -> Distance:
        record = self._records.get(tunnel_id)
        return record.total if record else Distance()

    def load(self, records: dict[str, Record]) -> None:
        """What an earlier agent has counted."""
        self._records = {**records, **self._records}

    def saved(self) -> dict[str, Record]:
        return dict(self._records)

    def forget(self, tunnel_id: str) -> None:
        self._records.pop(tunnel_id, None)

    def note(self, message: Message) -> None:
        """Take in the sections of one event or list entry, of whatever SAs it tells."""
        for tunnel_id, key, distance in _children((message,)):
            self._see(tunnel_id, key, distance)

    def read(self, messages: Iterable[Message]) -> None:
        """Take in a whole list: what is not in it is going."""
        listed: dict[str, set[str]] = {}
        for tunnel_id, key, distance in _children(messages):
            listed.setdefault(tunnel_id, set()).add(key)
            self._see(tunnel_id, key, distance)
        for tunnel_id, record in tuple(self._records.items()):
            if record.misses or record.present.keys() - listed.get(tunnel_id, set()):
                self._records[tunnel_id] = _missed(record, listed.get(tunnel_id, set()))

    def _see(self, tunnel_id: str, key: str, distance: Distance) -> None:
        record = self._records.get(tunnel_id) or Record()
        known = record.present.get(key)
        now = distance.at_least(known) if known else distance
        if now != known:
            self._records[tunnel_id] = Record(
                before=record.before, present={**record.present, key: now}, misses=record.misses
            )


def _missed(record: Record, listed: set[str]) -> Record:
    before, present, misses = record.before, {}, {}
    for key, distance in record.present.items():
        count = 0 if key in listed else record.misses.get(key, 0) + 1
        if count >= _MISSES:
            before = before.plus(distance)
            continue
        present[key] = distance
        if count:
            misses[key] = count
    return Record(before=before, present=present, misses=misses)


def _children(messages: Iterable[Message]) -> Iterable[tuple[str, str, Distance]]:
    for message in messages:
        for name, section in message.items():
            parsed = ConfigName.parse(name) if isinstance(section, dict) else None
            if parsed is None or not isinstance(section, dict):
                continue
            children = section.get("child-sas")
            for child in children.values() if isinstance(children, dict) else ():
                if isinstance(child, dict):
                    yield from _counts(parsed.tunnel_id, child)


def _counts(ike_tunnel_id: str, child: Message) -> Iterable[tuple[str, str, Distance]]:
    """Of one CHILD_SA, or of a rekeying, which has the old and the new one in it.
    `ike_tunnel_id`: whose IKE_SA it is."""
    both = [each for each in (child.get("old"), child.get("new")) if isinstance(each, dict)]
    for section in both or [child]:
        if "spi-in" in section:
            key = f"{section['spi-in']}/{section.get('spi-out', '')}"
            tunnel_id = tunnel_of_child(ike_tunnel_id, str(section.get("name", "")))
            yield tunnel_id, key, _distance(section)


def _distance(section: Message) -> Distance:
    return Distance(
        bytes_in=_number(section, "bytes-in"),
        packets_in=_number(section, "packets-in"),
        bytes_out=_number(section, "bytes-out"),
        packets_out=_number(section, "packets-out"),
    )


def _number(section: Message, key: str) -> int:
    value = section.get(key, "")
    return int(value) if isinstance(value, str) and value.isdecimal() else 0
