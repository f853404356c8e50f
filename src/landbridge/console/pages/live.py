"""``/console/live``: the API's stream of events, for the viewer of a page.

Rules this module keeps:
- It is the stream of ``/landbridge/v1/events`` itself: its policy, its limits, its end with the
  token.
- Pages take an event as a hint to ask for what they show again (`console.js`), once or twice a
  second. So what happens within `APART` of the last event goes out together: a hundred pages that
  look while tunnels flap cost a hundred writes, not a hundred for each event.
"""

from __future__ import annotations

import asyncio
from typing import Final

from starlette.responses import Response
from starlette.types import Message, Receive, Scope, Send

from landbridge.console.ask import Ask
from landbridge.console.endpoint import Visit

APART: Final = 0.5  # seconds
_EVENT: Final = b"data:"


async def follow(visit: Visit) -> Response:
    return _Following(visit.ask, visit.request.headers.get("last-event-id"))


async def here(visit: Visit) -> Response:
    """For a page without a stream: the API is there, and the session is good."""
    return Response(status_code=204)


class _Following(Response):
    def __init__(self, ask: Ask, last: str | None) -> None:
        super().__init__()
        self._ask = ask
        self._last = last

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def apart(message: Message) -> None:
            """What comes meanwhile waits in the listener's own queue, which is bounded."""
            await send(message)
            if _EVENT in message.get("body", b""):
                await asyncio.sleep(APART)

        await self._ask.follow(self._last, receive, apart)
