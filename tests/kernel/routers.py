"""Two routers of one landbridge that are each other's peers: a tunnel without a foreign peer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from landbridge.agent.dataplane.names import namespace_name
from landbridge.client import Api, Resource
from landbridge.lab.hosts import Host, LabError

NUMBERS: Final = (1, 2)
STRONG: Final = {"encryption_algorithm": "aes-256", "auth_algorithm": "sha256", "pfs": "group14"}
KINDS: Final = (  # in the order in which they can be deleted
    "ipsec_site_connection",
    "vpnservice",
    "endpoint_group",
    "ikepolicy",
    "ipsecpolicy",
)


@dataclass(frozen=True)
class End:
    """A router's namespace, its own inside address and that of the other."""

    host: Host
    inside: str
    other: str

    def ping_argv(self, *options: str) -> list[str]:
        ping = ("ping", "-n", *options, "-I", self.inside, self.other)
        return list(self.host.argv(*ping))

    def ping(self, *, count: int = 1) -> bool:
        return self.host.ping(self.other, count=count, source=self.inside)


def make_two_routers(api: Api) -> None:
    """Networks, routers, policies and the two connections."""
    external = api.create("network", name="ext", **{"router:external": True})
    api.create(
        "subnet",
        network_id=external["id"],
        ip_version=4,
        cidr="203.0.113.0/24",
        enable_dhcp=False,
    )
    sides = [_side(api, number, external["id"]) for number in NUMBERS]
    for number, (mine, other) in enumerate((sides, sides[::-1]), start=1):
        _connect(api, number, mine, other["address"])


def _side(api: Api, number: int, external: str) -> Resource:
    network = api.create("network", name=f"in{number}")
    subnet = api.create(
        "subnet", network_id=network["id"], ip_version=4, cidr=f"10.{number}.0.0/24"
    )
    router = api.create("router", name=f"r{number}", external_gateway_info={"network_id": external})
    path = f"/v2.0/routers/{router['id']}/add_router_interface"
    api.call("PUT", path, {"subnet_id": subnet["id"]})
    service = api.create("vpnservice", name=f"v{number}", router_id=router["id"])
    local = api.create("endpoint_group", name=f"l{number}", type="subnet", endpoints=[subnet["id"]])
    fixed = router["external_gateway_info"]["external_fixed_ips"][0]
    return {"service": service["id"], "local": local["id"], "address": fixed["ip_address"]}


def _connect(api: Api, number: int, mine: Resource, peer: str) -> None:
    ike = api.create("ikepolicy", name=f"i{number}", ike_version="v2", **STRONG)
    ipsec = api.create("ipsecpolicy", name=f"p{number}", **STRONG)
    cidrs = [f"10.{3 - number}.0.0/24"]
    theirs = api.create("endpoint_group", name=f"q{number}", type="cidr", endpoints=cidrs)
    api.create(
        "ipsec_site_connection",
        name=f"c{number}",
        psk="one secret for both",
        vpnservice_id=mine["service"],
        ikepolicy_id=ike["id"],
        ipsecpolicy_id=ipsec["id"],
        local_ep_group_id=mine["local"],
        peer_ep_group_id=theirs["id"],
        peer_address=peer,
        peer_id=peer,
        initiator="bi-directional" if number == 1 else "response-only",
    )


def ends_of(api: Api) -> list[End]:
    """Both ends, in the order of their numbers."""
    return [
        End(
            Host(namespace_name(api.list("router", name=f"r{number}")[0]["id"])),
            f"10.{number}.0.1",
            f"10.{3 - number}.0.1",
        )
        for number in NUMBERS
    ]


def remove_all(api: Api) -> None:
    """Everything that `make_two_routers` made."""
    for kind in KINDS:
        for found in api.list(kind):
            api.delete(kind, found["id"])
    for router in api.list("router"):
        _remove_router(api, router)
    for kind in ("subnet", "network"):
        for found in api.list(kind):
            api.delete(kind, found["id"])


def _remove_router(api: Api, router: dict[str, Any]) -> None:
    ports = api.call("GET", "/v2.0/ports", params={"device_id": router["id"]})["ports"]
    inside = [each for each in ports if each["device_owner"] == "network:router_interface"]
    if not inside:
        raise LabError(f"router {router['name']} has lost its interface")
    for port in inside:
        path = f"/v2.0/routers/{router['id']}/remove_router_interface"
        api.call("PUT", path, {"port_id": port["id"]})
    api.delete("router", router["id"])
