"""Routers' way out: the external network, and the addresses there."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import Connection

from landbridge.vpn.rows import Attributes
from tests.unit.vpn.test_vpn_resources import refusal
from tests.unit.vpn.world import NOWHERE, World, outbox

CONN = "ipsec_site_connection"


def test_a_router_with_services_keeps_its_gateway(world: World) -> None:
    def clear(tx: Connection) -> Any:
        return world.update(tx, "router", "router1", external_gateway_info={})

    services = sorted(world.ids[name] for name in ("svc", "svc_legacy", "svc_legacy6"))
    status, kind, message = refusal(world, clear)
    assert (status, kind) == (409, "RouterInUse")
    used = f"Router {world.ids['router1']} is currently used by VPN services"
    assert message.startswith(f"{used} ({','.join(services)}): vpnservice '")

    def move(tx: Connection) -> Any:
        return world.update(tx, "router", "router2", external_gateway_info={"network_id": "ext6"})

    assert "is currently used by VPN service (" in refusal(world, move)[2]


def test_a_router_goes_with_its_gateway_port(world: World) -> None:
    def attempt(tx: Connection) -> list[bool]:
        info = {"network_id": "ext"}
        row = world.create(tx, "router", external_gateway_info=info)
        before = outbox(tx)
        world.delete(tx, "router", row.id)
        return [told.deleted for told in outbox(tx) - before]

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


def test_routers_hear_of_their_uplinks_new_next_hop(world: World) -> None:
    def attempt(tx: Connection) -> list[str]:
        before = outbox(tx)
        world.update(tx, "subnet", "ext6_sub4", gateway_ip=None)
        return [told.id for told in outbox(tx) - before]

    assert world.trial(attempt) == [world.ids["router1"]]
