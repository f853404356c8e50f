"""Subnets: their gateway, their pools, and who has which address."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import Connection

from landbridge.vpn.rows import Attributes
from tests.unit.vpn.test_vpn_resources import refusal
from tests.unit.vpn.world import World


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
        ({"cidr": "10.50.0.0/32", "enable_dhcp": False}, None, [("10.50.0.0", "10.50.0.0")]),
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
        ({"cidr": "10.50.0.0/24", "gateway_ip": "10.50.0.255"}, "InvalidInput"),
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
