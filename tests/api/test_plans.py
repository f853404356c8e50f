"""The plan of an update: what the update would answer, what it would cost, and nothing kept."""

from __future__ import annotations

from typing import Any

import pytest

from landbridge.store import tables as t
from tests.api.harness import Api
from tests.api.population import CONNECTIONS, GROUPS, Site, made

Body = dict[str, Any]
SAME = (
    "vpnservice_id", "ikepolicy_id", "ipsecpolicy_id", "local_ep_group_id", "peer_ep_group_id",
    "peer_address", "peer_id",
)  # fmt: skip


def planned(api: Api, path: str, wrapper: str, caller: str = "a", /, **changes: Any) -> Body:
    answer = api.request("POST", f"{path}/plan", caller, json={wrapper: changes})
    assert answer.status_code == 200, answer.text
    plan: Body = answer.json()["plan"]
    return plan


def shown(api: Api, path: str) -> Body:
    answer: Body = api.request("GET", path, "a").json()
    return answer


def cost(told: Body) -> tuple[str, dict[str, str]]:
    effects = told["attributes"]
    return told["disruption"], {
        f"{each['resource']}.{each['attribute']}": each["disruption"] for each in effects
    }


def test_a_plan_answers_what_the_update_will_and_keeps_nothing(api: Api) -> None:
    site = Site(api)
    connection = site.connection(name="x")
    api.set_status("ipsec_site_connections", "ACTIVE")
    path = f"{CONNECTIONS}/{connection['id']}"
    before = shown(api, path)
    changes = {"psk": "another", "mtu": 1400, "description": "d", "dpd": {"interval": 20}}
    plan = planned(api, path, "ipsec_site_connection", **changes)
    assert shown(api, path) == before
    (told,) = plan["connections"]
    assert (told["id"], told["name"]) == (connection["id"], "x")
    assert cost(told) == (
        "replace-ike",
        {
            "ipsec_site_connection.description": "none",
            "ipsec_site_connection.dpd.interval": "replace-ike",
            "ipsec_site_connection.mtu": "none",
            "ipsec_site_connection.psk": "replace-ike",
        },
    )
    assert [step["step"] for step in told["steps"]] == [
        "load-shared", "load-conn", "unload-conn", "initiate", "unload-shared", "retire-ike",
        "routes",
    ]  # fmt: skip
    answer = api.request("PUT", path, "a", json={"ipsec_site_connection": changes}).json()
    times = {"updated_at": "", "status_changed_at": ""}
    wanted, got = plan["ipsec_site_connection"], answer["ipsec_site_connection"]
    assert wanted | times == got | times
    assert got["status"] == "PENDING_UPDATE"


def test_no_gateway_hears_of_a_plan(api: Api) -> None:
    site = Site(api)
    path = f"{CONNECTIONS}/{site.connection()['id']}"

    def state(tx: Any) -> list[Any]:
        tables = (t.changes, t.gateways, t.ipsec_site_connections, t.ikepolicies)
        return [row for table in tables for row in tx.execute(table.select())]

    before = api.db.read_sync(state)
    planned(api, path, "ipsec_site_connection", psk="another")
    planned(api, f"/v2.0/vpn/ikepolicies/{site.ike}", "ikepolicy", pfs="group14")
    assert api.db.read_sync(state) == before


def test_a_policy_concerns_every_connection_that_uses_it(api: Api) -> None:
    site = Site(api)
    first, second = site.connection(name="1"), site.connection(name="2", peer_id="b")
    other = made(api, "/v2.0/vpn/ikepolicies", "ikepolicy", ike_version="v2")["id"]
    third = site.connection(name="3", peer_id="c", ikepolicy_id=other)
    path = f"/v2.0/vpn/ikepolicies/{site.ike}"
    plan = planned(api, path, "ikepolicy", encryption_algorithm="aes-256", name="new")
    assert plan["ikepolicy"]["name"] == "new"
    assert {each["id"] for each in plan["connections"]} == {first["id"], second["id"]}
    assert third["id"] not in str(plan)
    for told in plan["connections"]:
        assert cost(told) == ("replace-ike", {"ikepolicy.encryption_algorithm": "replace-ike"})
    assert planned(api, path, "ikepolicy", name="new")["connections"] == []


