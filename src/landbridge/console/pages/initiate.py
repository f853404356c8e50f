"""\"Initiate again\": a connection's gateway is asked to initiate what is missing of it now.

Rules this module keeps:
- What is told is what its gateway says that it does, or why it cannot, in the API's words; what
  comes of it the page shows as it shows every change.
"""

from __future__ import annotations

from datetime import UTC, datetime

from starlette.responses import RedirectResponse, Response

from landbridge import errors
from landbridge.console.endpoint import Visit
from landbridge.console.sections import CONNECTIONS


async def submit(visit: Visit) -> Response:
    path = f"{CONNECTIONS.resource.path}/{visit.path}/initiate"
    refused = False
    pairs: list[str] = []
    try:
        told = (await visit.ask.send("POST", path))["initiation"]
        message, pairs = told["message"], told["pairs"]
    except errors.Conflict as error:
        refused, message = True, error.message
    if not visit.partial:
        return RedirectResponse(CONNECTIONS.of(visit.path), 303)
    at = datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    return await visit.page("initiation.html", at=at, message=message, refused=refused, pairs=pairs)
