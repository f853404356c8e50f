"""Routes of a router on their way to its gateway, and what tags VPN resources have."""

from __future__ import annotations

import msgspec
from sqlalchemy import Connection, select, update

from landbridge.model.router import Route
from landbridge.store import tables as t
from landbridge.vpn.revisions import router_ports
from tests.api.harness import Api
from tests.api.population import CONNECTIONS, Site

BEHIND = {"destination": "10.7.0.0/24", "nexthop": "10.1.0.9"}
BY_UPLINK = {"destination": "10.8.0.0/24", "nexthop": "203.0.113.9"}


def at_gateway(api: Api, router_id: str) -> tuple[int, tuple[Route, ...]]:
    """The router's revision, and its routes as a gateway is told."""

    def read(tx: Connection) -> tuple[int, tuple[Route, ...]]:
        if tx.execute(select(t.routers.c.gateway_id)).scalar() is None:
            tx.execute(t.gateways.insert().values(id="gw"))
            tx.execute(update(t.routers).values(gateway_id="gw"))
        found = router_ports.router(tx, "gw", router_id)
        assert found is not None
        return found.revision, found.routes

    return api.db.write_sync(read)


def put(api: Api, site: Site, **values: object) -> int:
    return api.request(
        "PUT", f"/v2.0/routers/{site.router}", "a", json={"router": values}
    ).status_code


def test_the_gateway_is_told_of_routes_that_can_be_reached(api: Api) -> None:
    site = Site(api)
    before, none = at_gateway(api, site.router)
    assert none == ()
    assert put(api, site, routes=[BEHIND, BY_UPLINK]) == 200
    revision, routes = at_gateway(api, site.router)
    assert revision > before
    assert [msgspec.to_builtins(each) for each in routes] == [BEHIND, BY_UPLINK]
    service = f"/v2.0/vpn/vpnservices/{site.service}"
    assert api.request("DELETE", service, "a").status_code == 204
    assert put(api, site, external_gateway_info=None) == 200
    _, left = at_gateway(api, site.router)
    assert [msgspec.to_builtins(each) for each in left] == [BEHIND]


def test_a_name_changes_nothing_for_the_gateway(api: Api) -> None:
    site = Site(api)
    assert put(api, site, routes=[BEHIND]) == 200
    before = at_gateway(api, site.router)
    assert put(api, site, name="other", routes=[BEHIND]) == 200
    assert at_gateway(api, site.router) == before


def test_tags_of_a_connection_are_no_change_for_its_gateway(api: Api) -> None:
    site = Site(api)
    connection = site.connection()
    api.set_status("ipsec_site_connections", "ACTIVE", connection["id"])
    path = f"{CONNECTIONS}/{connection['id']}"
    assert api.request("PUT", f"{path}/tags", "a", json={"tags": ["site", "b"]}).status_code == 200
    shown = api.request("GET", path, "a").json()["ipsec_site_connection"]
    assert (shown["tags"], shown["status"]) == (["b", "site"], "ACTIVE")
    assert shown["revision_number"] == connection["revision_number"] + 1
    assert api.request("PUT", f"{path}/tags", "b", json={"tags": []}).status_code == 404
    assert api.request("PUT", f"{path}/tags", "ro", json={"tags": []}).status_code in (403, 404)
    for query, found in (("tags=site", 1), ("tags=site,b", 1), ("tags=s", 0), ("not-tags=b", 0)):
        listed = api.request("GET", f"{CONNECTIONS}?{query}", "a").json()
        assert len(listed["ipsec_site_connections"]) == found, query


def test_tags_are_found_whole_whatever_is_in_them(api: Api) -> None:
    """They are kept as JSON: marks of JSON and of patterns in a tag are no part of the search."""
    networks = "/v2.0/networks"
    words = ['a"red"', "%", "_", 'x","red', "red\\", "\N{ROCKET}", "a,b"]
    for number, word in enumerate(words):
        made = api.request("POST", networks, "a", json={"network": {"name": f"n{number}"}}).json()
        tags = f"{networks}/{made['network']['id']}/tags"
        assert api.request("PUT", tags, "a", json={"tags": [word, "all"]}).status_code == 200
    for number, word in enumerate(words):
        if "," in word:
            continue
        found = api.request("GET", networks, "a", params=[("tags", word)]).json()["networks"]
        assert [each["name"] for each in found] == [f"n{number}"], word
    for absent in ("red", "a", "al", ""):
        found = api.request("GET", networks, "a", params=[("tags", absent)]).json()["networks"]
        assert found == [], absent
    every = api.request("GET", networks, "a", params=[("tags", "ALL")]).json()["networks"]
    assert len(every) == len(words)
