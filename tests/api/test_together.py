"""A connection with all that it needs, in one request: all of it or nothing, in the words of each
part's own creation."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from landbridge.api.actions.together import PATH, PLAN
from landbridge.api.schema.parts import PARTS
from landbridge.api.schema.vpn import VPN
from tests.api.harness import Api
from tests.api.population import CONNECTIONS, GROUPS, Site

Body = dict[str, Any]
SECRET = "a long and random secret"
OTHER = "11111111-1111-4111-8111-111111111111"


class Wanted:
    """What is asked for: everything new on the site's router."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self.parts: dict[str, Any] = {
            "ikepolicy": {"name": "ike", "ike_version": "v2", "pfs": "group14"},
            "ipsecpolicy": {"name": "ipsec", "pfs": "group14"},
            "vpnservice": {"name": "vpn", "router_id": site.router},
            "local_ep_group": {"name": "here", "endpoints": site.local["endpoints"]},
            "peer_ep_group": {"name": "there", "endpoints": ["10.8.0.0/24", "10.8.1.0/24"]},
            "ipsec_site_connection": {
                "name": "to there", "peer_address": "198.51.100.7", "peer_id": "there.example.net",
                "psk": SECRET, "dpd": {"interval": 10, "timeout": 40},
            },
        }  # fmt: skip

    @property
    def body(self) -> Body:
        return {"connection": self.parts}

    def change(self, part: str, **attributes: Any) -> Wanted:
        self.parts[part] = {**self.parts[part], **attributes}
        return self

    def refer(self, part: str, id: str) -> Wanted:
        self.parts[part] = {"id": id}
        return self


@pytest.fixture
def site(api: Api) -> Site:
    return Site(api)


@pytest.fixture
def wanted(site: Site) -> Wanted:
    return Wanted(site)


def everything(api: Api) -> dict[str, list[Body]]:
    """All VPN objects."""
    return {each.collection: api.request("GET", each.path).json()[each.collection] for each in VPN}


def error(api: Api, path: str, body: Any, status: int, caller: str = "a") -> Body:
    answer = api.request("POST", path, caller, json=body)
    assert answer.status_code == status, answer.text
    assert SECRET not in answer.text
    told: Body = answer.json()["NeutronError"]
    return told


def told(answer: Body) -> list[tuple[str, str]]:
    return [(each["part"], each["attribute"]) for each in answer["errors"]]


def test_all_parts_are_made_and_joined(api: Api, wanted: Wanted) -> None:
    answer = api.request("POST", PATH, "a", json=wanted.body)
    assert answer.status_code == 201, answer.text
    made = answer.json()["connection"]
    assert set(made) == set(wanted.parts)
    connection = made["ipsec_site_connection"]
    for part in PARTS:
        assert connection[part.reference] == made[part.name]["id"]
        shown = api.request("GET", f"{part.resource.path}/{made[part.name]['id']}", "a")
        assert shown.json()[part.resource.name]["name"] == wanted.parts[part.name]["name"]
    kept = api.request("GET", f"{CONNECTIONS}/{connection['id']}", "a").json()
    assert kept["ipsec_site_connection"]["psk"] == SECRET
    assert kept["ipsec_site_connection"]["status"] == "PENDING_CREATE"
    assert connection["dpd"] == {"action": "hold", "interval": 10, "timeout": 40}
    assert (made["local_ep_group"]["type"], made["peer_ep_group"]["type"]) == ("subnet", "cidr")


def test_parts_that_there_are_are_referred_to(api: Api, wanted: Wanted) -> None:
    site = wanted.site
    given = {"ikepolicy": site.ike, "ipsecpolicy": site.ipsec.upper(), "vpnservice": site.service,
             "local_ep_group": site.local["id"]}  # fmt: skip
    for part, key in given.items():
        wanted.refer(part, key)
    made = api.request("POST", PATH, "a", json=wanted.body).json()["connection"]
    assert set(made) == {"peer_ep_group", "ipsec_site_connection"}
    connection = made["ipsec_site_connection"]
    assert connection["ikepolicy_id"] == site.ike
    assert connection["ipsecpolicy_id"] == site.ipsec
    assert connection["vpnservice_id"] == site.service
    assert connection["local_ep_group_id"] == site.local["id"]
    assert len(everything(api)["vpnservices"]) == 1


