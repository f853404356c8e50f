"""A network of one project in another's router, and the upstream gateway's address in one's own.

Whatever `device_id` and `device_owner` a port is given, by whomever: no router gets a leg by it.
"""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from tests.hostile.projects import PATHS, UPSTREAM, Body, Scene

OWNERS = ("network:router_interface", "network:router_gateway", "network:dhcp", "compute:x", "")
PORTS = PATHS["port"]


@pytest.mark.parametrize(
    ("how", "device_owner", "caller"),
    [*itertools.product(("POST", "PUT"), OWNERS, ("a", "admin", "service"))],
)
def test_a_port_is_no_leg_of_anothers_router(
    scene: Scene, how: str, device_owner: str, caller: str
) -> None:
    """A's network with an address of choice in B's router: B's traffic would go to A."""
    network, subnet = scene.network("a", scene.cidr())
    before = scene.of_b()
    device = {"device_id": scene.b.ids["router"], "device_owner": device_owner}
    given: Body = {"network_id": network, "project_id": "proj-a"}
    if how == "POST":
        status, _ = scene.ask("POST", PORTS, caller, {"port": given | device})
    else:
        port = scene.make("port", "a", network_id=network)["id"]
        status, _ = scene.ask("PUT", f"{PORTS}/{port}", caller, {"port": device})
        shown = scene.ask("GET", f"{PORTS}/{port}", "a")[1]["port"]
        assert (shown["device_id"] == device["device_id"]) == (status == 200)
    router_like = device_owner.startswith("network:router_")
    assert status == (409 if router_like else {"POST": 201, "PUT": 200}[how])
    assert scene.of_b() == before
    assert not any(one.startswith("10.100.") for one in scene.legs_of(scene.b.ids["router"]))
    service = {"vpnservice": {"router_id": scene.b.ids["router"], "subnet_id": subnet}}
    assert scene.ask("POST", PATHS["vpnservice"], "b", service)[0] == 400  # it is not connected


@pytest.mark.parametrize("how", ["POST", "PUT"])
@pytest.mark.parametrize("device_owner", OWNERS)
def test_a_port_is_no_leg_of_ones_own_router_either(
    scene: Scene, how: str, device_owner: str
) -> None:
    router = scene.a.ids["router"]
    network, _ = scene.network("a", scene.cidr())
    before = scene.legs_of(router)
    device = {"device_id": router, "device_owner": device_owner}
    if how == "POST":
        status, answer = scene.ask("POST", PORTS, "a", {"port": {"network_id": network} | device})
    else:
        port = scene.make("port", "a", network_id=network)["id"]
        status, answer = scene.ask("PUT", f"{PORTS}/{port}", "a", {"port": device})
    assert scene.legs_of(router) == before
    if device_owner.startswith("network:router_"):
        assert status == 409
        assert "use add_router_interface" in answer["NeutronError"]["message"]
        return
    assert status in (200, 201)
    port = answer["port"]["id"]
    remove = f"{PATHS['router']}/{router}/remove_router_interface"
    assert scene.ask("PUT", remove, "a", {"port_id": port})[0] == 404
    expected = 403 if device_owner.startswith("compute:") else 204  # as upstream: nova's to delete
    assert scene.ask("DELETE", f"{PORTS}/{port}", "a")[0] == expected


FIXED: list[Body] = [
    {"fixed_ips": [{"ip_address": UPSTREAM}]},
    {"fixed_ips": [{"ip_address": "203.0.113.250"}]},  # out of the pools
    {"mac_address": "fa:16:3e:00:00:01"},
    {"device_owner": "network:router_gateway"},
    {},
]


@pytest.mark.parametrize("wanted", FIXED)
def test_nothing_of_the_external_network_is_to_be_had_by_a_port(scene: Scene, wanted: Body) -> None:
    router = scene.a.ids["router"]
    before = scene.of_b(), scene.legs_of(router)
    body = {"network_id": scene.external, "device_id": router} | wanted
    assert scene.ask("POST", PORTS, "a", {"port": body})[0] == 403
    assert (scene.of_b(), scene.legs_of(router)) == before


