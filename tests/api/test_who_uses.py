"""What cannot be taken away says who uses it: by type, name and id, and of its own project only."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Final

import pytest

from tests.api.harness import Api, running_api
from tests.environments.databases import Databases

World = dict[str, str]  # name -> id

VPN: Final = "/v2.0/vpn"
PATHS: Final = {
    "ikepolicy": f"{VPN}/ikepolicies", "ipsecpolicy": f"{VPN}/ipsecpolicies",
    "vpnservice": f"{VPN}/vpnservices", "endpoint_group": f"{VPN}/endpoint-groups",
    "ipsec_site_connection": f"{VPN}/ipsec-site-connections",
    "network": "/v2.0/networks", "subnet": "/v2.0/subnets", "router": "/v2.0/routers",
    "port": "/v2.0/ports",
}  # fmt: skip


@pytest.fixture(scope="module")
def api(databases: Databases, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    with databases.fresh("sqlite") as url, running_api(url, tmp_path_factory.mktemp("uses")) as api:
        yield api


def make(api: Api, kind: str, caller: str = "a", **values: Any) -> str:
    answer = api.request("POST", PATHS[kind], caller, json={kind: values})
    assert answer.status_code == 201, answer.text
    return str(answer.json()[kind]["id"])


@pytest.fixture(scope="module")
def world(api: Api) -> World:
    """A site of project a, and a connection of another project that uses what is a's."""
    made: World = {}
    flat = {"provider:network_type": "flat", "provider:physical_network": "office"}
    made["outer"] = make(api, "network", "admin", name="outer", **{"router:external": True}, **flat)
    make(api, "subnet", "admin", network_id=made["outer"], ip_version=4, cidr="203.0.113.0/24")
    made["net"] = make(api, "network", name="net")
    made["sub"] = make(api, "subnet", network_id=made["net"], ip_version=4, cidr="10.1.0.0/24")
    gateway = {"network_id": made["outer"]}
    made["router"] = make(api, "router", name="edge", external_gateway_info=gateway)
    path = f"/v2.0/routers/{made['router']}/add_router_interface"
    made["leg"] = api.request("PUT", path, "a", json={"subnet_id": made["sub"]}).json()["port_id"]
    made["host"] = make(api, "port", name="host", network_id=made["net"],
                        mac_address="fa:16:3e:00:00:07")  # fmt: skip
    made["ike"], made["ipsec"] = make(api, "ikepolicy"), make(api, "ipsecpolicy")
    made["service"] = make(api, "vpnservice", name="office", router_id=made["router"])
    made["ours"] = make(api, "endpoint_group", name="ours", type="subnet", endpoints=[made["sub"]])
    made["theirs"] = make(
        api, "endpoint_group", name="theirs", type="cidr", endpoints=["10.9.0.0/24"]
    )
    for number in range(1, 5):
        made[f"c{number}"] = make(
            api, "ipsec_site_connection", name=f"c{number}", vpnservice_id=made["service"],
            ikepolicy_id=made["ike"], ipsecpolicy_id=made["ipsec"], local_ep_group_id=made["ours"],
            peer_ep_group_id=made["theirs"], peer_address=f"198.51.100.{number}",
            peer_id=f"198.51.100.{number}", psk="secret",
        )  # fmt: skip
    made["foreign"] = make(
        api, "ipsec_site_connection", "admin", name="hidden", vpnservice_id=made["service"],
        ikepolicy_id=made["ike"], ipsecpolicy_id=made["ipsec"], local_ep_group_id=made["ours"],
        peer_ep_group_id=made["theirs"], peer_address="198.51.100.9", peer_id="198.51.100.9",
        psk="secret",
    )  # fmt: skip
    made["lone"] = make(api, "ikepolicy")
    route = {"destination": "10.7.0.0/24", "nexthop": "10.1.0.9"}
    api.request("PUT", f"/v2.0/routers/{made['router']}", "a", json={"router": {"routes": [route]}})
    return made


def named(world: World, *names: str) -> str:
    return ", ".join(f"'{name}' ({world[name]})" for name in names)


def connections(world: World) -> str:
    """Three by name, in the order of their ids, and the others counted."""
    first = sorted((f"c{number}" for number in range(1, 5)), key=lambda name: world[name])[:3]
    return f"ipsec_site_connection {named(world, *first)} and 2 more."


Asked = tuple[str, str, str, Any, Callable[[World], str]]