def test_a_service_with_a_subnet_takes_no_groups(api: Api, wanted: Wanted) -> None:
    wanted.change("vpnservice", subnet_id=wanted.site.local["endpoints"][0])
    refused = error(api, PATH, wanted.body, 400)
    assert refused["type"] == "MissingPeerCidrs"
    assert told(refused) == [("ipsec_site_connection", "peer_cidrs")]
    wanted.change("ipsec_site_connection", peer_cidrs=["10.8.0.0/24"])
    refused = error(api, PATH, wanted.body, 400)
    assert (refused["type"], refused["part"]) == ("InvalidEndpointGroup", "local_ep_group")
    del wanted.parts["local_ep_group"], wanted.parts["peer_ep_group"]
    assert api.request("POST", PATH, "a", json=wanted.body).status_code == 201


#: What is wrong, and where it is told: part, attribute, type.
Change = Callable[[Wanted], Any]
WRONG: dict[str, tuple[Change, str, str, str]] = {
    "ike": (lambda w: w.change("ikepolicy", encryption_algorithm="rot13"),
            "ikepolicy", "encryption_algorithm", "HTTPBadRequest"),
    "ike, unknown": (lambda w: w.change("ikepolicy", lifetimes=1), "ikepolicy", "",
                     "HTTPBadRequest"),
    "ipsec": (lambda w: w.change("ipsecpolicy", lifetime={"value": 1}), "ipsecpolicy", "lifetime",
              "HTTPBadRequest"),
    "ipsec, unusable": (lambda w: w.change("ipsecpolicy", encapsulation_mode="transport"),
                        "ipsecpolicy", "encapsulation_mode", "IpsecValidationFailure"),
    "router": (lambda w: w.change("vpnservice", router_id=OTHER), "vpnservice", "router_id",
               "RouterNotFound"),
    "router, no id": (lambda w: w.change("vpnservice", router_id="edge"), "vpnservice",
                      "router_id", "HTTPBadRequest"),
    "subnet": (lambda w: w.change("local_ep_group", endpoints=[OTHER]), "local_ep_group",
               "endpoints", "NonExistingSubnetInEndpointGroup"),
    "no subnets": (lambda w: w.change("local_ep_group", endpoints=[]), "local_ep_group",
                   "endpoints", "MissingEndpointForEndpointGroup"),
    "type": (lambda w: w.change("local_ep_group", type="cidr", endpoints=["10.1.0.0/24"]),
             "local_ep_group", "endpoints", "WrongEndpointGroupType"),
    "cidr": (lambda w: w.change("peer_ep_group", endpoints=["10.8.0.0/33"]), "peer_ep_group",
             "endpoints", "InvalidEndpointInEndpointGroup"),
    "versions": (lambda w: w.change("peer_ep_group", endpoints=["2001:db8::/64"]),
                 "peer_ep_group", "endpoints", "MixedIPVersionsForIPSecConnection"),
    "address": (lambda w: w.change("ipsec_site_connection", peer_address="127.0.0.1"),
                "ipsec_site_connection", "peer_address", "HTTPBadRequest"),
    "dpd": (lambda w: w.change("ipsec_site_connection", dpd={"interval": 90, "timeout": 90}),
            "ipsec_site_connection", "dpd", "IPsecSiteConnectionDpdIntervalValueError"),
    "mtu": (lambda w: w.change("ipsec_site_connection", mtu=67), "ipsec_site_connection", "mtu",
            "IPsecSiteConnectionMtuError"),
    "psk": (lambda w: w.change("ipsec_site_connection", psk=""), "ipsec_site_connection", "psk",
            "HTTPBadRequest"),
    "a reference that is a part": (
        lambda w: w.change("ipsec_site_connection", ikepolicy_id=w.site.ike),
        "ipsec_site_connection", "ikepolicy_id", "HTTPBadRequest"),
    "both": (lambda w: w.change("ikepolicy", id=w.site.ike), "ikepolicy", "id", "HTTPBadRequest"),
    "no id": (lambda w: w.refer("local_ep_group", None), "local_ep_group", "id",  # type: ignore[arg-type]
              "HTTPBadRequest"),
    "an id that is none": (lambda w: w.refer("ikepolicy", "strong"), "ikepolicy", "id",
                           "HTTPBadRequest"),
    "nobody's ike": (lambda w: w.refer("ikepolicy", OTHER), "ikepolicy", "id", "IKEPolicyNotFound"),
    "nobody's group": (lambda w: w.refer("peer_ep_group", OTHER), "peer_ep_group", "id",
                       "VPNEndpointGroupNotFound"),
    "left out": (lambda w: w.parts.pop("vpnservice"), "vpnservice", "", "HTTPBadRequest"),
    "one group": (lambda w: w.parts.pop("peer_ep_group"), "peer_ep_group", "",
                  "MissingRequiredEndpointGroup"),
    "no connection": (lambda w: w.parts.pop("ipsec_site_connection"), "ipsec_site_connection", "",
                      "HTTPBadRequest"),
    "no peer": (lambda w: w.parts["ipsec_site_connection"].pop("peer_id"), "ipsec_site_connection",
                "peer_id", "HTTPBadRequest"),
    "no secret": (lambda w: w.parts["ipsec_site_connection"].pop("psk"), "ipsec_site_connection",
                  "psk", "HTTPBadRequest"),
    "no router": (lambda w: w.parts["vpnservice"].pop("router_id"), "vpnservice", "router_id",
                  "HTTPBadRequest"),
    "no object": (lambda w: w.parts.update(ikepolicy=["x"]), "ikepolicy", "", "HTTPBadRequest"),
}  # fmt: skip


