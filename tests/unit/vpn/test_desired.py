"""From rows to what a gateway runs."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import Connection

from landbridge.model.gateway import Desired
from landbridge.model.router import Router
from landbridge.model.tunnel import Secret, Tunnel
from landbridge.store import changes
from landbridge.vpn.revisions import desired
from landbridge.vpn.rows import Attributes
from tests.unit.vpn.world import GATEWAY, LEGACY, World


def _tunnel(world: World, **values: Any) -> Tunnel:
    def attempt(tx: Connection) -> Tunnel | None:
        row = world.connection(tx, **values)
        return desired.tunnel(tx, GATEWAY, row.id)

    found = world.trial(attempt)
    assert found is not None
    return found


def test_a_tunnel_is_resolved(world: World) -> None:
    tunnel = _tunnel(world, name="t", dpd={"interval": 5, "timeout": 9})
    assert tunnel.router_id == world.ids["router1"]
    assert (tunnel.local_address, tunnel.local_id) == ("172.25.0.2", "172.25.0.2")
    assert tunnel.psk == Secret(value="secret")
    assert (tunnel.revision, tunnel.psk_generation, tunnel.admin_state_up) == (1, 1, True)
    assert (tunnel.dpd.action, tunnel.dpd.interval, tunnel.dpd.timeout) == ("hold", 5, 9)
    assert (tunnel.ike.version, tunnel.ike.dh_group, tunnel.ike.lifetime) == ("v2", "group14", 3600)
    assert (tunnel.esp.protocol, tunnel.esp.encapsulation) == ("esp", "tunnel")
    assert tunnel.local_cidrs == ("10.1.0.0/24",)
    assert tunnel.peer_cidrs == ("192.168.100.0/24",)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (LEGACY, {"local_cidrs": ("10.2.0.0/24",)}),
        (LEGACY, {"peer_cidrs": ("192.168.110.0/24", "192.168.111.0/24")}),
        ({"local_ep_group_id": "epg_local2"}, {"local_cidrs": ("10.1.0.0/24", "10.2.0.0/24")}),
        ({"peer_address": "2001:db8::9"}, {"local_address": "2001:db8:e::2"}),
        ({"peer_address": "2001:DB8::0009"}, {"peer_address": "2001:db8::9"}),
        ({"peer_address": "vpn.example.com"}, {"local_address": "172.25.0.2"}),
        ({"local_id": "me"}, {"local_id": "me"}),
        ({"peer_id": ""}, {"peer_id": "198.51.100.9"}),
        ({"admin_state_up": False}, {"admin_state_up": False}),
        ({"split_selector": True}, {"split_selector": True}),
    ],
)
def test_what_a_connection_becomes(world: World, values: Attributes, expected: Attributes) -> None:
    tunnel = _tunnel(world, **values)
    assert {name: getattr(tunnel, name) for name in expected} == expected


@pytest.mark.parametrize(
    ("peer", "v4", "v6", "local"),
    [
        ("192.0.2.1", "198.51.100.1", "2001:db8::1", "198.51.100.1"),
        ("2001:db8::2", "198.51.100.1", "2001:db8::1", "2001:db8::1"),
        ("peer.example.com", "198.51.100.1", "2001:db8::1", "198.51.100.1"),
        ("peer.example.com", None, "2001:db8::1", "2001:db8::1"),
        ("192.0.2.1", None, "2001:db8::1", ""),
        ("peer.example.com", None, None, ""),
    ],
)
def test_the_local_address_speaks_to_the_peer(
    peer: str, v4: str | None, v6: str | None, local: str
) -> None:
    assert desired.local_address_for(peer, v4, v6) == local


def test_a_service_that_is_down_takes_its_tunnels_down(world: World) -> None:
    def attempt(tx: Connection) -> Tunnel | None:
        world.update(tx, "vpnservice", "svc", admin_state_up=False)
        return desired.tunnel(tx, GATEWAY, world.ids["conn"])

    tunnel = world.trial(attempt)
    assert tunnel is not None
    assert (tunnel.admin_state_up, tunnel.revision) == (False, 2)


def test_a_router_is_its_legs(world: World) -> None:
    def attempt(tx: Connection) -> Router | None:
        return desired.router(tx, GATEWAY, world.ids["router1"])

    router = world.trial(attempt)
    assert router is not None
    assert router.uplink is not None
    assert router.uplink.network_name == "ext6"
    assert router.uplink.addresses == ("172.25.0.2/16", "2001:db8:e::2/64")
    assert router.uplink.gateways == ("172.25.0.1", "2001:db8:e::1")
    inside = {leg.network_name: (leg.addresses, leg.gateways) for leg in router.inside}
    assert inside == {
        "net1": (("10.1.0.1/24",), ()),
        "net2": (("10.2.0.1/24",), ()),
        "net6": (("fd00:1::1/64",), ()),
    }


def test_a_router_without_a_gateway_has_no_uplink(world: World) -> None:
    def attempt(tx: Connection) -> Router | None:
        return desired.router(tx, GATEWAY, world.ids["router_nogw"])

    router = world.trial(attempt)
    assert router is not None
    assert (router.uplink, router.inside) == (None, ())


def test_desired_names_everything_of_this_gateway_only(world: World) -> None:
    def attempt(tx: Connection) -> tuple[Desired, Desired, int]:
        everything = desired.desired(tx, GATEWAY)
        return everything, desired.desired(tx, "other"), changes.position(tx, GATEWAY)

    found, nothing, cursor = world.trial(attempt)
    names = ("router1", "router2", "router_b", "router_nogw")
    assert {router.id for router in found.routers} == {world.ids[name] for name in names}
    assert {ref.id for ref in found.tunnels} == {world.ids["conn"], world.ids["conn_legacy"]}
    assert found.cursor == cursor > 0
    assert (nothing.cursor, nothing.routers, nothing.tunnels) == (0, (), ())


def test_all_tunnels_are_the_single_ones(world: World) -> None:
    def attempt(tx: Connection) -> tuple[list[Tunnel], list[Tunnel | None]]:
        found = desired.tunnels(tx, GATEWAY)
        return found, [desired.tunnel(tx, GATEWAY, one.id) for one in found]

    found, single = world.trial(attempt)
    assert found == single
    assert len(found) == 2
    assert world.trial(lambda tx: desired.tunnels(tx, "other")) == []
