"""Asks charon about one tunnel, for a `Diagnosis`; beside the router's task, on its session.

Rules this module keeps:
- One tunnel is listed and no other, and nothing is changed.
- A charon that does not run or does not answer is an answer, too.
"""

from __future__ import annotations

import asyncio
import time
from typing import Final

from landbridge.agent.charge import Charge
from landbridge.agent.daemon.control import Control
from landbridge.agent.host.dataplane import Backend
from landbridge.agent.plan import Loaded
from landbridge.agent.telling.diagnose import diagnosis, stranger
from landbridge.diagnosis import Diagnosis
from landbridge.vici import Message, ViciError

PATIENCE: Final = 2.0  # seconds; who asks waits no longer than 3


async def inquire(
    tunnel_id: str, charge: Charge | None, control: Control | None, backend: Backend
) -> Diagnosis:
    """`charge` None: the tunnel is not known here. `control` None: charon does not run."""
    if charge is None:
        return stranger(tunnel_id, time.time())
    messages: list[Message] = []
    loaded, problem = Loaded(), "charon does not run; it is being started again."
    if control is not None:
        loaded, problem = control.loaded(tunnel_id), ""
        try:
            async with asyncio.timeout(PATIENCE):
                messages = await control.list_of(tunnel_id)
        except TimeoutError:
            problem = f"charon does not answer within {PATIENCE:g} seconds."
        except ViciError as error:
            problem = f"charon does not answer: {error}"
    return diagnosis(charge, messages, loaded, backend=backend, at=time.time(), problem=problem)
