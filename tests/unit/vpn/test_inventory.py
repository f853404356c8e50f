"""Networks and ports, and what of the inventory is in use."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import Connection

from landbridge.vpn.rows import Attributes
from tests.unit.vpn.interfaces import add_interface
from tests.unit.vpn.test_vpn_resources import refusal
from tests.unit.vpn.world import World

CONN = "ipsec_site_connection"
EXTERNAL: Attributes = {"router:external": True}
INTERNAL: Attributes = {"router:external": False}


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


def test_ports_of_routers_are_left_to_their_router(world: World) -> None:
    def attempt(tx: Connection) -> None:
        port = add_interface(world, "router1", subnet_id="sub_unattached")(tx)["port_id"]
        world.delete(tx, "port", port)

    answer = refusal(world, attempt)
    assert answer[:2] == (409, "ServicePortInUse")
    assert "has device owner network:router_interface: it is a leg of router '" in answer[2]


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
