"""What is counted for people who look: the summary, the gateways; lists that are searched in."""

from __future__ import annotations

from typing import Any

from landbridge.api.actions.overview import GATEWAYS, SUMMARY
from landbridge.model.status import Reason, ReasonCode, TunnelState
from tests.api.gateway import Gateway
from tests.api.harness import Api
from tests.api.population import CONNECTIONS, Site

WHY = Reason(code=ReasonCode.DPD_TIMEOUT, message="No sign of life.")


def _names(api: Api, caller: str, **params: str) -> list[str]:
    answer = api.request("GET", CONNECTIONS, caller, params=list(params.items()))
    assert answer.status_code == 200, answer.text
    return sorted(view["name"] for view in answer.json()["ipsec_site_connections"])


def _summary(api: Api, caller: str) -> dict[str, Any]:
    answer = api.request("GET", SUMMARY, caller)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()["summary"]
    return found


def test_a_search_finds_by_what_people_know(api: Api) -> None:
    site = Site(api)
    oslo = site.connection(name="Oslo 100%", description="by the Fjord", peer_address="192.0.2.7")
    site.connection(name="Wien_2", peer_id="gw.example.org")
    for text in ("oslo", "FJORD", "192.0.2", oslo["id"][:13], "100%"):
        assert _names(api, "a", search=text) == ["Oslo 100%"], text
    assert _names(api, "a", search="example.org") == ["Wien_2"]
    assert _names(api, "a", search="") == ["Oslo 100%", "Wien_2"]
    assert _names(api, "a", search="n_2") == ["Wien_2"]
    assert _names(api, "a", search="o%l") == _names(api, "a", search="psk") == []
    assert _names(api, "a", search="oslo", peer_address="192.0.2.8") == []
    assert _names(api, "b", search="oslo") == []
    refused = api.request("GET", CONNECTIONS, "a", params=[("search", "x" * 256)])
    assert refused.status_code == 400


def test_the_summary_counts_what_its_caller_may_see(api: Api) -> None:
    gateway = Gateway(api)
    gateway.lease()
    site = Site(api)
    one, two = site.connection(name="one")["id"], site.connection(name="two")["id"]
    gateway.tunnel(one, TunnelState.UP)
    gateway.tunnel(two, TunnelState.UP)
    gateway.tunnel(two, TunnelState.DOWN, WHY)
    for caller in ("a", "admin"):
        told = _summary(api, caller)
        shares = {(s["status"], s["reason"], s["up"]): s["number"] for s in told["connections"]}
        assert shares == {("ACTIVE", None, True): 1, ("DOWN", "dpd-timeout", False): 1}
        newest = told["events"][0]
        assert (newest["kind"], newest["name"], newest["id"]) == ("down", "two", two)
        assert told["changed_in_last_hour"] >= len(told["events"])
    theirs = {"connections": [], "changed_in_last_hour": 0, "events": []}
    assert _summary(api, "b") == theirs
    assert api.request("GET", SUMMARY, "ro").status_code == 403
    assert api.request("GET", SUMMARY, None).status_code == 401


def test_gateways_are_for_administrators(api: Api) -> None:
    assert api.request("GET", GATEWAYS, "a").status_code == 403
    gateway = Gateway(api, "gw-7")
    gateway.lease()
    Site(api).connection()
    [told] = api.request("GET", GATEWAYS).json()["gateways"]
    assert 0 < told.pop("lease_seconds") <= 15
    assert told == {
        "id": "gw-7", "hostname": "h", "version": "1", "reports": True, "epoch": 1, "holds": "",
        "routers": 1, "connections": 1,
    }  # fmt: skip