@pytest.mark.parametrize(
    ("resource", "changes", "disruption"),
    [
        ("ipsecpolicies", {"pfs": "group14"}, "replace-child"),
        ("ikepolicies", {"ike_version": "v2"}, "replace-ike"),
        ("ikepolicies", {"phase1_negotiation_mode": "aggressive"}, "replace-ike"),
        ("endpoint-groups", {"endpoints": ["10.9.0.0/24", "10.8.0.0/24"]}, "none"),
        ("endpoint-groups", {"endpoints": ["10.9.0.0/22"]}, "replace-child"),
        ("vpnservices", {"admin_state_up": False}, "interrupt"),
    ],
)
def test_what_connections_rest_on(api: Api, resource: str, changes: Body, disruption: str) -> None:
    """With IKEv1, the default: it always splits."""
    site = Site(api)
    connection = site.connection()
    wrapper, chosen = {
        "ipsecpolicies": ("ipsecpolicy", site.ipsec),
        "ikepolicies": ("ikepolicy", site.ike),
        "endpoint-groups": ("endpoint_group", site.peer["id"]),
        "vpnservices": ("vpnservice", site.service),
    }[resource]
    plan = planned(api, f"/v2.0/vpn/{resource}/{chosen}", wrapper, **changes)
    (told,) = plan["connections"]
    assert told["id"] == connection["id"]
    (attribute,) = changes
    assert cost(told) == (disruption, {f"{wrapper}.{attribute}": disruption})


def test_other_policies_cost_what_differs_between_them(api: Api) -> None:
    site = Site(api)
    path = f"{CONNECTIONS}/{site.connection()['id']}"
    same = made(api, "/v2.0/vpn/ipsecpolicies", "ipsecpolicy", name="same")["id"]
    other = made(api, "/v2.0/vpn/ipsecpolicies", "ipsecpolicy", pfs="group14")["id"]
    for policy, disruption in ((same, "none"), (other, "replace-child")):
        plan = planned(api, path, "ipsec_site_connection", ipsecpolicy_id=policy)
        assert plan["connections"][0]["disruption"] == disruption


@pytest.mark.parametrize(
    "body",
    [
        {"ipsec_site_connection": {"dpd": {"interval": 500}}},
        {"ipsec_site_connection": {"mtu": 9}},
        {"ipsec_site_connection": {"ikepolicy_id": "1f4ac3d4-5b3c-4d2e-9d3a-0b7f5c1f3a11"}},
        {"ipsec_site_connection": {"vpnservice_id": "x"}},
        {"ipsec_site_connection": {"nonsense": 1}},
        {"vpnservice": {}},
        {},
        [],
    ],
)
def test_a_plan_is_refused_as_the_update_is(api: Api, body: Any) -> None:
    path = f"{CONNECTIONS}/{Site(api).connection()['id']}"
    plan, update = (
        api.request("POST", f"{path}/plan", "a", json=body),
        api.request("PUT", path, "a", json=body),
    )
    assert plan.status_code == update.status_code >= 400
    assert plan.json() == update.json()


def test_who_may_not_update_may_not_plan(api: Api) -> None:
    path = f"{CONNECTIONS}/{Site(api).connection()['id']}"
    body = {"ipsec_site_connection": {"name": "x"}}
    for caller, status in (("admin", 200), ("a", 200), ("ro", 404), ("b", 404), (None, 401)):
        assert api.request("POST", f"{path}/plan", caller, json=body).status_code == status
    assert api.request("GET", f"{path}/plan", "a").status_code == 405
    missing = f"{CONNECTIONS}/1f4ac3d4-5b3c-4d2e-9d3a-0b7f5c1f3a11/plan"
    assert api.request("POST", missing, "a", json=body).status_code == 404


def test_a_plan_is_for_a_revision(api: Api) -> None:
    path = f"{CONNECTIONS}/{Site(api).connection()['id']}/plan"
    body = {"ipsec_site_connection": {"name": "x"}}
    for number, status in ((0, 200), (1, 412)):
        condition = {"If-Match": f"revision_number={number}"}
        answer = api.request("POST", path, "a", json=body, headers=condition)
        assert answer.status_code == status


def test_it_is_an_extension(api: Api) -> None:
    path = "/v2.0/extensions/landbridge-update-plan"
    assert api.request("GET", path, "a").json()["extension"]["alias"] == "landbridge-update-plan"
    described = api.request("GET", "/openapi.json").json()["paths"]
    assert "post" in described[f"{CONNECTIONS}/{{id}}/plan"]


def test_what_the_update_would_collide_with_is_told(api: Api) -> None:
    site = Site(api)

    def group(cidr: str) -> str:
        return str(made(api, GROUPS, "endpoint_group", type="cidr", endpoints=[cidr])["id"])

    early = site.connection(psk="one", peer_ep_group_id=group("10.8.0.0/24"))
    late = site.connection(psk="one", peer_ep_group_id=group("10.9.0.0/24"))
    path = f"{CONNECTIONS}/{late['id']}"

    def collisions(**changes: Any) -> list[Body]:
        (told,) = planned(api, path, "ipsec_site_connection", **changes)["connections"]
        found: list[Body] = told["collisions"]
        return found

    assert collisions(mtu=1400) == []
    for changes, words in (
        ({"psk": "two"}, "its PSK differs"),
        ({"dpd": {"interval": 7}}, "its dpd differs"),
        ({"peer_ep_group_id": group("10.8.0.0/25")}, "its networks overlap"),
        ({"psk": "two", "peer_address": "192.0.2.77"}, "the same peer ID"),
    ):
        (told,) = collisions(**changes)
        assert told["id"] == early["id"]
        assert words in told["message"]
    elsewhere = {"peer_address": "192.0.2.77", "peer_id": "other.example.com"}
    assert collisions(psk="two", **elsewhere) == []
    plan = planned(api, f"/v2.0/vpn/ikepolicies/{site.ike}", "ikepolicy", pfs="group14")
    assert [each["collisions"] for each in plan["connections"]] == [[], []]  # both change alike


