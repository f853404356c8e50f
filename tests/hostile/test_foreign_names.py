"""A member of one project names what is another's: it hears what it hears of what does not exist.

Every way in which a request can name an object, each with the id of an object of project b's and
with an id that nobody has. Status, type and words are the same, and b has what it had.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, NamedTuple

import pytest

from tests.hostile.projects import NOWHERE, PATHS, Body, Scene

VPN: Final = ("ikepolicy", "ipsecpolicy", "endpoint_group", "vpnservice", "ipsec_site_connection")
EVERY: Final = ("network", "subnet", "port", "router", *VPN)


class Request(NamedTuple):
    """A request of project a's; `named`: the kind of what it names by the id that is asked for."""

    named: str
    method: str
    path: str
    body: Body | None = None


def _ports(scene: Scene, id: str) -> dict[str, Request]:
    own, port = scene.a.ids["network"], f"{PATHS['port']}/{scene.a.ids['port']}"

    def post(named: str, **values: Any) -> Request:
        return Request(named, "POST", PATHS["port"], {"port": {"network_id": own} | values})

    found = {
        "port on the network": post("network", network_id=id),
        "port with an address of the subnet": post("subnet", fixed_ips=[{"subnet_id": id}]),
        "port of the network's project": post("network", network_id=id, project_id="proj-b"),
    }
    for owner in ("network:router_interface", "network:router_gateway"):
        device = {"device_id": id, "device_owner": owner}
        found[f"port as {owner}"] = post("router", **device)
        found[f"port made {owner}"] = Request("router", "PUT", port, {"port": device})
    readdressed = {"port": {"fixed_ips": [{"subnet_id": id}]}}
    found["port moved to the subnet"] = Request("subnet", "PUT", port, readdressed)
    found["port moved to the network"] = Request(
        "network", "PUT", port, {"port": {"network_id": id}}
    )
    return found


def _inventory(scene: Scene, id: str) -> dict[str, Request]:
    router = f"{PATHS['router']}/{scene.a.ids['router']}"
    info: Body = {"router": {"external_gateway_info": {"network_id": id}}}
    wanted = {"ip_version": 4, "cidr": "10.66.0.0/24"}
    found = {
        "subnet on the network": Request(
            "network", "POST", PATHS["subnet"], {"subnet": {"network_id": id} | wanted}
        ),
        "uplink of a new router": Request("network", "POST", PATHS["router"], info),
        "uplink of a router": Request("network", "PUT", router, info),
    }
    for action in ("add", "remove"):
        for named in ("subnet", "port", "leg"):
            body = {f"{'port' if named == 'leg' else named}_id": id}
            path = f"{router}/{action}_router_interface"
            found[f"{action} the {named}"] = Request(named, "PUT", path, body)
    return found


def _vpn(scene: Scene, id: str) -> dict[str, Request]:
    a = scene.a.ids
    group = f"{PATHS['endpoint_group']}/{a['endpoint_group']}"
    connection = f"{PATHS['ipsec_site_connection']}/{a['ipsec_site_connection']}"
    found = {
        "service on the router": Request(
            "router", "POST", PATHS["vpnservice"], {"vpnservice": {"router_id": id}}
        ),
        "service of the subnet": Request(
            "subnet", "POST", PATHS["vpnservice"],
            {"vpnservice": {"router_id": a["router"], "subnet_id": id}},
        ),
        "group of the subnet": Request(
            "subnet", "POST", PATHS["endpoint_group"],
            {"endpoint_group": {"type": "subnet", "endpoints": [a["subnet"], id]}},
        ),
        "group changed to the subnet": Request(
            "subnet", "PUT", group, {"endpoint_group": {"endpoints": [id]}}
        ),
        "plan of a group with the subnet": Request(
            "subnet", "POST", f"{group}/plan", {"endpoint_group": {"endpoints": [id]}}
        ),
    }  # fmt: skip
    for attribute, named in (
        ("vpnservice_id", "vpnservice"),
        ("ikepolicy_id", "ikepolicy"),
        ("ipsecpolicy_id", "ipsecpolicy"),
        ("local_ep_group_id", "endpoint_group"),
        ("peer_ep_group_id", "peer_group"),
    ):
        new = {"ipsec_site_connection": scene.a.connection() | {attribute: id}}
        changed = {"ipsec_site_connection": {attribute: id}}
        found[f"connection with {attribute}"] = Request(
            named, "POST", PATHS["ipsec_site_connection"], new
        )
        found[f"connection changed to {attribute}"] = Request(named, "PUT", connection, changed)
        found[f"plan with {attribute}"] = Request(named, "POST", f"{connection}/plan", changed)
    return found


