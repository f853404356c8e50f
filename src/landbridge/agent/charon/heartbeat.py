"""Whether a charon answers, asked all the time.

Rules this module keeps:
- It asks on a session of its own, for what costs charon nothing: a daemon that hangs says nothing
  by itself, and while no tunnel changes nobody else would notice.
- No answer within `ANSWER_WITHIN` ends the serving; what becomes of the daemon then,
  `landbridge.agent.charon.process` says.
"""

from __future__ import annotations

import asyncio
from typing import Final, NoReturn

from landbridge.vici import Session

EVERY: Final = 2.0  # seconds
ANSWER_WITHIN: Final = 5.0


async def watch(socket: str) -> NoReturn:
    """Raises: TimeoutError: it does not answer. ViciError: it is gone."""
    async with await Session.open(socket) as session:
        while True:
            async with asyncio.timeout(ANSWER_WITHIN):
                await session.request("version")
            await asyncio.sleep(EVERY)
