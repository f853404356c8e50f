"""Reads the SAs of the tunnels that want a look: of each by name, or of all with one list.

Rules this module keeps:
- A few out of many are listed by name. Where that would take longer than one list-sas of
  everything, that list serves all of them. What charon is asked for does not grow with the number
  of tunnels. A look by name costs what the last one took: charon goes through all its SAs for it
  and waits for those that it is working on, so it is slow when many tunnels change.
- Level, not edge: the list is taken after the marks were taken, so what happens while it is
  taken marks its tunnel again.
- An event before a look explains what the look finds, a later one belongs to the next look: the
  times of a tunnel are taken before the list is.
- A list that many share is old when it is the last one's turn: it gives their status, but a tunnel
  with a step to take is listed again by itself.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

import msgspec
import structlog

from landbridge.agent.charon.client import ViciClient
from landbridge.agent.reconcile.trouble import concerns_all
from landbridge.agent.reconcile.tunnel import ManagedTunnel
from landbridge.agent.tunnels.observed import Actual
from landbridge.model.fields import Model

log = structlog.get_logger(__name__)

ENTRY: Final = 50e-6  # seconds that a tunnel costs in a list of everything
USUAL: Final = 500e-6  # seconds of a look by name, while nothing else happens


class Observation(Model, frozen=True, kw_only=True):
    """What was seen of one tunnel. `now`: just before, by the loop's clock; `seen_at`: when it
    became true, in seconds since the epoch; `shared`: out of a list of everything."""

    actual: Actual = Actual()
    now: float
    seen_at: float
    shared: bool = False


def worth_one_list(marked: int, known: int, took: float) -> bool:
    """Whether to look at `marked` of `known` tunnels with one list. `took`: seconds of the last
    look by name."""
    return marked > 1 and marked * max(took, USUAL) >= known * ENTRY


class SaReader:
    """On the tunnels of one charon."""

    def __init__(self, control: ViciClient) -> None:
        self.control = control
        self._took = 0.0

    async def one(self, managed: ManagedTunnel) -> Observation:
        before, began = self._before(managed), time.perf_counter()
        found = await self.control.look(managed.id)
        self._took = time.perf_counter() - began
        return msgspec.structs.replace(before, actual=found)

    async def again(self, managed: ManagedTunnel, seen: Observation) -> Observation:
        """What was seen is old by now."""
        return msgspec.structs.replace(await self.one(managed), seen_at=seen.seen_at)

    async def all_of(
        self, managed_tunnels: Iterable[ManagedTunnel]
    ) -> Mapping[ManagedTunnel, Observation]:
        before = {managed: self._before(managed) for managed in managed_tunnels}
        found = await self.control.list_for([managed.id for managed in before])
        self._took /= 2  # it may be fast again: the next look by name will show it
        return {
            managed: msgspec.structs.replace(observation, actual=found[managed.id], shared=True)
            for managed, observation in before.items()
        }

    async def what_can_be_read(
        self, managed_tunnels: Sequence[ManagedTunnel]
    ) -> Mapping[ManagedTunnel, Observation]:
        """As `all_of`, but for those whose SAs cannot be read: their own looks tell of that."""
        try:
            return await self.all_of(managed_tunnels)
        except Exception as error:
            if concerns_all(error):
                raise
            log.exception("list_not_read")
        found = {}
        for managed in managed_tunnels:
            try:
                found[managed] = await self.one(managed)
            except Exception as error:
                if concerns_all(error):
                    raise
        return found

    async def batch(
        self, managed_tunnels: Sequence[ManagedTunnel], known: int
    ) -> Mapping[ManagedTunnel, Observation]:
        """Of all where one list serves them, else of none: each is to be looked at in turn."""
        if not worth_one_list(len(managed_tunnels), known, self._took):
            return {}
        try:
            return await self.all_of(managed_tunnels)
        except Exception as error:
            if concerns_all(error):
                raise
            log.exception("list_not_read")  # each by itself tells whose trouble it is
            return {}

    def _before(self, managed: ManagedTunnel) -> Observation:
        """Also tells whose IKE_SAs serve the tunnel, so that they are part of what is seen."""
        self.control.serve(managed.id, *managed.served_by)
        now, at = asyncio.get_running_loop().time(), time.time()
        return Observation(now=now, seen_at=managed.reasons.observed_at(at))
