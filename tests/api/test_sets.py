"""Lists whose order means nothing: a PUT of the same members changes nothing."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import select

from landbridge.store import tables as t
from tests.api.harness import Api
from tests.api.population import CONNECTIONS, GROUPS, Site, made

NETWORKS = ["10.7.0.0/24", "10.8.0.0/24", "10.9.0.0/24"]
ROUTES = [
    {"destination": "10.7.0.0/24", "nexthop": "10.1.0.9"},
    {"destination": "10.6.0.0/24", "nexthop": "10.1.0.9"},
]


def told(api: Api) -> list[Any]:
    """What the gateways have been told."""
    columns = (t.ipsec_site_connections.c.revision, t.routers.c.revision)
    return api.db.write_sync(lambda tx: [tx.execute(select(c)).scalars().all() for c in columns])


def legacy(api: Api, site: Site) -> dict[str, Any]:
    """A connection with `peer_cidrs`, ACTIVE."""
    subnets = api.request("GET", "/v2.0/subnets?cidr=10.1.0.0/24", "a").json()["subnets"]
    service = made(api, "/v2.0/vpn/vpnservices", "vpnservice", router_id=site.router,
                   subnet_id=subnets[0]["id"])  # fmt: skip
    connection = site.connection(
        vpnservice_id=service["id"], peer_cidrs=NETWORKS, local_ep_group_id=None,
        peer_ep_group_id=None,
    )  # fmt: skip
    api.set_status("ipsec_site_connections", "ACTIVE", connection["id"])
    return connection


def test_peer_cidrs_in_another_order_change_nothing(api: Api) -> None:
    connection = legacy(api, Site(api))
    path = f"{CONNECTIONS}/{connection['id']}"
    before, was_told = api.request("GET", path, "a").json(), told(api)
    body = {"ipsec_site_connection": {"peer_cidrs": NETWORKS[::-1]}}
    assert api.request("PUT", path, "a", json=body).json() == before
    assert before["ipsec_site_connection"]["status"] == "ACTIVE"
    assert before["ipsec_site_connection"]["peer_cidrs"] == NETWORKS
    assert told(api) == was_told
    planned = api.request("POST", f"{path}/plan", "a", json=body).json()["plan"]["connections"]
    assert [(each["disruption"], each["attributes"]) for each in planned] == [("none", [])]


def test_other_peer_cidrs_of_the_same_number_are_a_change(api: Api) -> None:
    connection = legacy(api, Site(api))
    body = {"ipsec_site_connection": {"peer_cidrs": [*NETWORKS[:2], "10.10.0.0/24"]}}
    answer = api.request("PUT", f"{CONNECTIONS}/{connection['id']}", "a", json=body).json()
    assert answer["ipsec_site_connection"]["status"] == "PENDING_UPDATE"


def test_endpoints_in_another_order_change_nothing(api: Api) -> None:
    site = Site(api)
    path = f"{GROUPS}/{site.peer['id']}"
    first = api.request("PUT", path, "a", json={"endpoint_group": {"endpoints": NETWORKS}})
    site.connection()
    was_told = told(api)
    again = api.request("PUT", path, "a", json={"endpoint_group": {"endpoints": NETWORKS[::-1]}})
    assert again.json() == first.json()
    assert told(api) == was_told


@pytest.mark.parametrize(
    ("resource", "attribute", "value"),
    [
        ("router", "routes", ROUTES),
        ("subnet", "host_routes", ROUTES),
        ("subnet", "allocation_pools",
         [{"start": "10.1.0.9", "end": "10.1.0.20"}, {"start": "10.1.0.50", "end": "10.1.0.60"}]),
    ],
)  # fmt: skip
def test_lists_of_the_inventory_in_another_order_change_nothing(
    api: Api, resource: str, attribute: str, value: list[dict[str, str]]
) -> None:
    site = Site(api)
    found = site.router
    if resource == "subnet":
        (subnet,) = api.request("GET", "/v2.0/subnets?cidr=10.1.0.0/24", "a").json()["subnets"]
        found = subnet["id"]
    site.connection()
    path = f"/v2.0/{resource}s/{found}"
    first = api.request("PUT", path, "a", json={resource: {attribute: value}}).json()
    assert sorted(map(str, first[resource][attribute])) == sorted(map(str, value))
    was_told = told(api)
    assert api.request("PUT", path, "a", json={resource: {attribute: value[::-1]}}).json() == first
    assert told(api) == was_told


def test_name_servers_have_an_order(api: Api) -> None:
    Site(api)
    (subnet,) = api.request("GET", "/v2.0/subnets?cidr=10.1.0.0/24", "a").json()["subnets"]
    path = f"/v2.0/subnets/{subnet['id']}"
    for servers in (["9.9.9.9", "1.1.1.1"], ["1.1.1.1", "9.9.9.9"]):
        body = {"subnet": {"dns_nameservers": servers}}
        assert (
            api.request("PUT", path, "a", json=body).json()["subnet"]["dns_nameservers"] == servers
        )
