"""CHILD_SAs that have carried both ways and are not heard any more: when each is replaced; pure.

A peer that has lost its CHILD_SA (with IKEv1 a DELETE is not acknowledged and may be lost) goes on
answering on the IKE_SA, and drops what we send. A new CHILD_SA beside the old one costs nothing and
mends it.

Rules this module keeps:
- A CHILD_SA is unheard when for `window` seconds packets went out (at least `least`) and none came
  in, though packets have come in through one of its name before: traffic that is never answered is
  no sign of a loss.
- Its IKE_SA must have answered all that we asked. A dead peer is dead peer detection's matter.
- After each replacement that brings nothing back the next one waits twice as long, up to `LONGEST`.
  The first packet that comes in begins anew.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

import msgspec

from landbridge.agent.tunnels.naming import plain
from landbridge.agent.tunnels.observed import ChildSa, IkeSa
from landbridge.model.fields import Model

LONGEST: Final = 3600.0  # seconds

Key = tuple[str, str]  # tunnel id, name of the child


class Listening(Model, frozen=True, kw_only=True):
    """What is known of the CHILD_SAs of one name. Times are monotonic. `silent_since`: since then
    packets go out and none come in; None: that is not so. `heard`: packets have come in."""

    packets_in: int
    packets_out: int
    silent_since: float | None = None
    sent_before: int = 0
    heard: bool = False
    replaced: int = 0
    not_before: float = 0.0

    def measured(self, packets_in: int, packets_out: int, at: float) -> Listening:
        """With one more measurement. Counters fall where a CHILD_SA has taken another's place."""
        if packets_in > self.packets_in:
            return Listening(packets_in=packets_in, packets_out=packets_out, heard=True)
        sends = packets_out > self.packets_out
        if packets_out < self.packets_out or not (sends or self.silent_since is not None):
            return msgspec.structs.replace(
                self, packets_in=packets_in, packets_out=packets_out, silent_since=None
            )
        begins = self.silent_since is None
        return msgspec.structs.replace(
            self,
            packets_in=packets_in,
            packets_out=packets_out,
            silent_since=at if begins else self.silent_since,
            sent_before=self.packets_out if begins else self.sent_before,
        )

    def is_unheard(self, at: float, window: float, least: int) -> bool:
        if not self.heard or self.silent_since is None or at < self.not_before:
            return False
        return at >= self.silent_since + window and self.packets_out - self.sent_before >= least

    def again(self, at: float, window: float) -> Listening:
        """It is being replaced."""
        pause = min(window * 2 ** min(self.replaced, 12), LONGEST)
        return msgspec.structs.replace(
            self, silent_since=None, replaced=self.replaced + 1, not_before=at + pause
        )


def listen(
    known: Mapping[Key, Listening], sas: Iterable[IkeSa], at: float, *, window: float, least: int
) -> tuple[dict[Key, Listening], dict[str, list[ChildSa]]]:
    """What is known with one more list, and by tunnel the CHILD_SAs that are to be replaced now."""
    found: dict[Key, list[tuple[IkeSa, ChildSa]]] = {}
    for sa in sas:
        for child in sa.live_children:
            found.setdefault((child.tunnel_id, plain(child.name)), []).append((sa, child))
    listening, unheard = {}, dict[str, list[ChildSa]]()
    for key, places in found.items():
        packets_in = sum(child.listed.packets_in for _, child in places)
        packets_out = sum(child.listed.packets_out for _, child in places)
        before = known.get(key)
        if before is None:
            now = Listening(packets_in=packets_in, packets_out=packets_out, heard=packets_in > 0)
        else:
            now = before.measured(packets_in, packets_out, at)
        answered = all(not sa.tasks and not sa.queued for sa, _ in places)
        if answered and now.is_unheard(at, window, least):
            unheard.setdefault(key[0], []).append(max(places, key=_newest)[1])
            now = now.again(at, window)
        listening[key] = now
    return listening, unheard


def _newest(place: tuple[IkeSa, ChildSa]) -> int:
    return place[1].unique_id