def test_what_is_wrong_is_told_by_part_and_nothing_is_kept(api: Api, site: Site) -> None:
    before = everything(api)
    for name, (change, part, attribute, kind) in WRONG.items():
        wanted = Wanted(site)
        change(wanted)
        for path in (PATH, PLAN):
            answer = api.request("POST", path, "a", json=wanted.body)
            assert answer.status_code == (404 if kind.endswith("NotFound") else 400), name
            refused = answer.json()["NeutronError"]
            assert (refused["type"], refused["part"], refused["attribute"]) == (
                kind, part, attribute,
            ), (name, refused)  # fmt: skip
            assert len(refused["errors"]) == 1, (name, refused)
    assert everything(api) == before


def test_the_words_are_those_of_the_single_creation(api: Api, site: Site) -> None:
    for name, (change, part, _, _) in WRONG.items():
        wanted = Wanted(site)
        change(wanted)
        resource = next((each.resource for each in PARTS if each.name == part), None)
        attributes = wanted.parts.get(part)
        if resource is None or not isinstance(attributes, dict) or "id" in attributes:
            continue
        single = api.request("POST", resource.path, "a",
                             json={resource.name: {**({"type": "subnet"} if part == "local_ep_group"
                             else {"type": "cidr"} if part == "peer_ep_group" else {}),
                             **attributes}})  # fmt: skip
        if single.status_code < 400:  # what is wrong only together
            continue
        refused = error(api, PATH, wanted.body, single.status_code)
        assert {key: refused[key] for key in ("type", "message", "detail")} == (
            single.json()["NeutronError"]
        ), name


def test_all_that_is_wrong_is_told_at_once(api: Api, wanted: Wanted) -> None:
    wanted.change("ikepolicy", pfs="group99", lifetime={"value": "soon"})
    wanted.change("peer_ep_group", endpoints=["10.8.0.0/33"])
    wanted.change("ipsec_site_connection", peer_address="224.0.0.1", mtu="large")
    wanted.change("ipsec_site_connection", dpd={"interval": 40, "timeout": 30})
    del wanted.parts["ipsec_site_connection"]["psk"]
    for path in (PATH, PLAN):
        assert set(told(error(api, path, wanted.body, 400))) == {
            ("ikepolicy", "lifetime"), ("ikepolicy", "pfs"), ("peer_ep_group", "endpoints"),
            ("ipsec_site_connection", "psk"), ("ipsec_site_connection", "mtu"),
            ("ipsec_site_connection", "peer_address"), ("ipsec_site_connection", "dpd"),
        }  # fmt: skip


def test_a_quota_holds_for_all_of_them_together(api: Api, wanted: Wanted) -> None:
    before = everything(api)
    quota = {"quota": {"endpoint_group": 3}}  # the site has two
    assert api.request("PUT", "/v2.0/quotas/proj-a", json=quota).status_code == 200
    for path in (PATH, PLAN):
        refused = error(api, path, wanted.body, 409)
        assert (refused["type"], told(refused)) == ("OverQuota", [("peer_ep_group", "")])
        assert "There may be at most 3" in refused["message"]
    assert everything(api) == before
    wanted.refer("local_ep_group", wanted.site.local["id"])
    assert api.request("POST", PATH, "a", json=wanted.body).status_code == 201
    api.request("PUT", "/v2.0/quotas/proj-a", json={"quota": {
        "endpoint_group": -1, "ipsec_site_connection": 1}})  # fmt: skip
    assert told(error(api, PATH, wanted.body, 409)) == [("ipsec_site_connection", "")]