@pytest.mark.parametrize("wanted", [w for w in FIXED if w])
def test_a_port_on_the_external_network_that_an_operator_gave_stays_as_given(
    scene: Scene, wanted: Body
) -> None:
    port = scene.make("port", "admin", network_id=scene.external, project_id="proj-a")
    status, _ = scene.ask("PUT", f"{PORTS}/{port['id']}", "a", {"port": wanted})
    assert status == 403
    assert scene.ask("GET", f"{PORTS}/{port['id']}", "a")[1]["port"] == port


@pytest.mark.parametrize("which", ["external", "shared"])
def test_the_gateway_address_of_anothers_subnet_is_no_routers_to_take(
    scene: Scene, which: str
) -> None:
    router = scene.make("router", "a")["id"]
    subnet = {"external": scene.external_subnet, "shared": scene.shared_subnet}[which]
    add = f"{PATHS['router']}/{router}/add_router_interface"
    status, answer = scene.ask("PUT", add, "a", {"subnet_id": subnet})
    assert status == 400
    assert "is not owned by project making the request" in answer["NeutronError"]["message"]
    assert scene.legs_of(router) == []


def test_a_port_on_a_shared_network_is_a_leg_with_the_address_that_was_given(
    scene: Scene,
) -> None:
    """What sharing is for; and out of the pools only where the subnet's owner says so."""
    router = scene.make("router", "a")["id"]
    add = f"{PATHS['router']}/{router}/add_router_interface"
    stray = scene.make("port", "admin", network_id=scene.shared, project_id="proj-a",
                       fixed_ips=[{"ip_address": "10.250.0.1"}])["id"]  # fmt: skip
    status, answer = scene.ask("PUT", add, "a", {"port_id": stray})
    assert (status, scene.legs_of(router)) == (400, [])
    assert "out of the allocation pool" in answer["NeutronError"]["message"]
    given = scene.make("port", "a", network_id=scene.shared)
    assert scene.ask("PUT", add, "a", {"port_id": given["id"]})[0] == 200
    assert scene.legs_of(router) == [f"{given['fixed_ips'][0]['ip_address']}/24"]


def test_the_outside_addresses_are_the_operators_to_choose(scene: Scene) -> None:
    info: Body = {"network_id": scene.external, "external_fixed_ips": [{"ip_address": UPSTREAM}]}
    other = info | {"external_fixed_ips": [{"ip_address": "203.0.113.77"}]}
    for asked in (info, other):
        for method, path in (("POST", PATHS["router"]),
                             ("PUT", f"{PATHS['router']}/{scene.a.ids['router']}")):  # fmt: skip
            body = {"router": {"external_gateway_info": asked}}
            assert scene.ask(method, path, "a", body)[0] == 403
    status, answer = scene.ask(
        "POST", PATHS["router"], "admin", {"router": {"external_gateway_info": info}}
    )
    assert status == 400
    assert "is the same as the gateway IP" in answer["NeutronError"]["message"]


CHANGES: list[tuple[Body, int]] = [
    ({"device_id": ""}, 409),
    ({"device_id": "elsewhere"}, 409),
    ({"device_owner": ""}, 409),
    ({"device_owner": "compute:x"}, 409),
    ({"mac_address": "fa:16:3e:00:00:02"}, 409),
    ({"fixed_ips": []}, 400),
]


@pytest.mark.parametrize(("changes", "expected"), CHANGES)
def test_a_leg_stays_what_it_is(scene: Scene, changes: Body, expected: int) -> None:
    before = scene.of_b()
    leg = f"{PORTS}/{scene.b.ids['leg']}"
    assert scene.ask("PUT", leg, "admin", {"port": changes})[0] == expected
    assert scene.of_b() == before


