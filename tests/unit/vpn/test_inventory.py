"""Networks, subnets, routers and ports."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import Connection

from landbridge.store import changes
from landbridge.vpn.inventory import routers
from landbridge.vpn.rows import Attributes
from tests.unit.vpn.test_vpn_resources import refusal
from tests.unit.vpn.world import GATEWAY, NOWHERE, World

CONN = "ipsec_site_connection"
EXTERNAL: Attributes = {"router:external": True}
INTERNAL: Attributes = {"router:external": False}

Attempt = Callable[[Connection], Any]


def _add(world: World, router: str, **body: Any) -> Attempt:
    def attempt(tx: Connection) -> Any:
        return routers.add_interface(tx, world.row(tx, "router", router), world.resolve(body), "a")

    return attempt


def _remove(world: World, router: str, **body: Any) -> Attempt:
    def attempt(tx: Connection) -> Any:
        row = world.row(tx, "router", router)
        return routers.remove_interface(tx, row, world.resolve(body), "a")

    return attempt


@pytest.mark.parametrize(
    ("router", "body", "answer"),
    [
        ("router1", {}, "Either subnet_id or port_id must be specified"),
        ("router1", {"subnet_id": "s", "port_id": "p"}, "Cannot specify both subnet-id and port"),
        ("router1", {"subnet_id": "sub1"}, "Router already has a port on subnet"),
        ("router1", {"subnet_id": NOWHERE}, f"Subnet {NOWHERE} could not be found."),
        ("router1", {"subnet_id": "subb"}, "could not be found."),
        ("router1", {"port_id": NOWHERE}, f"Port {NOWHERE} could not be found."),
        ("router2", {"subnet_id": "sub3"}, "Router already has a port on subnet"),
        ("router_nogw", {"subnet_id": "sub1"}, "already allocated in subnet"),
    ],
)
def test_interfaces_that_are_refused(
    world: World, router: str, body: Attributes, answer: str
) -> None:
    assert answer in refusal(world, _add(world, router, **body))[2]


def test_an_interface_takes_the_subnets_gateway_address(world: World) -> None:
    def attempt(tx: Connection) -> tuple[Any, Any]:
        before = changes.position(tx, GATEWAY)
        answer = _add(world, "router1", subnet_id="UP_sub_unattached")(tx)
        (told,) = changes.since(tx, GATEWAY, before)
        assert (told.kind, told.id) == ("router", world.ids["router1"])
        port = world.row(tx, "port", answer["port_id"])
        return answer, world.shown(tx, "port", port)

    answer, port = world.trial(attempt)
    assert answer["id"] == world.ids["router1"]
    assert answer["subnet_ids"] == [answer["subnet_id"]] == [world.ids["sub_unattached"]]
    assert answer["tenant_id"] == answer["project_id"] == "a"
    assert port["device_owner"] == "network:router_interface"
    assert port["fixed_ips"] == [
        {"subnet_id": world.ids["sub_unattached"], "ip_address": "10.9.0.1"}
    ]


def test_an_interface_can_be_a_port(world: World) -> None:
    def attempt(tx: Connection) -> Any:
        port = world.create(tx, "port", network_id="netx")
        assert world.shown(tx, "port", port)["fixed_ips"][0]["ip_address"] == "10.9.0.2"
        return _add(world, "router1", port_id=port.id)(tx)

    assert world.trial(attempt)["subnet_id"] == world.ids["sub_unattached"]


def test_subnets_of_one_router_do_not_overlap(world: World) -> None:
    def attempt(tx: Connection) -> Any:
        network = world.create(tx, "network", name="n")
        subnet = world.create(tx, "subnet", network_id=network.id, cidr="10.1.0.128/25")
        return _add(world, "router1", subnet_id=subnet.id)(tx)

    assert "overlaps with cidr 10.1.0.0/24 of subnet" in refusal(world, attempt)[2]


@pytest.mark.parametrize(
    ("router", "body", "answer"),
    [
        ("router1", {"subnet_id": "sub1"}, (409, "SubnetInUseByIPsecSiteConnection")),
        ("router1", {"subnet_id": "sub2"}, (409, "SubnetInUseByVPNService")),
        ("router1", {"subnet_id": "sub3"}, (404, "RouterInterfaceNotFoundForSubnet")),
        ("router1", {"port_id": NOWHERE}, (404, "RouterInterfaceNotFound")),
        ("router1", {}, (400, "BadRequest")),
    ],
)
def test_interfaces_that_stay(
    world: World, router: str, body: Attributes, answer: tuple[int, str]
) -> None:
    assert refusal(world, _remove(world, router, **body))[:2] == answer


def test_an_unused_interface_goes(world: World) -> None:
    def attempt(tx: Connection) -> Any:
        answer = _remove(world, "router2", subnet_id="sub3")(tx)
        return routers.add_interface(
            tx, world.row(tx, "router", "router2"), {"subnet_id": answer["subnet_id"]}, "a"
        )

    assert world.trial(attempt)["subnet_id"] == world.ids["sub3"]


@pytest.mark.parametrize(
    ("kind", "id", "answer", "words"),
    [
        ("router", "router1", (409, "RouterInUse"), "has ports still attached: "),
        ("subnet", "sub1", (409, "SubnetInUse"), "is used by endpoint group "),
        ("subnet", "sub_unattached", (409, "SubnetInUse"), "is used by endpoint group "),
        ("subnet", "ext_sub4", (409, "SubnetInUse"), "One or more ports have an IP allocation"),
        ("network", "net1", (409, "NetworkInUse"), "one or more ports still in use"),
        ("network", "netx", (409, "SubnetInUse"), "is used by endpoint group"),
    ],
)
def test_inventory_in_use_is_not_deleted(
    world: World, kind: str, id: str, answer: tuple[int, str], words: str
) -> None:
    found = refusal(world, lambda tx: world.delete(tx, kind, id))
    assert found[:2] == answer
    assert words in found[2]


def test_a_router_with_services_keeps_its_gateway(world: World) -> None:
    def clear(tx: Connection) -> Any:
        return world.update(tx, "router", "router1", external_gateway_info={})

    services = sorted(world.ids[name] for name in ("svc", "svc_legacy", "svc_legacy6"))
    assert refusal(world, clear) == (
        409,
        "RouterInUse",
        f"Router {world.ids['router1']} is currently used by VPN services ({','.join(services)})",
    )

    def move(tx: Connection) -> Any:
        return world.update(tx, "router", "router2", external_gateway_info={"network_id": "ext6"})

    assert "is currently used by VPN service (" in refusal(world, move)[2]


def test_a_router_goes_with_its_gateway_port(world: World) -> None:
    def attempt(tx: Connection) -> list[bool]:
        info = {"network_id": "ext"}
        row = world.create(tx, "router", external_gateway_info=info)
        before = changes.position(tx, GATEWAY)
        world.delete(tx, "router", row.id)
        return [change.deleted for change in changes.since(tx, GATEWAY, before)]

    assert world.trial(attempt) == [True]


@pytest.mark.parametrize(
    ("info", "answer", "words"),
    [
        ({"network_id": NOWHERE}, (404, "NetworkNotFound"), f"Network {NOWHERE} could not be"),
        ({"network_id": "net1"}, (400, "BadRequest"), "is not an external network."),
        ({"network_id": "netb"}, (404, "NetworkNotFound"), "could not be found."),
        (
            {"network_id": "ext", "external_fixed_ips": [{"ip_address": "10.0.0.1"}]},
            (400, "InvalidIpForNetwork"),
            "IP address 10.0.0.1 is not a valid IP",
        ),
        (
            {"network_id": "ext", "external_fixed_ips": [{"subnet_id": "sub1"}]},
            (400, "InvalidInput"),
            "invalid subnet",
        ),
        (
            {"network_id": "ext6", "external_fixed_ips": [{"ip_address": "172.25.0.2"}]},
            (409, "IpAddressAlreadyAllocated"),
            "already allocated in subnet",
        ),
    ],
)
def test_gateways_that_are_refused(
    world: World, info: Attributes, answer: tuple[int, str], words: str
) -> None:
    found = refusal(world, lambda tx: world.create(tx, "router", external_gateway_info=info))
    assert found[:2] == answer
    assert words in found[2]


def test_the_gateways_addresses_are_shown_and_kept(world: World) -> None:
    def attempt(tx: Connection) -> tuple[Any, Any]:
        info = {"network_id": "ext6", "enable_snat": False}
        row = world.create(tx, "router", external_gateway_info=info)
        first = world.shown(tx, "router", row)["external_gateway_info"]
        row = world.update(tx, "router", row.id, external_gateway_info=info)
        return first, world.shown(tx, "router", row)["external_gateway_info"]

    first, again = world.trial(attempt)
    assert first == again
    assert first["enable_snat"] is False
    assert [one["subnet_id"] for one in first["external_fixed_ips"]] == [
        world.ids["ext6_sub4"],
        world.ids["ext6_sub6"],
    ]


def test_tunnels_move_to_a_new_outside_address(world: World) -> None:
    def attempt(tx: Connection) -> tuple[Any, Any]:
        fixed = [{"ip_address": "172.25.0.77"}]
        info = {"network_id": "ext6", "external_fixed_ips": fixed}
        world.update(tx, "router", "router1", external_gateway_info=info)
        return world.row(tx, "vpnservice", "svc"), world.row(tx, CONN, "conn")

    service, connection = world.trial(attempt)
    assert (service.external_v4_ip, service.external_v6_ip) == ("172.25.0.77", None)
    assert connection.revision == 2


@pytest.mark.parametrize(
    ("values", "gateway", "pools"),
    [
        ({"cidr": "10.50.0.0/24"}, "10.50.0.1", [("10.50.0.2", "10.50.0.254")]),
        ({"cidr": "10.50.0.9/24", "gateway_ip": None}, None, [("10.50.0.1", "10.50.0.254")]),
        (
            {"cidr": "10.50.0.0/29", "gateway_ip": "10.50.0.3"},
            "10.50.0.3",
            [("10.50.0.1", "10.50.0.2"), ("10.50.0.4", "10.50.0.6")],
        ),
        ({"cidr": "fd00:5::/64"}, "fd00:5::1", [("fd00:5::2", "fd00:5::ffff:ffff:ffff:ffff")]),
        ({"cidr": "10.50.0.0/32"}, None, [("10.50.0.0", "10.50.0.0")]),
        (
            {
                "cidr": "10.50.0.0/24",
                "allocation_pools": [{"start": "10.50.0.9", "end": "10.50.0.9"}],
            },
            "10.50.0.1",
            [("10.50.0.9", "10.50.0.9")],
        ),
    ],
)
def test_subnets_have_a_gateway_and_pools(
    world: World, values: Attributes, gateway: str | None, pools: list[tuple[str, str]]
) -> None:
    row = world.trial(lambda tx: world.create(tx, "subnet", network_id="netx", **values))
    assert row.gateway_ip == gateway
    assert row.allocation_pools == [{"start": start, "end": end} for start, end in pools]


def _pool(start: str, end: str) -> list[dict[str, str]]:
    return [{"start": start, "end": end}]


@pytest.mark.parametrize(
    ("values", "fault"),
    [
        ({"cidr": "10.9.0.0/25"}, "InvalidInput"),
        ({"cidr": "10.50.0.0/24", "ip_version": 6}, "InvalidInput"),
        ({"cidr": "10.50.0.0/24", "gateway_ip": "10.51.0.1"}, "InvalidInput"),
        ({"cidr": "10.50.0.0/24", "gateway_ip": "fd00::1"}, "InvalidInput"),
        (
            {"cidr": "10.50.0.0/24", "allocation_pools": _pool("10.51.0.1", "10.51.0.9")},
            "OutOfBoundsAllocationPool",
        ),
        (
            {"cidr": "10.50.0.0/24", "allocation_pools": _pool("10.50.0.9", "10.50.0.2")},
            "InvalidAllocationPool",
        ),
        (
            {"cidr": "10.50.0.0/24", "allocation_pools": _pool("10.50.0.1", "10.50.0.9")},
            "GatewayConflictWithAllocationPools",
        ),
        (
            {
                "cidr": "10.50.0.0/24",
                "allocation_pools": _pool("10.50.0.5", "10.50.0.9")
                + _pool("10.50.0.9", "10.50.0.12"),
            },
            "OverlappingAllocationPools",
        ),
    ],
)
def test_subnets_that_are_refused(world: World, values: Attributes, fault: str) -> None:
    def attempt(tx: Connection) -> Any:
        return world.create(tx, "subnet", network_id="netx", **values)

    assert refusal(world, attempt)[1] == fault


def test_a_subnet_runs_out_of_addresses(world: World) -> None:
    def attempt(tx: Connection) -> None:
        network = world.create(tx, "network", name="small")
        world.create(tx, "subnet", network_id=network.id, cidr="10.60.0.0/30")
        world.create(tx, "port", network_id=network.id)
        world.create(tx, "port", network_id=network.id)

    assert refusal(world, attempt)[1] == "IpAddressGenerationFailure"


def test_a_gateway_address_in_use_stays(world: World) -> None:
    def attempt(tx: Connection) -> Any:
        return world.update(tx, "subnet", "sub1", gateway_ip="10.1.0.9")

    assert refusal(world, attempt)[1] == "GatewayIpInUse"


def test_routers_hear_of_their_uplinks_new_next_hop(world: World) -> None:
    def attempt(tx: Connection) -> list[str]:
        before = changes.position(tx, GATEWAY)
        world.update(tx, "subnet", "ext6_sub4", gateway_ip=None)
        return [change.id for change in changes.since(tx, GATEWAY, before)]

    assert world.trial(attempt) == [world.ids["router1"]]


def test_ports_of_routers_are_left_to_their_router(world: World) -> None:
    def attempt(tx: Connection) -> None:
        port = _add(world, "router1", subnet_id="sub_unattached")(tx)["port_id"]
        world.delete(tx, "port", port)

    answer = refusal(world, attempt)
    assert answer[:2] == (409, "ServicePortInUse")
    assert answer[2].endswith("has device owner network:router_interface.")


def test_an_external_network_in_use_stays_external(world: World) -> None:
    def attempt(tx: Connection) -> Any:
        return world.update(tx, "network", "ext", **INTERNAL)

    assert refusal(world, attempt)[1] == "ExternalNetworkInUse"


def test_a_network_goes_with_its_subnets(world: World) -> None:
    def attempt(tx: Connection) -> Any:
        network = world.create(tx, "network", name="n", **EXTERNAL)
        subnet = world.create(tx, "subnet", network_id=network.id, cidr="10.70.0.0/24")
        shown = world.shown(tx, "network", network)
        assert shown["router:external"] is True
        assert shown["subnets"] == [subnet.id]
        world.delete(tx, "network", network.id)
        return shown

    world.trial(attempt)


def test_a_port_changes_its_addresses(world: World) -> None:
    def attempt(tx: Connection) -> list[Any]:
        port = world.create(tx, "port", network_id="netx", mac_address="FA:16:3E:00:00:01")
        assert port.mac_address == "fa:16:3e:00:00:01"
        row = world.update(tx, "port", port.id, fixed_ips=[{"ip_address": "10.9.0.77"}])
        assert row.revision_number == port.revision_number + 1
        row = world.update(tx, "port", port.id, fixed_ips=[{"subnet_id": "sub_unattached"}])
        return [one["ip_address"] for one in world.shown(tx, "port", row)["fixed_ips"]]

    assert world.trial(attempt) == ["10.9.0.77"]


def test_a_mac_address_is_given_once(world: World) -> None:
    def attempt(tx: Connection) -> None:
        for _ in range(2):
            world.create(tx, "port", network_id="netx", mac_address="fa:16:3e:00:00:01")

    assert refusal(world, attempt)[1] == "MacAddressInUse"


def test_addresses_that_are_wanted_by_their_subnet_are_kept_each_once(world: World) -> None:
    def work(tx: Connection) -> None:
        of_sub1 = {"subnet_id": world.ids["sub1"]}
        port = world.create(tx, "port", network_id="net1", fixed_ips=[of_sub1] * 3)
        before = world.shown(tx, "port", port)["fixed_ips"]
        port = world.update(tx, "port", port.id, fixed_ips=[of_sub1] * 3)
        assert world.shown(tx, "port", port)["fixed_ips"] == before
        wanted = [of_sub1, {"ip_address": before[0]["ip_address"]}]
        port = world.update(tx, "port", port.id, fixed_ips=wanted)
        assert world.shown(tx, "port", port)["fixed_ips"] == before[:2]

    world.trial(work)