REFUSED: Final[dict[str, Asked]] = {
    "an IKE policy": ("DELETE", "ikepolicy", "ike", None, connections),
    "an IPsec policy": ("DELETE", "ipsecpolicy", "ipsec", None, connections),
    "a service": ("DELETE", "vpnservice", "service", None, connections),
    "our endpoint group": ("DELETE", "endpoint_group", "ours", None, connections),
    "the peer's endpoint group": ("DELETE", "endpoint_group", "theirs", None, connections),
    "a subnet": ("DELETE", "subnet", "sub", None,
                 lambda w: f"endpoint_group 'ours' ({w['ours']})."),
    "a router's gateway": ("PUT", "router", "router", {"external_gateway_info": None},
                           lambda w: f"vpnservice 'office' ({w['service']})."),
    "a router": ("DELETE", "router", "router", None, lambda w: w["leg"]),
    "a router's port": ("DELETE", "port", "leg", None, lambda w: f"router 'edge' ({w['router']})."),
    "a network": ("DELETE", "network", "net", None, lambda w: w["host"]),
}  # fmt: skip


@pytest.mark.parametrize("what", REFUSED)
def test_who_uses_it_is_told(api: Api, world: World, what: str) -> None:
    method, kind, name, change, by = REFUSED[what]
    body = {kind: change} if change else None
    answer = api.request(method, f"{PATHS[kind]}/{world[name]}", "a", json=body)
    assert answer.status_code in (400, 409), answer.text
    message = answer.json()["NeutronError"]["message"]
    assert message.endswith(by(world)) or by(world) in message
    assert "hidden" not in message
    assert world["foreign"] not in message


def message(api: Api, method: str, path: str, caller: str, body: Any) -> str:
    answer = api.request(method, path, caller, json=body)
    assert answer.status_code == 409, answer.text
    return str(answer.json()["NeutronError"]["message"])


def test_who_uses_a_leg_a_mac_address_or_a_physical_network_is_told(api: Api, world: World) -> None:
    path = f"/v2.0/routers/{world['router']}/remove_router_interface"
    told = message(api, "PUT", path, "a", {"subnet_id": world["sub"]})
    first = min((f"c{number}" for number in range(1, 5)), key=lambda name: world[name])
    assert "is used by ipsec site connection" in told
    assert f"connection {world[first]}: ipsec_site_connection '{first}' ({world[first]})." in told
    port = {"port": {"network_id": world["net"], "mac_address": "fa:16:3e:00:00:07"}}
    told = message(api, "POST", PATHS["port"], "a", port)
    assert told.endswith(f"is in use: by port 'host' ({world['host']}).")
    flat = {"provider:network_type": "flat", "provider:physical_network": "office"}
    told = message(api, "POST", PATHS["network"], "admin", {"network": flat})
    assert told.endswith(f"is in use: by network 'outer' ({world['outer']}).")


def test_only_another_projects_users_are_counted(api: Api, world: World) -> None:
    body = {"ikepolicy_id": world["lone"]}
    path = f"{PATHS['ipsec_site_connection']}/{world['foreign']}"
    assert api.request("PUT", path, "admin", json={"ipsec_site_connection": body}).is_success
    lone = f"{PATHS['ikepolicy']}/{world['lone']}"
    answer = api.request("DELETE", lone, "a").json()["NeutronError"]["message"]
    assert answer.endswith("deleted: by 1 ipsec_site_connection of another project.")
    network = {"network": {"router:external": False}}
    told = message(api, "PUT", f"{PATHS['network']}/{world['outer']}", "admin", network)
    assert told.endswith("existing gateway ports: of 1 router of another project.")


def test_a_quota_tells_its_limit(api: Api, world: World) -> None:
    quota = {"quota": {"ikepolicy": 2}}
    assert api.request("PUT", "/v2.0/quotas/proj-b", "admin", json=quota).is_success
    for _ in range(2):
        make(api, "ikepolicy", "b")
    told = message(api, "POST", PATHS["ikepolicy"], "b", {"ikepolicy": {}})
    assert told == "Quota exceeded for resources: ['ikepolicy']. There may be at most 2."


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"mtu": 50}, "MTU 50 is too small for ipv4: it must be at least 68, or 0 for no limit."),
        ({"dpd": {"interval": 30, "timeout": 20}}, "must be at least 31, and is 20."),
    ],
)
def test_limits_that_depend_on_others_are_told(
    api: Api, world: World, change: dict[str, Any], said: str
) -> None:
    path = f"{PATHS['ipsec_site_connection']}/{world['c1']}"
    answer = api.request("PUT", path, "a", json={"ipsec_site_connection": change})
    assert answer.status_code == 400
    assert answer.json()["NeutronError"]["message"].endswith(said)