def _the_thing_itself(scene: Scene, id: str) -> dict[str, Request]:
    found = {}
    for named in EVERY:
        path = f"{PATHS[named]}/{id}"
        found[f"show {named}"] = Request(named, "GET", path)
        found[f"delete {named}"] = Request(named, "DELETE", path)
        for name, value in (("name", "x"), ("admin_state_up", False), ("project_id", "proj-a")):
            changes = {named: {name: value}}
            found[f"update {named} {name}"] = Request(named, "PUT", path, changes)
        if named in VPN:
            body: Body = {named: {"name": "x"}}
            found[f"plan of {named}"] = Request(named, "POST", f"{path}/plan", body)
        queries = (f"id={id}", f"limit=1&marker={id}", f"id={id}&project_id=proj-b")
        for number, query in enumerate(queries):
            found[f"list {named} {number}"] = Request(named, "GET", f"{PATHS[named]}?{query}")
    connection = f"{PATHS['ipsec_site_connection']}/{id}"
    for what in ("history", "diagnostics"):
        found[what] = Request("ipsec_site_connection", "GET", f"{connection}/{what}")
    found["initiate"] = Request("ipsec_site_connection", "POST", f"{connection}/initiate")
    for action in ("add", "remove"):
        path = f"{PATHS['router']}/{id}/{action}_router_interface"
        found[f"{action} to the router"] = Request(
            "router", "PUT", path, {"subnet_id": scene.a.ids["subnet"]}
        )
    for name, named in (("network_id", "network"), ("device_id", "router"),
                        ("fixed_ips", "subnet"), ("project_id", "")):  # fmt: skip
        wanted = {"fixed_ips": f"subnet_id={id}", "project_id": "proj-b"}.get(name, id)
        found[f"list port by {name}"] = Request(named, "GET", f"{PATHS['port']}?{name}={wanted}")
    return found


PARTS: Final[tuple[Callable[[Scene, str], dict[str, Request]], ...]] = (
    _ports, _inventory, _vpn, _the_thing_itself,
)  # fmt: skip


@pytest.mark.parametrize("part", PARTS, ids=lambda part: part.__name__.strip("_"))
def test_what_is_anothers_is_as_if_it_were_not(scene: Scene, part: Any) -> None:
    before = scene.of_b()
    for name, request in part(scene, NOWHERE).items():
        told_of_nothing = _told(scene, request, NOWHERE)
        foreign = scene.b.ids.get(request.named, NOWHERE)
        told = _told(scene, part(scene, foreign)[name], foreign)
        assert told == told_of_nothing, name
        if request.method != "GET":
            assert told[0] >= 400, name
            assert scene.of_b() == before, name


def _told(scene: Scene, request: Request, id: str) -> tuple[int, str]:
    status, answer = scene.ask(request.method, request.path, "a", request.body)
    return status, str(answer).replace(id, "<id>")


@pytest.mark.parametrize("caller", ["b-reader", "b"])
@pytest.mark.parametrize("resource", ["network", "subnet", "port", "router"])
def test_flags_that_concern_all_are_the_operators(scene: Scene, resource: str, caller: str) -> None:
    every: dict[str, Body] = {
        "network": {
            "shared": True,
            "router:external": True,
            "provider:network_type": "flat",
            "provider:physical_network": "office",
            "provider:segmentation_id": 7,
        },
        "router": {
            "external_gateway_info": {"network_id": scene.external, "enable_snat": False},
        },
    }
    flags = every.get(resource, {})
    before = scene.of_b()
    for name, value in flags.items():
        for method, path in (("POST", PATHS[resource]),
                             ("PUT", f"{PATHS[resource]}/{scene.b.ids[resource]}")):  # fmt: skip
            status, _ = scene.ask(method, path, caller, {resource: {name: value}})
            assert status == 403, (method, name)
    for name in ("project_id", "tenant_id"):
        for method, path in (("POST", PATHS[resource]),
                             ("PUT", f"{PATHS[resource]}/{scene.b.ids[resource]}")):  # fmt: skip
            status, _ = scene.ask(method, path, caller, {resource: {name: "proj-a"}})
            assert status == 400, (method, name)
    assert scene.of_b() == before


def test_a_shared_subnet_is_not_held_by_those_who_only_name_it(scene: Scene) -> None:
    """Its owner takes it away; a group of another project's that named it carries nothing then."""
    network = scene.make("network", "admin", project_id="proj-b", shared=True)["id"]
    subnet = scene.make("subnet", "b", network_id=network, ip_version=4, cidr="10.88.0.0/24")["id"]
    group = scene.make("endpoint_group", "a", type="subnet", endpoints=[subnet])["id"]
    port = scene.make("port", "a", network_id=network)["id"]
    path = f"{PATHS['subnet']}/{subnet}"
    assert scene.ask("DELETE", path, "b")[0] == 409  # an address is in use; b sees whose
    unshared = {"network": {"shared": False}}
    assert scene.ask("PUT", f"{PATHS['network']}/{network}", "admin", unshared)[0] == 409
    assert scene.ask("GET", f"{PATHS['port']}/{port}", "b")[0] == 200
    assert scene.ask("DELETE", f"{PATHS['port']}/{port}", "b")[0] == 204
    assert scene.ask("DELETE", path, "b")[0] == 204
    assert scene.ask("PUT", f"{PATHS['network']}/{network}", "admin", unshared)[0] == 200
    body = {"ipsec_site_connection": scene.a.connection() | {"local_ep_group_id": group}}
    status, answer = scene.ask("POST", PATHS["ipsec_site_connection"], "a", body)
    assert (status, answer["NeutronError"]["type"]) == (400, "SubnetIsNotConnectedToRouter")
