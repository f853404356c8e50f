"""Lists: filters, fields, order, pages, on both databases."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from landbridge.api.schema.catalogue import RESOURCES
from tests.api.harness import Api
from tests.api.population import CONNECTIONS, Site, made

IKE = "/v2.0/vpn/ikepolicies"
NAMES = ("b", "a", "B", "a", "c", "", "a")

Row = dict[str, Any]


@pytest.fixture
def policies(api: Api) -> list[Row]:
    found = [made(api, IKE, "ikepolicy", name=name, description=f"d{number}")
             for number, name in enumerate(NAMES)]  # fmt: skip
    made(api, IKE, "ikepolicy", "b", name="a")
    return found


def listed(api: Api, query: str, caller: str = "a") -> list[Row]:
    answer = api.request("GET", f"{IKE}?{query}", caller)
    assert answer.status_code == 200, answer.text
    found: list[Row] = answer.json()["ikepolicies"]
    return found


@pytest.mark.parametrize(
    ("query", "numbers"),
    [
        ("name=c", {4}),
        ("name=a", {1, 3, 6}),
        ("name=b", {0, 2}),
        ("name=", {5}),
        ("name=c&name=b", {0, 2, 4}),
        ("name=a&description=d3", {3}),
        ("name=%25", set()),
        ("project_id=proj-a&description=d1&description=D2", {1, 2}),
        ("tenant_id=proj-b", set()),
        ("auth_algorithm=sha256&pfs=group5&name=c", {4}),
        ("revision_number=0&name=c", {4}),
        ("id=nonsense", set()),
    ],
)
def test_filters(api: Api, policies: list[Row], query: str, numbers: set[int]) -> None:
    assert {int(row["description"][1:]) for row in listed(api, query)} == numbers
    for number in numbers:
        assert policies[number] in listed(api, query)


def test_a_project_sees_its_own_and_an_administrator_all(api: Api, policies: list[Row]) -> None:
    assert len(listed(api, "")) == len(policies)
    assert len(listed(api, "", "b")) == 1
    assert len(listed(api, "", "admin")) == len(policies) + 1
    assert len(listed(api, "project_id=proj-b", "admin")) == 1


def test_fields(api: Api, policies: list[Row]) -> None:
    assert listed(api, "fields=name&fields=nonsense&name=c") == [{"name": "c"}]
    assert listed(api, "fields=nonsense&name=c") == [{}]
    path = f"{IKE}/{policies[4]['id']}"
    assert api.request("GET", f"{path}?fields=id", "a").json() == {
        "ikepolicy": {"id": policies[4]["id"]}
    }


@pytest.mark.parametrize("direction", ["asc", "desc"])
@pytest.mark.parametrize("limit", [1, 2, 3, 7, 100])
def test_pages_hold_everything_once_in_order(
    api: Api, policies: list[Row], direction: str, limit: int
) -> None:
    order = f"sort_key=name&sort_dir={direction}"
    whole = [row["id"] for row in listed(api, order)]
    assert sorted(whole) == sorted(row["id"] for row in policies)
    forward = walk(api, f"{order}&limit={limit}", "next")
    assert [row for page in forward for row in page] == whole
    backward = walk(api, f"{order}&limit={limit}&page_reverse=True", "previous")
    assert [row for page in reversed(backward) for row in page] == whole


def test_pages_over_an_attribute_that_may_be_null(api: Api) -> None:
    site = Site(api)
    for number in range(4):
        site.connection(name=str(number))
    changed = site.connection(name="changed")["id"]
    stamp = "2030-01-01T00:00:00Z"
    api.set_status("ipsec_site_connections", "DOWN", changed, status_changed_at=stamp)
    for direction, place in (("asc", 4), ("desc", 0)):
        order = f"sort_key=status_changed_at&sort_dir={direction}&limit=2"
        pages = walk(api, order, "next", CONNECTIONS)
        ids = [row for page in pages for row in page]
        assert len(set(ids)) == 5
        assert ids[place] == changed


def walk(api: Api, query: str, rel: str, path: str = IKE, caller: str = "a") -> list[list[str]]:
    """The ids of the pages, by following the links as a client does."""
    pages: list[list[str]] = []
    while True:
        answer = api.request("GET", path, caller, params=parse_qsl(query)).json()
        rows, links = list(answer.values())[:2]
        if not rows:
            return pages
        pages.append([row["id"] for row in rows])
        address = next((link["href"] for link in links if link["rel"] == rel), None)
        if address is None:
            return pages
        query = urlsplit(address).query


def test_every_attribute_that_a_list_may_be_asked_by(api: Api) -> None:
    site = Site(api)
    site.connection(name="1")
    site.connection(name="2")
    for resource in RESOURCES:
        (rows,) = api.request("GET", resource.path, "a").json().values()
        for attribute in resource.attributes:
            if attribute.filter:
                for value in ("0", "true", "", "x", "\N{ROCKET}", str(2**70)):
                    query = [(attribute.name, value)]
                    answer = api.request("GET", resource.path, "a", params=query)
                    assert answer.status_code in (200, 400), (resource.name, query)
            for direction in ("asc", "desc") if attribute.sort else ():
                order = f"sort_key={attribute.name}&sort_dir={direction}&limit=1"
                # Who may not see an attribute learns nothing by its order.
                seen = [] if attribute.secret else rows
                pages = walk(api, order, "next", resource.path)
                assert sorted(page[0] for page in pages) == sorted(row["id"] for row in seen)


def test_an_administrator_sorts_by_what_others_do_not_see(api: Api) -> None:
    site = Site(api)
    every = api.request("GET", "/v2.0/routers", "admin").json()["routers"]
    for direction in ("asc", "desc"):
        order = f"sort_key=gateway_id&sort_dir={direction}&limit=1"
        pages = walk(api, order, "next", "/v2.0/routers", "admin")
        assert sorted(page[0] for page in pages) == sorted(row["id"] for row in every)
    assert site.router in {row["id"] for row in every}


def test_an_unknown_marker_is_an_empty_page(api: Api, policies: list[Row]) -> None:
    assert listed(api, "limit=2&marker=nonsense") == []


def test_another_projects_marker_is_an_empty_page(api: Api, policies: list[Row]) -> None:
    (foreign,) = listed(api, "", "b")
    assert listed(api, f"limit=2&marker={foreign['id']}") == []


def test_ports_by_address_and_by_device(api: Api) -> None:
    site = Site(api)
    answer = api.request("GET", f"/v2.0/ports?device_id={site.router}", "admin").json()["ports"]
    assert len(answer) == 2
    query = "fixed_ips=ip_address%3D10.1.0.1"
    (inside,) = api.request("GET", f"/v2.0/ports?{query}", "a").json()["ports"]
    assert inside["fixed_ips"][0]["ip_address"] == "10.1.0.1"
    assert api.request("GET", "/v2.0/ports?fixed_ips=nonsense", "a").status_code == 400


def test_networks_that_all_may_see(api: Api) -> None:
    made(api, "/v2.0/networks", "network", "admin", name="ext", **{"router:external": True})
    shared = made(api, "/v2.0/networks", "network", "admin", name="shared", shared=True)
    made(api, "/v2.0/networks", "network", "admin", name="own")
    made(api, "/v2.0/subnets", "subnet", "admin", network_id=shared["id"], ip_version=4,
         cidr="10.0.0.0/24")  # fmt: skip
    names = {n["name"] for n in api.request("GET", "/v2.0/networks", "b").json()["networks"]}
    assert names == {"ext", "shared"}
    assert len(api.request("GET", "/v2.0/subnets", "b").json()["subnets"]) == 1
