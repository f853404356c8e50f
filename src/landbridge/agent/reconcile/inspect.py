"""Asks charon about one tunnel, for a `Diagnosis`; beside the router's task, on its session.

Rules this module keeps:
- One tunnel is listed and no other, and nothing is changed.
- A charon that does not run or does not answer is an answer, too.
"""

from __future__ import annotations

import asyncio
import time
from typing import Final

import structlog

from landbridge.agent.charon.client import ViciClient
from landbridge.agent.dataplane.dataplane import Backend
from landbridge.agent.errors import in_words
from landbridge.agent.reconcile.diagnosis import diagnosis, stranger
from landbridge.agent.reconcile.tunnel import ManagedTunnel
from landbridge.agent.tunnels.loaded import Loaded
from landbridge.agent.tunnels.observed import IkeSa
from landbridge.model.diagnosis import Diagnosis
from landbridge.vici import ViciError

log = structlog.get_logger(__name__)

PATIENCE: Final = 2.0  # seconds; the server waits for 3 at most


async def inquire(
    tunnel_id: str,
    managed: ManagedTunnel | None,
    control: ViciClient | None,
    backend: Backend,
    error: str,
) -> Diagnosis:
    """`managed` None: the tunnel is not known here. `control` None: charon does not run.
    `error`: what is wrong with the router; empty: nothing."""
    if managed is None:
        return stranger(tunnel_id, time.time())
    sas: tuple[IkeSa, ...] = ()
    loaded, problem = Loaded(), error or "charon does not run; it is being started."
    if control is not None:
        loaded, problem = control.loaded(tunnel_id), error
        try:
            async with asyncio.timeout(PATIENCE):
                sas = await control.list_of(tunnel_id)
        except TimeoutError:
            problem = f"charon does not answer within {PATIENCE:g} seconds."
        except ViciError as away:
            problem = f"charon does not answer: {away}"
    now = time.time()
    try:
        return diagnosis(managed, sas, loaded, backend=backend, at=now, problem=problem)
    except Exception as fault:
        log.exception("tunnel_not_diagnosed", tunnel=tunnel_id)
        return stranger(tunnel_id, now, in_words(fault))