def test_another_projects_objects_are_not_there(api: Api, wanted: Wanted) -> None:
    site = wanted.site
    theirs = {
        "ikepolicy": site.ike, "ipsecpolicy": site.ipsec, "vpnservice": site.service,
        "local_ep_group": site.local["id"], "peer_ep_group": site.peer["id"],
    }  # fmt: skip
    before = everything(api)
    for part, key in theirs.items():
        refused = error(api, PLAN, Wanted(site).refer(part, key).body, 404, "b")
        assert (part, "id") in told(refused)
    refused = error(api, PATH, wanted.body, 404, "b")
    assert told(refused) == [("vpnservice", "router_id"), ("local_ep_group", "endpoints")]
    assert everything(api) == before


def test_the_policy_is_that_of_each_part(api: Api, wanted: Wanted) -> None:
    for path in (PATH, PLAN):
        refused = error(api, path, wanted.body, 403, "ro")
        assert refused["message"] == "rule:create_ikepolicy is disallowed by policy"
        assert {part for part, _ in told(refused)} == {part.name for part in PARTS}
        assert api.request("POST", path, None, json=wanted.body).status_code == 401
    wanted.change("ipsec_site_connection", project_id="proj-b")
    refused = error(api, PATH, wanted.body, 400)
    assert "Specifying 'project_id' other than" in refused["message"]


def test_what_is_made_together_is_of_one_project(api: Api, wanted: Wanted) -> None:
    wanted.change("ipsec_site_connection", project_id="proj-a").change("ikepolicy", tenant_id="x")
    made = api.request("POST", PATH, json=wanted.body).json()["connection"]
    projects = {part: view["project_id"] for part, view in made.items()}
    assert projects.pop("ikepolicy") == "x"
    assert set(projects.values()) == {"proj-a"}


def test_a_plan_changes_nothing_and_tells_what_would_be(api: Api, wanted: Wanted) -> None:
    before = everything(api)
    events = api.request("GET", "/landbridge/v1/summary", "a").json()["summary"]
    answer = api.request("POST", PLAN, "a", json=wanted.body)
    assert answer.status_code == 200, answer.text
    assert SECRET not in answer.text
    plan = answer.json()["plan"]
    assert everything(api) == before
    assert api.request("GET", "/landbridge/v1/summary", "a").json()["summary"] == events
    made = api.request("POST", PATH, "a", json=wanted.body).json()["connection"]
    assert set(plan["connection"]) == set(made)
    for part, view in plan["connection"].items():
        assert not {"id", "psk", "created_at"} & view.keys()
        assert {name: made[part][name] for name in view} == view
    assert plan["connection"]["vpnservice"]["external_v4_ip"].startswith("203.0.113.")
    assert (plan["disruption"], plan["collisions"]) == ("none", [])
    assert [each["disruption"] for each in plan["steps"]]


def test_a_plan_tells_of_neighbours_that_it_collides_with(api: Api, wanted: Wanted) -> None:
    there = wanted.site.connection(name="there", peer_id="there.example.net", psk="other")
    plan = api.request("POST", PLAN, "a", json=wanted.body).json()["plan"]
    (collision,) = plan["collisions"]
    assert collision["id"] == there["id"]
    assert "the same peer ID" in collision["message"]


def test_a_body_without_parts(api: Api) -> None:
    for body, words in (
        (None, "Resource body required"),
        ([], "Resource body required"),
        (["connection"], "Body contains invalid data"),
        ({"ipsec_site_connection": {}}, "Unable to find 'connection' in request body"),
        ({"connection": "x"}, "Object 'connection' contains invalid data"),
    ):
        for path in (PATH, PLAN):
            assert error(api, path, body, 400)["message"] == words


def test_parts_that_there_are_not(api: Api, wanted: Wanted) -> None:
    refused = error(api, PATH, {"connection": {**wanted.parts, "router": {}}}, 400)
    assert refused["message"] == "Unrecognized part(s) 'router'"
    refused = error(api, PATH, {"connection": {}}, 400)
    assert "Unrecognized" not in str(refused)
    assert {part for part, _ in told(refused)} == {
        "ikepolicy", "ipsecpolicy", "vpnservice", "ipsec_site_connection",
    }  # fmt: skip


def test_the_single_creation_says_no_parts(api: Api, site: Site) -> None:
    body = {"endpoint_group": {"type": "cidr", "endpoints": ["10.8.0.0/33"]}}
    told = api.request("POST", GROUPS, "a", json=body).json()["NeutronError"]
    assert set(told) == {"type", "message", "detail"}
