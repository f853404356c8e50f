"""A connection that is up, and a gateway that answers questions about it.

A module that uses `site` of the conftest says as whom, by `CALLER`: each has a project of its own.
"""

from __future__ import annotations

import html
import re
import time

import msgspec

from landbridge.model.diagnosis import Diagnosis, TrafficSeries
from landbridge.model.status import Reason, ReasonCode, TunnelState
from tests.api.gateway import Gateway
from tests.api.population import CONNECTIONS
from tests.api.remote import Remote
from tests.console.population import Place
from tests.unit.vpn.test_findings import SA, WELL

KEY = "correct horse 1"
WHY = Reason(code=ReasonCode.PSK_MISMATCH, message="The peer refuses the pre-shared key.")


class Site:
    """A connection that is up, and a gateway that answers."""

    def __init__(self, served: Remote, gateway: Gateway, caller: str) -> None:
        served.caller(caller, f"proj-{caller}", "member", "reader")
        self.served, self.gateway, self.caller = served, gateway, caller
        self.place = Place(served, caller, "Kiel")
        self.id = self.place.connection("Harbour")["id"]
        self.path = f"/console/connections/{self.id}"
        self.at(TunnelState.UP)

    def at(self, state: TunnelState, reason: Reason | None = None) -> None:
        self.gateway.routers()
        self.gateway.tunnel(self.id, state, reason)

    def change(self, **values: object) -> None:
        body = {"ipsec_site_connection": values}
        answer = self.served.request("PUT", f"{CONNECTIONS}/{self.id}", self.caller, json=body)
        assert answer.status_code == 200, answer.text

    def view(self) -> dict[str, object]:
        answer = self.served.request("GET", f"{CONNECTIONS}/{self.id}", self.caller)
        return dict(answer.json()["ipsec_site_connection"])


def found(**changes: object) -> Diagnosis:
    at = tuple(time.time() - 40 + 10 * each for each in range(5))
    series = TrafficSeries(
        at=at, bytes_in=(0, 10, 20, 30, 1_250_030), packets_in=(0, 1, 2, 3, 1003),
        bytes_out=(0, 0, 0, 0, 0), packets_out=(0, 0, 0, 0, 0), lost_in=(0, 0, 0, 0, 7),
    )  # fmt: skip
    sas = (msgspec.structs.replace(SA, nat_there=True, rekey_in=7380),)
    given = {"traffic": series, "sas": sas, "revision": 1, "applied_revision": 1, **changes}
    return msgspec.structs.replace(WELL, **given)


def text_of(page: str) -> str:
    return html.unescape(re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page)))


def planned(page: str, name: str = "planned") -> str:
    return html.unescape(re.search(rf'name="{name}" value="([^"]*)"', page)[1])  # type: ignore[index]
