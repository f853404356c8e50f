"""How the tunnels that want a look are looked at: each by itself, or all of them with one list.

Rules this module keeps:
- One list-sas of everything serves a batch that is a fair part of all tunnels; a few out of many
  are listed by name. What charon is asked for does not grow with the number of tunnels.
- Level, not edge: the list is taken after the marks were taken, so what happens while it is
  taken marks its tunnel again.
- What was heard before a look explains it, what is heard later belongs to the next one: the
  times of a tunnel are taken before the list is.
- A list that many share is old by the turn of the last: it tells their status, but who has a step
  to take looks again by itself.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

import msgspec

from landbridge.agent.charge import Charge
from landbridge.agent.control import Control
from landbridge.agent.observe import Actual
from landbridge.model import Model

LEAST: Final = 8  # tunnels: below that a list of everything is no gain
PART: Final = 16  # a list of everything costs charon and us what that part of single ones does


class Sight(Model, frozen=True, kw_only=True):
    """What was seen of one tunnel. `now`: just before, by the loop's clock; `seen_at`: when it
    became true, in seconds since the epoch; `shared`: out of a list of everything."""

    actual: Actual = Actual()
    now: float
    seen_at: float
    shared: bool = False


def worth_one_list(marked: int, known: int) -> bool:
    """Whether to look at `marked` of `known` tunnels with one list."""
    return marked >= LEAST and marked * PART >= known


async def of_one(charge: Charge, control: Control) -> Sight:
    before = _before(charge)
    return msgspec.structs.replace(before, actual=await control.look(charge.id))


async def of_many(charges: Iterable[Charge], control: Control) -> Mapping[str, Sight]:
    before = {charge.id: _before(charge) for charge in charges}
    found = await control.survey(before)
    return {
        tunnel_id: msgspec.structs.replace(sight, actual=found[tunnel_id], shared=True)
        for tunnel_id, sight in before.items()
    }


async def of_batch(charges: Sequence[Charge], known: int, control: Control) -> Mapping[str, Sight]:
    """Of all of them where one list serves them, else of none: each is to be looked at in turn."""
    return await of_many(charges, control) if worth_one_list(len(charges), known) else {}


def _before(charge: Charge) -> Sight:
    return Sight(
        now=asyncio.get_running_loop().time(), seen_at=charge.remarks.observed_at(time.time())
    )
