"""What an older server, or one with a bug, may send of one tunnel, on a real charon: it is that
tunnel's error, and its sibling's update takes as long as without it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import msgspec
import pytest

from landbridge.lab.hosts import wait_until
from landbridge.lab.peer import PeerChild, PeerConnection
from landbridge.model.status import ReasonCode, TunnelState, TunnelStatus
from landbridge.model.tunnel import Dpd, Secret, Tunnel
from tests.gateway.conftest import LOCAL_CIDRS, PEER_CIDRS, Surroundings, peer_connection
from tests.gateway.gateway import Gateway, changed, tunnel

pytestmark = pytest.mark.gateway

MANY = tuple(f"10.{n}.0.0/24" for n in range(100, 135))
PLAIN = tunnel()


def lifetime(seconds: int) -> dict[str, Any]:
    return {
        "ike": msgspec.structs.replace(PLAIN.ike, lifetime=seconds),
        "esp": msgspec.structs.replace(PLAIN.esp, lifetime=seconds),
    }


#: By what is wrong: what is sent, and whether charon (or we) must refuse it.
ODD: dict[str, tuple[dict[str, Any], bool]] = {
    "no psk in it": ({"psk": Secret(value="")}, True),
    "a psk beyond a value of VICI": ({"psk": Secret(value="x" * 0x10000)}, True),
    "peer 0.0.0.0": ({"peer_address": "0.0.0.0"}, True),
    "peer %any": ({"peer_address": "%any"}, True),
    "peer a network": ({"peer_address": "198.51.100.0/24"}, True),
    "peer id %any": ({"peer_id": "%any"}, True),
    "local id with quotes and lines": ({"local_id": 'a"b\n}\nconnections { x {} }'}, False),
    "peer id of 500 characters": ({"peer_id": "x" * 500}, True),
    "dpd 0": ({"dpd": Dpd(action="hold", interval=0, timeout=0)}, False),
    "dpd below 0": ({"dpd": Dpd(action="hold", interval=-1, timeout=-9)}, True),
    "lifetime 0": (lifetime(0), True),
    "lifetime below 0": (lifetime(-1000), True),
    "lifetime beyond all": (lifetime(10**30), True),
    "unknown cipher": ({"esp": msgspec.structs.replace(PLAIN.esp, encryption="rot13")}, True),
    "unknown group": ({"ike": msgspec.structs.replace(PLAIN.ike, dh_group="group0")}, True),
    "networks that are none": ({"peer_cidrs": ("10.0.0.0/33",)}, True),
    "no networks": ({"peer_cidrs": ()}, True),
    "35 x 35 networks": (
        {"local_cidrs": MANY, "peer_cidrs": MANY, "split_selector": True},
        True,
    ),
}


def odd(number: int, **changes: Any) -> Tunnel:
    """Each to a peer of its own, whom nobody is."""
    peer = f"198.51.100.{100 + number}"
    networks = {"peer_cidrs": (f"10.{150 + number}.0.0/24",)}
    return tunnel(**{"peer_address": peer, "peer_id": peer, **networks, **changes})


def in_error(status: TunnelStatus) -> bool:
    return status.state is TunnelState.ERROR and status.reason is not None


def test_what_is_odd_of_one_tunnel_is_told_of_that_one(
    surroundings: Surroundings, gateway: Gateway
) -> None:
    surroundings.remote.peer.start(_peer())
    first = tunnel()
    wrong = {what: odd(n, **changes) for n, (what, (changes, _)) in enumerate(ODD.items())}
    gateway.want(first, *wrong.values())
    gateway.start()
    gateway.wait_applied(first)
    for what, (_, refused) in ODD.items():
        one = wrong[what]
        status = gateway.wait(one, in_error if refused else lambda _: True)
        told = status.reason.message if status.reason else ""
        assert "unexpected" not in told, (what, told)
        assert status.reason is None or status.reason.code is not ReasonCode.COLLISION
        assert one.psk is None or not one.psk.value or one.psk.value not in told
    for number in range(3):
        first = changed(first, **_turn(first, number))
        gateway.want(first)
        gateway.wait_applied(first, patience=10)
    assert surroundings.ping()
    assert gateway.routers
    assert all(status.ready for status in gateway.routers)
    for one in wrong.values():
        gateway.drop(one.id)
    wait_until(lambda: {sa.tunnel_id for sa in gateway.all_sas()} == {first.id}, 20, "only one")
    wait_until(lambda: len(gateway.secrets()) == 1, 20, "only its secret is left")
    assert surroundings.ping()


def test_what_is_mended_comes_up(surroundings: Surroundings, gateway: Gateway) -> None:
    surroundings.remote.peer.start(_peer())
    one = tunnel(psk=Secret(value="x" * 0x10000))
    gateway.want(one)
    gateway.start()
    gateway.wait(one, in_error)
    one = changed(one, psk=PLAIN.psk, psk_generation=2)
    gateway.want(one)
    gateway.wait_applied(one)


def test_what_was_up_goes_on_below_an_update_that_is_refused(
    surroundings: Surroundings, gateway: Gateway
) -> None:
    surroundings.remote.peer.start(_peer())
    one = tunnel()
    gateway.want(one)
    gateway.start()
    gateway.wait_applied(one)
    before = gateway.children(one)
    one = changed(one, **lifetime(-1000))
    gateway.want(one)
    status = gateway.wait(one, in_error)
    assert status.applied_revision == 1
    assert gateway.children(one) == before
    assert surroundings.ping()
    one = changed(one, **lifetime(1800))
    gateway.want(one)
    gateway.wait_applied(one)


def _peer() -> PeerConnection:
    esp = "aes128-sha256-modp2048,aes256-sha256-modp2048"
    child = PeerChild("all", PEER_CIDRS[0], LOCAL_CIDRS[0], esp)
    return replace(peer_connection(), children=(child,))


def _turn(one: Tunnel, number: int) -> dict[str, Any]:
    cipher = "aes-256" if number % 2 == 0 else "aes-128"
    return {"esp": msgspec.structs.replace(one.esp, encryption=cipher)}
