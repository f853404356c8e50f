"""Who may do what: {admin, member, reader, another project's member, nobody} x every operation.

Two tables say it all: what each caller is told of objects of project proj-a, VPN resources
and inventory apart (a reader sees the inventory and nothing of the VPN, as upstream).
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.api.harness import Api, running_api
from tests.environments.databases import Databases

Body = dict[str, Any]

CALLERS = ("admin", "a", "ro", "b", None)
#               admin   a    ro    b  nobody
VPN = {
    "show": (200, 200, 404, 404, 401),
    "create": (201, 201, 403, 400, 401),
    "update": (200, 200, 404, 404, 401),
    "delete": (204, 204, 404, 404, 401),
}
INVENTORY = {
    "show": (200, 200, 200, 404, 401),
    "create": (201, 201, 403, 400, 401),
    "update": (200, 200, 403, 404, 401),
    "delete": (204, 204, 403, 404, 401),
}
#               admin  a     ro     b      nobody
LISTS_VPN = (True, True, False, False, None)
LISTS_INVENTORY = (True, True, True, False, None)

RESOURCES = {
    "ikepolicy": ("/v2.0/vpn/ikepolicies", "ikepolicies", VPN, LISTS_VPN),
    "ipsecpolicy": ("/v2.0/vpn/ipsecpolicies", "ipsecpolicies", VPN, LISTS_VPN),
    "endpoint_group": ("/v2.0/vpn/endpoint-groups", "endpoint_groups", VPN, LISTS_VPN),
    "vpnservice": ("/v2.0/vpn/vpnservices", "vpnservices", VPN, LISTS_VPN),
    "ipsec_site_connection": (
        "/v2.0/vpn/ipsec-site-connections",
        "ipsec_site_connections",
        VPN,
        LISTS_VPN,
    ),
    "network": ("/v2.0/networks", "networks", INVENTORY, LISTS_INVENTORY),
    "subnet": ("/v2.0/subnets", "subnets", INVENTORY, LISTS_INVENTORY),
    "port": ("/v2.0/ports", "ports", INVENTORY, LISTS_INVENTORY),
    "router": ("/v2.0/routers", "routers", INVENTORY, LISTS_INVENTORY),
}


class World:
    """Objects of proj-a, made on demand; subnets get addresses of their own."""

    def __init__(self, api: Api) -> None:
        self.api = api
        self._numbers = itertools.count(1)
        self.external = self.make("network", "admin", **{"router:external": True})["id"]
        self.subnet(self.external, caller="admin")

    def make(self, resource: str, caller: str = "a", **attributes: Any) -> Body:
        path = RESOURCES[resource][0]
        answer = self.api.request("POST", path, caller, json={resource: attributes})
        assert answer.status_code == 201, answer.text
        made: Body = answer.json()[resource]
        return made

    def cidr(self) -> str:
        return f"10.{next(self._numbers)}.0.0/24"

    def subnet(self, network: str, caller: str = "a") -> str:
        made = self.make("subnet", caller, network_id=network, ip_version=4, cidr=self.cidr())
        return str(made["id"])

    def router(self) -> Body:
        """A router with an uplink and a leg, fit for a VPN service; `subnet` is the leg's."""
        router = self.make("router", external_gateway_info={"network_id": self.external})
        subnet = self.subnet(self.make("network")["id"])
        path = f"/v2.0/routers/{router['id']}/add_router_interface"
        answer = self.api.request("PUT", path, "a", json={"subnet_id": subnet})
        assert answer.status_code == 200, answer.text
        return {"id": router["id"], "subnet": subnet}

    def attributes(self, resource: str) -> Body:
        """What a valid new object of proj-a is made of."""
        return _ATTRIBUTES[resource](self) if resource in _ATTRIBUTES else {}

    def connection(self) -> Body:
        router = self.router()
        local = self.make("endpoint_group", type="subnet", endpoints=[router["subnet"]])
        remote = self.make("endpoint_group", type="cidr", endpoints=[self.cidr()])
        return {
            "vpnservice_id": self.make("vpnservice", router_id=router["id"])["id"],
            "ikepolicy_id": self.make("ikepolicy")["id"],
            "ipsecpolicy_id": self.make("ipsecpolicy")["id"],
            "local_ep_group_id": local["id"],
            "peer_ep_group_id": remote["id"],
            "peer_address": f"203.0.113.{next(self._numbers) % 250 + 1}",
            "peer_id": "peer.example",
            "psk": "hush",
        }


