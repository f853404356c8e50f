"""``/console/live``: the API's stream of events, for the viewer of a page.

Rules this module keeps:
- It is the stream of ``/landbridge/v1/events`` itself: its policy, its limits, its end with the
  token.
- Pages take an event as a hint to ask for what they show again (`console.js`).
"""

from __future__ import annotations

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from landbridge.console.ask import Ask
from landbridge.console.endpoint import Visit


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
        await self._ask.follow(self._last, receive, send)
