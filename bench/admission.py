"""What it costs to let a known token in and to ask the policy, as every request does.

Rules this module keeps:
- The door and the policy of a real service, on its own database, in this process: a request's
  other costs are not in it.
- The first request asks the database and evaluates the rules; it is not counted.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from time import perf_counter
from typing import Final

from bench.service import Service
from landbridge.api.schema.vpn import IPSEC_SITE_CONNECTION
from landbridge.auth.authentication import Authentication, open_authentication
from landbridge.auth.caller import Caller
from landbridge.config import load
from landbridge.store.database import Database

REQUESTS: Final = 5_000
RULE: Final = f"update_{IPSEC_SITE_CONNECTION.name}"
NAMED: Final = ("name", "dpd", "dpd:interval")  # what the request changes


def measure(service: Service, ids: Sequence[str]) -> list[float]:
    """Seconds for each of `REQUESTS` PUTs of these connections: token, then policy; sorted."""
    settings = load.load(state_dir=service.state, environment={})
    db = Database.open(settings.database.url)
    try:
        return sorted(
            asyncio.run(_times(open_authentication(settings, db), service.api.token, ids))
        )
    finally:
        db.close()


async def _times(auth: Authentication, token: str, ids: Sequence[str]) -> list[float]:
    caller = await auth.admit(token)
    _decide(auth, caller, ids[0])
    return [await _one(auth, token, ids[turn % len(ids)]) for turn in range(REQUESTS)]


async def _one(auth: Authentication, token: str, id: str) -> float:
    began = perf_counter()
    _decide(auth, await auth.admit(token), id)
    return perf_counter() - began


def _decide(auth: Authentication, caller: Caller, id: str) -> None:
    auth.policy.enforce(caller, RULE, {"id": id, "project_id": caller.project_id}, NAMED)