_ATTRIBUTES: dict[str, Callable[[World], Body]] = {
    "endpoint_group": lambda world: {"type": "cidr", "endpoints": [world.cidr()]},
    "vpnservice": lambda world: {"router_id": world.router()["id"]},
    "ipsec_site_connection": World.connection,
    "subnet": lambda world: {
        "network_id": world.make("network")["id"],
        "ip_version": 4,
        "cidr": world.cidr(),
    },
    "port": lambda world: {"network_id": world.make("network")["id"]},
}


@pytest.fixture(scope="module")
def world(databases: Databases, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    state = tmp_path_factory.mktemp("state")
    with databases.fresh("sqlite") as url, running_api(url, state) as api:
        yield World(api)


def each(verb: str) -> list[tuple[str, str | None, int]]:
    return [
        (resource, caller, expected)
        for resource, (_, _, table, _) in RESOURCES.items()
        for caller, expected in zip(CALLERS, table[verb], strict=True)
    ]


@pytest.mark.parametrize(("resource", "caller", "expected"), each("show"))
def test_show(world: World, resource: str, caller: str | None, expected: int) -> None:
    path, target = RESOURCES[resource][0], world.make(resource, **world.attributes(resource))
    answer = world.api.request("GET", f"{path}/{target['id']}", caller)
    assert answer.status_code == expected, answer.text
    assert "hush" not in answer.text or expected == 200


@pytest.mark.parametrize(("resource", "caller", "expected"), each("create"))
def test_create_for_the_project(
    world: World, resource: str, caller: str | None, expected: int
) -> None:
    path, attributes = RESOURCES[resource][0], world.attributes(resource)
    body = {resource: attributes | {"project_id": "proj-a"}}
    answer = world.api.request("POST", path, caller, json=body)
    assert answer.status_code == expected, answer.text
    if expected == 403:
        assert f"rule:create_{resource} is disallowed by policy" in answer.text


@pytest.mark.parametrize(("resource", "caller", "expected"), each("update"))
def test_update(world: World, resource: str, caller: str | None, expected: int) -> None:
    path, target = RESOURCES[resource][0], world.make(resource, **world.attributes(resource))
    url, body = f"{path}/{target['id']}", {resource: {"description": "changed"}}
    answer = world.api.request("PUT", url, caller, json=body)
    assert answer.status_code == expected, answer.text
    now = world.api.request("GET", url, "a").json()[resource]
    assert (now["description"] == "changed") == (expected == 200)


@pytest.mark.parametrize(("resource", "caller", "expected"), each("delete"))
def test_delete(world: World, resource: str, caller: str | None, expected: int) -> None:
    path, target = RESOURCES[resource][0], world.make(resource, **world.attributes(resource))
    url = f"{path}/{target['id']}"
    answer = world.api.request("DELETE", url, caller)
    assert answer.status_code == expected, answer.text
    left = world.api.request("GET", url, "a").status_code == 200
    assert left == (expected != 204)


@pytest.mark.parametrize("resource", RESOURCES)
def test_list(world: World, resource: str) -> None:
    path, collection, _, sees = RESOURCES[resource]
    target = world.make(resource, **world.attributes(resource))
    for caller, seen in zip(CALLERS, sees, strict=True):
        for params in ((), (("project_id", "proj-a"),), (("id", target["id"]),)):
            answer = world.api.request("GET", path, caller, params=params)
            if seen is None:
                assert answer.status_code == 401
                continue
            assert answer.status_code == 200
            found = target["id"] in {one["id"] for one in answer.json()[collection]}
            assert found == seen, (caller, params)


@pytest.mark.parametrize(
    ("verb", "caller", "expected"),
    [
        (verb, caller, expected)
        for verb in ("add", "remove")
        for caller, expected in zip(CALLERS, (200, 200, 403, 404, 401), strict=True)
    ],
)
def test_router_interfaces(world: World, verb: str, caller: str | None, expected: int) -> None:
    router = world.router()
    subnet = router["subnet"]
    if verb == "add":
        subnet = world.subnet(world.make("network")["id"])
    url = f"/v2.0/routers/{router['id']}/{verb}_router_interface"
    answer = world.api.request("PUT", url, caller, json={"subnet_id": subnet})
    assert answer.status_code == expected, answer.text


@pytest.mark.parametrize(
    ("method", "path", "expected"),
    [
        ("GET", "/v2.0/quotas/proj-a", (200, 200, 403, 403, 401)),
        ("GET", "/v2.0/quotas/proj-a/details", (200, 200, 403, 403, 401)),
        ("PUT", "/v2.0/quotas/proj-a", (200, 403, 403, 403, 401)),
        ("DELETE", "/v2.0/quotas/proj-a", (204, 403, 403, 403, 401)),
        ("GET", "/v2.0/quotas", (200, 403, 403, 403, 401)),
        ("GET", "/v2.0/", (200, 200, 200, 200, 401)),
        ("GET", "/v2.0/extensions", (200, 200, 200, 200, 401)),
        ("GET", "/v2.0/extensions/vpnaas", (200, 200, 200, 200, 401)),
        ("GET", "/v2.0/no-such-thing", (404, 404, 404, 404, 401)),
        ("GET", "/agent/v1/desired?gateway_id=g", (403, 403, 403, 403, 401)),
        ("GET", "/", (200, 200, 200, 200, 200)),
        ("GET", "/healthcheck", (200, 200, 200, 200, 200)),
        ("GET", "/openapi.json", (200, 200, 200, 200, 200)),
    ],
)
def test_the_rest(world: World, method: str, path: str, expected: tuple[int, ...]) -> None:
    body = {"quota": {"router": 100}} if method == "PUT" else None
    told = tuple(
        world.api.request(method, path, caller, json=body).status_code for caller in CALLERS
    )
    assert told == expected


def test_external_networks_are_for_all_and_made_by_admins(world: World) -> None:
    path = f"/v2.0/networks/{world.external}"
    for caller in ("a", "ro", "b"):
        assert world.api.request("GET", path, caller).status_code == 200
    body = {"network": {"router:external": True}}
    refused = world.api.request("POST", "/v2.0/networks", "a", json=body)
    assert refused.status_code == 403
    assert "create_network:router:external" in refused.text


def test_another_projects_objects_cannot_be_used(world: World) -> None:
    connection = world.attributes("ipsec_site_connection")
    path = RESOURCES["ipsec_site_connection"][0]
    body = {"ipsec_site_connection": connection}
    answer = world.api.request("POST", path, "b", json=body)
    assert answer.status_code == 404, answer.text
    service = {"vpnservice": {"router_id": world.router()["id"]}}
    answer = world.api.request("POST", RESOURCES["vpnservice"][0], "b", json=service)
    assert answer.status_code == 404, answer.text


def test_readers_can_be_let_in_without_the_key(databases: Databases, tmp_path: Path) -> None:
    """``policy.yaml`` beside the configuration, as operators know it."""
    names = ("vpnservice", "ipsec_site_connection")
    reader = "role:reader and project_id:%(project_id)s"
    (tmp_path / "policy.yaml").write_text(
        "".join(f'"get_{name}": "rule:admin_or_owner or ({reader})"\n' for name in names)
    )
    with databases.fresh("sqlite") as url, running_api(url, tmp_path) as api:
        world = World(api)
        made = world.make("ipsec_site_connection", **world.attributes("ipsec_site_connection"))
        path = RESOURCES["ipsec_site_connection"][0]
        for answer in (
            api.request("GET", f"{path}/{made['id']}", "ro"),
            api.request("GET", path, "ro"),
            api.request("GET", path, "ro", params=(("fields", "psk"), ("fields", "id"))),
        ):
            assert made["id"] in answer.text
            assert "hush" not in answer.text
        assert (
            api.request("GET", f"{path}/{made['id']}", "a").json()["ipsec_site_connection"]["psk"]
            == "hush"
        )
        hidden = api.request("GET", path, "ro", params=(("psk", "hush"),))
        assert made["id"] not in hidden.text  # nor found out by asking
        assert (
            api.request(
                "PUT", f"{path}/{made['id']}", "ro", json={"ipsec_site_connection": {"name": "x"}}
            ).status_code
            == 403
        )
        assert api.request("GET", f"{path}/{made['id']}", "b").status_code == 404
