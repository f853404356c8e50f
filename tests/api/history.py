"""A connection that is up at a gateway, and what is told of it."""

from __future__ import annotations

import asyncio
from typing import Any

from sqlalchemy import update

from landbridge.api.jobs.housekeeping import Housekeeping
from landbridge.model.status import Reason, ReasonCode, TunnelState
from landbridge.store import tables as t
from landbridge.store.hub import EVENTS
from tests.api.gateway import Gateway
from tests.api.harness import Api
from tests.api.population import CONNECTIONS, Site

S = TunnelState
DEADLINE = 10.0  # seconds
LOCAL, PEERS = "10.1.0.0/24", ("10.2.0.0/24", "10.2.1.0/24")
WHY = Reason(code=ReasonCode.DPD_TIMEOUT, message="No sign of life.")


class Scene:
    """A connection that is up at a gateway."""

    def __init__(self, api: Api) -> None:
        self.api = api
        self.gateway = Gateway(api)
        self.gateway.lease()
        self.site = Site(api)
        self.id = self.site.connection()["id"]
        self.path = f"{CONNECTIONS}/{self.id}"
        self.gateway.routers()
        self.gateway.tunnel(self.id, S.UP)

    def shown(self, caller: str = "a") -> dict[str, Any]:
        shown: dict[str, Any] = self.api.request("GET", self.path, caller).json()
        return dict(shown["ipsec_site_connection"])

    def update(self, **changes: Any) -> None:
        body = {"ipsec_site_connection": changes}
        assert self.api.request("PUT", self.path, "a", json=body).status_code == 200

    def history(self, **params: str) -> list[dict[str, Any]]:
        answer = self.api.request("GET", f"{self.path}/history", "a", params=list(params.items()))
        assert answer.status_code == 200, answer.text
        return list(answer.json()["history"])

    def kinds(self) -> list[str]:
        return [event["kind"] for event in reversed(self.history())]

    def service(self) -> str:
        shown = self.api.request("GET", f"/v2.0/vpn/vpnservices/{self.site.service}", "a").json()
        return str(shown["vpnservice"]["status"])

    def silence(self, *, watches: int = 1) -> None:
        """The lease has run out, and so many API processes notice."""
        self.run_out()

        async def watch() -> None:
            every = [Housekeeping(self.api.db, period=0.01, grace=0.0) for _ in range(watches)]
            tasks = [asyncio.create_task(each.run()) for each in every]
            with self.api.db.hub.listen(EVENTS) as told:
                assert await told.wait(DEADLINE)
            await asyncio.wait(tasks, timeout=0.1)  # the others look too
            for task in tasks:
                task.cancel()

        self.api.run(watch())

    def run_out(self) -> None:
        expire = update(t.gateways).values(lease_expires=0)
        self.api.db.write_sync(lambda tx: tx.execute(expire))
