"""Interfaces of routers: the subnets that they are in."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import Connection

from landbridge.vpn.inventory import routers
from landbridge.vpn.rows import Attributes
from tests.unit.vpn.interfaces import add_interface, remove_interface
from tests.unit.vpn.test_vpn_resources import refusal
from tests.unit.vpn.world import NOWHERE, World, outbox


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
    assert answer in refusal(world, add_interface(world, router, **body))[2]


def test_an_interface_takes_the_subnets_gateway_address(world: World) -> None:
    def attempt(tx: Connection) -> tuple[Any, Any]:
        before = outbox(tx)
        answer = add_interface(world, "router1", subnet_id="UP_sub_unattached")(tx)
        (told,) = outbox(tx) - before
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
        return add_interface(world, "router1", port_id=port.id)(tx)

    assert world.trial(attempt)["subnet_id"] == world.ids["sub_unattached"]


def test_subnets_of_one_router_do_not_overlap(world: World) -> None:
    def attempt(tx: Connection) -> Any:
        network = world.create(tx, "network", name="n")
        subnet = world.create(tx, "subnet", network_id=network.id, cidr="10.1.0.128/25")
        return add_interface(world, "router1", subnet_id=subnet.id)(tx)

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
    assert refusal(world, remove_interface(world, router, **body))[:2] == answer


def test_an_unused_interface_goes(world: World) -> None:
    def attempt(tx: Connection) -> Any:
        answer = remove_interface(world, "router2", subnet_id="sub3")(tx)
        return routers.add_interface(
            tx, world.row(tx, "router", "router2"), {"subnet_id": answer["subnet_id"]}, "a"
        )

    assert world.trial(attempt)["subnet_id"] == world.ids["sub3"]