def test_another_projects_connection_is_not_told_of(api: Api) -> None:
    site = Site(api)
    ours = site.connection(psk="one")
    path = f"{CONNECTIONS}/{ours['id']}"
    given = {name: ours[name] for name in SAME} | {"psk": "two", "project_id": "proj-b"}
    theirs = made(api, CONNECTIONS, "ipsec_site_connection", "admin", **given)

    def collisions(caller: str) -> list[str]:
        plan = planned(api, path, "ipsec_site_connection", caller, mtu=1400)
        (told,) = plan["connections"]
        return [each["id"] for each in told["collisions"]]

    assert collisions("a") == []
    assert collisions("admin") == [theirs["id"]]


def test_what_a_router_s_update_costs_its_connections(api: Api) -> None:
    site = Site(api)
    connection = site.connection()
    path = f"/v2.0/routers/{site.router}"
    plan = planned(api, path, "router", "a", admin_state_up=False)
    assert plan["router"]["admin_state_up"] is False
    (told,) = plan["connections"]
    assert told["id"] == connection["id"]
    assert cost(told) == ("interrupt", {"router.admin_state_up": "interrupt"})
    assert planned(api, path, "router", "a", name="x")["connections"] == []
    assert shown(api, path)["router"]["admin_state_up"] is True
    body = {"external_gateway_info": {"network_id": outside(api), "external_fixed_ips": [
        {"ip_address": "203.0.113.77"}]}}  # fmt: skip
    (told,) = planned(api, path, "router", "admin", **body)["connections"]
    assert {each["attribute"] for each in told["attributes"]} == {"external_gateway_info"}
    assert told["disruption"] in ("replace-ike", "interrupt")


def test_what_switching_a_network_off_costs_those_who_need_it(api: Api) -> None:
    """Or the router's port there; its name costs nothing."""
    site = Site(api)
    connection = site.connection()
    ports = api.request("GET", f"/v2.0/ports?device_id={site.router}", "admin").json()["ports"]
    for port in ports:
        network = f"/v2.0/networks/{port['network_id']}"
        for path, wrapper in ((network, "network"), (f"/v2.0/ports/{port['id']}", "port")):
            (told,) = planned(api, path, wrapper, "admin", admin_state_up=False)["connections"]
            assert told["id"] == connection["id"]
            assert cost(told) == ("interrupt", {f"{wrapper}.admin_state_up": "interrupt"})
            assert [step["step"] for step in told["steps"]] == ["legs"]
            assert planned(api, path, wrapper, "admin", name="x")["connections"] == []
        api.request("PUT", network, "admin", json={"network": {"admin_state_up": False}})
        (told,) = planned(api, network, "network", "admin", admin_state_up=True)["connections"]
        assert cost(told) == ("none", {"network.admin_state_up": "none"})
        api.request("PUT", network, "admin", json={"network": {"admin_state_up": True}})


def test_what_the_next_hop_of_the_uplink_costs(api: Api) -> None:
    site = Site(api)
    connection = site.connection()
    found = api.request("GET", f"/v2.0/subnets?network_id={outside(api)}", "admin").json()
    path = f"/v2.0/subnets/{found['subnets'][0]['id']}"
    (told,) = planned(api, path, "subnet", "admin", gateway_ip=None)["connections"]
    assert (told["id"], cost(told)) == (
        connection["id"], ("interrupt", {"subnet.gateway_ip": "interrupt"})
    )  # fmt: skip
    other = {"gateway_ip": "203.0.113.254",
             "allocation_pools": [{"start": "203.0.113.2", "end": "203.0.113.200"}]}  # fmt: skip
    (told,) = planned(api, path, "subnet", "admin", **other)["connections"]
    assert cost(told) == ("none", {"subnet.gateway_ip": "none"})
    assert planned(api, path, "subnet", "admin", name="x")["connections"] == []
    # A peer on the uplink's own network needs none.
    api.request("PUT", f"{CONNECTIONS}/{connection['id']}", "a",
                json={"ipsec_site_connection": {"peer_address": "203.0.113.99"}})  # fmt: skip
    assert planned(api, path, "subnet", "admin", gateway_ip=None)["connections"] == []


def outside(api: Api) -> str:
    found = api.request("GET", "/v2.0/networks?router:external=true", "admin").json()
    return str(found["networks"][0]["id"])
