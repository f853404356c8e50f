"""Where no packet can go, as far as the router's configuration tells."""

from __future__ import annotations

import msgspec
import pytest

from landbridge.agent.status.reachability import hindrance, obstacle
from landbridge.model.router import Leg, Router
from landbridge.model.status import ReasonCode
from tests.unit.agent.tunnels import tunnel


def router(*gateways: str, uplink: bool = True) -> Router:
    def leg(address: str, *hops: str) -> Leg:
        return Leg(
            network_id="n",
            network_name="",
            port_id="p",
            mac_address="",
            addresses=(address,),
            gateways=hops,
        )

    return Router(
        id="r",
        name="",
        revision=1,
        admin_state_up=True,
        uplink=leg("192.0.2.1/24", *gateways) if uplink else None,
        inside=(leg("10.1.0.1/24"),),
    )


@pytest.mark.parametrize(
    ("made", "local", "peer", "code"),
    [
        (router(), "192.0.2.1", "192.0.2.2", None),
        (router(), "192.0.2.1", "10.1.0.9", None),
        (router("192.0.2.254"), "192.0.2.1", "203.0.113.1", None),
        (router(), "192.0.2.1", "peer.example.com", None),
        (router(), "192.0.2.1", "203.0.113.1", ReasonCode.NO_ROUTE),
        (router("2001:db8::1"), "192.0.2.1", "203.0.113.1", ReasonCode.NO_ROUTE),
        (router(), "192.0.2.9", "192.0.2.2", ReasonCode.NO_LOCAL_ADDRESS),
        (router(uplink=False), "192.0.2.1", "192.0.2.2", ReasonCode.NO_LOCAL_ADDRESS),
    ],
)
def test_where_no_packet_can_go(
    made: Router, local: str, peer: str, code: ReasonCode | None
) -> None:
    found = hindrance(
        made, msgspec.structs.replace(tunnel(), local_address=local, peer_address=peer)
    )
    assert (found and found.code) is code


@pytest.mark.parametrize(
    ("peer_cidrs", "code"),
    [
        (("10.2.0.0/24",), None),
        (("10.0.0.0/8",), None),
        (("10.1.0.0/24",), ReasonCode.OWN_NETWORK),
        (("10.2.0.0/24", "10.1.0.128/25"), ReasonCode.OWN_NETWORK),
        (("2001:db8::/64",), None),
    ],
)
def test_a_router_keeps_what_is_for_its_own_networks(
    peer_cidrs: tuple[str, ...], code: ReasonCode | None
) -> None:
    found = obstacle(router(), tunnel(peer_cidrs=peer_cidrs))
    assert (found and found.code) is code


def test_a_leg_that_is_switched_off_is_named() -> None:
    made = router()
    assert made.uplink is not None
    off = msgspec.structs.replace(made.uplink, admin_state_up=False)
    found = hindrance(msgspec.structs.replace(made, uplink=off), tunnel())
    assert found is not None
    assert found.code is ReasonCode.NETWORK_DOWN
    assert off.port_id in found.message
    inside = msgspec.structs.replace(made.inside[0], admin_state_up=False)
    for cidr, code in (("10.1.0.0/24", ReasonCode.NETWORK_DOWN), ("10.9.0.0/24", None)):
        told = obstacle(
            msgspec.structs.replace(made, inside=(inside,)), tunnel(local_cidrs=(cidr,))
        )
        assert (told and told.code) is code
