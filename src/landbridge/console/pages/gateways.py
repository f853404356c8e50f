"""The gateways and their leases, for administrators."""

from __future__ import annotations

from starlette.responses import Response

from landbridge.api.actions.overview import GATEWAYS
from landbridge.console.endpoint import Visit


async def show(visit: Visit) -> Response:
    found = (await visit.ask.get(GATEWAYS))["gateways"]
    template = "gateways_fragment.html" if visit.partial else "gateways.html"
    return await visit.page(template, here="gateways", gateways=found)