@pytest.mark.parametrize("caller", ["b", "admin", "service"])
def test_a_leg_goes_by_its_router_only(scene: Scene, caller: str) -> None:
    before = scene.of_b()
    query = f"{PORTS}?device_id={scene.b.ids['router']}"
    query += "&device_owner=network:router_interface&device_owner=network:router_gateway"
    ports = scene.ask("GET", query, "admin")[1]["ports"]
    assert len(ports) == 2
    for port in ports:
        hidden = caller == "b" and port["device_owner"] == "network:router_gateway"
        status, answer = scene.ask("DELETE", f"{PORTS}/{port['id']}", caller)
        kind = "PortNotFound" if hidden else "ServicePortInUse"
        assert (status, answer["NeutronError"]["type"]) == (404 if hidden else 409, kind)
    assert scene.of_b() == before


def test_an_interface_keeps_the_subnet_that_a_tunnel_needs(scene: Scene) -> None:
    """Also where its addresses are changed, not taken away; nor may they come to overlap."""
    leg = f"{PORTS}/{scene.b.ids['leg']}"
    other = scene.make("subnet", "b", network_id=scene.b.ids["network"], ip_version=4,
                       cidr="10.3.0.0/24")["id"]  # fmt: skip
    before = scene.of_b()
    moved: list[Any] = [{"subnet_id": other}]
    status, answer = scene.ask("PUT", leg, "b", {"port": {"fixed_ips": moved}})
    assert (status, answer["NeutronError"]["type"]) == (409, "SubnetInUseByIPsecSiteConnection")
    assert scene.of_b() == before
    taken, _ = scene.network("b", "10.3.0.128/25")
    port = scene.make("port", "b", network_id=taken)["id"]
    add = f"{PATHS['router']}/{scene.b.ids['router']}/add_router_interface"
    assert scene.ask("PUT", add, "b", {"port_id": port})[0] == 200
    both = [{"subnet_id": scene.b.ids["subnet"]}, *moved]
    status, answer = scene.ask("PUT", leg, "b", {"port": {"fixed_ips": both}})
    assert status == 400
    assert "overlaps with cidr" in answer["NeutronError"]["message"]
    remove = f"{PATHS['router']}/{scene.b.ids['router']}/remove_router_interface"
    assert scene.ask("PUT", remove, "b", {"port_id": port})[0] == 200


def test_a_mac_address_is_one_ports_also_after_an_update(scene: Scene) -> None:
    taken, other = scene.mac(), scene.mac()
    network = scene.make("network", "b")["id"]
    scene.make("port", "b", network_id=network, mac_address=taken)
    port = scene.make("port", "b", network_id=network, mac_address=other)["id"]
    status, answer = scene.ask("PUT", f"{PORTS}/{port}", "admin", {"port": {"mac_address": taken}})
    assert (status, answer["NeutronError"]["type"]) == (409, "MacAddressInUse")


def test_a_gateway_port_moved_by_an_administrator_takes_its_tunnels_along(scene: Scene) -> None:
    """Past the router, yet services and connections follow as if by the router."""
    project = scene.b
    query = f"{PORTS}?device_id={project.ids['router']}&device_owner=network:router_gateway"
    (port,) = scene.ask("GET", query, "admin")[1]["ports"]
    wanted = {"port": {"fixed_ips": [{"ip_address": "203.0.113.9"}]}}
    before = _connection(scene)
    assert scene.ask("PUT", f"{PORTS}/{port['id']}", "admin", wanted)[0] == 200
    service = f"{PATHS['vpnservice']}/{project.ids['vpnservice']}"
    assert scene.ask("GET", service, "b")[1]["vpnservice"]["external_v4_ip"] == "203.0.113.9"
    assert "203.0.113.9/24" in scene.legs_of(project.ids["router"])
    assert _connection(scene) > before
    for refused in ([{"ip_address": UPSTREAM}], []):
        body = {"port": {"fixed_ips": refused}}
        assert scene.ask("PUT", f"{PORTS}/{port['id']}", "admin", body)[0] in (400, 409)


def _connection(scene: Scene) -> int:
    """The revision of b's tunnel."""
    (tunnel,) = scene.of_b()["tunnels"]
    return int(tunnel.revision)
