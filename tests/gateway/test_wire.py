"""What leaves by the uplink over a tunnel's whole life: never a packet in clear, and nothing of
ours where we must not initiate."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace

import msgspec
import pytest

from landbridge.lab.hosts import wait_until
from landbridge.lab.peer import PeerChild, PeerConnection
from landbridge.lab.traffic import Traffic
from landbridge.model.status import ReasonCode, TunnelState
from landbridge.model.tunnel import Secret
from tests.gateway.conftest import (
    PEER_OUTSIDE,
    ROUTER_OUTSIDE,
    Surroundings,
    peer_connection,
)
from tests.gateway.gateway import Gateway, changed, tunnel
from tests.gateway.wire import Ear, listen_between

pytestmark = pytest.mark.gateway
INSIDE = ("10.1.", "10.2.")  # what must never be seen on the uplink


@pytest.fixture
def ear(surroundings: Surroundings) -> Iterator[Ear]:
    """Between the router and the peer, which has a route for clear text to leak by."""
    with listen_between(surroundings.uplink) as ear:
        yield ear


def leak_by_default(around: Surroundings, gateway: Gateway) -> None:
    """The router's default route leads to the peer: whatever is not held back goes there."""
    namespace = gateway.namespace
    namespace.ip("route", "replace", "default", "via", PEER_OUTSIDE)


def blocked(gateway: Gateway) -> bool:
    table = gateway.namespace.ip("route", "show", "table", "210", check=False)
    return "unreachable 10.2.0.0/24" in table


def wide_peer(version: str) -> PeerConnection:
    """Takes what we narrow and widen to."""
    children = tuple(
        PeerChild(f"c{n}", cidr, "10.1.0.0/24")
        for n, cidr in enumerate(("10.2.0.0/24", "10.2.0.0/22"))
    )
    return replace(peer_connection(version=int(version[1])), children=children)


@pytest.mark.parametrize("version", ["v1", "v2"])
def test_nothing_leaves_in_clear_over_a_whole_life(
    surroundings: Surroundings, gateway: Gateway, ear: Ear, version: str
) -> None:
    leak_by_default(surroundings, gateway)
    surroundings.host.ping("10.2.0.10", wait=0.2)
    wait_until(lambda: bool(ear.clear_text(*INSIDE)), 15, "the listener hears what does leave")
    surroundings.remote.peer.start(wide_peer(version))
    wrong = tunnel(version, psk=Secret(value="wrong"))
    gateway.want(wrong)
    gateway.start()
    wait_until(lambda: blocked(gateway), 15, "blocked")
    ear.packets.clear()
    with Traffic([surroundings.flow()], rate=200) as traffic:
        codes = (ReasonCode.PSK_MISMATCH, ReasonCode.AUTHENTICATION_FAILED)
        gateway.wait(wrong, lambda s: s.reason is not None and s.reason.code in codes)
        up = changed(wrong, psk=tunnel().psk, psk_generation=2)
        gateway.want(up)
        gateway.wait_applied(up, patience=20)
        wide = changed(up, peer_cidrs=("10.2.0.0/22",))
        gateway.want(wide)
        gateway.wait_applied(wide)
        narrow = changed(wide, peer_cidrs=("10.2.0.0/24",))
        gateway.want(narrow)
        gateway.wait_applied(narrow)
        off = changed(narrow, admin_state_up=False)
        gateway.want(off)
        gateway.wait(off, lambda s: s.state is TunnelState.DOWN)
        on = changed(off, admin_state_up=True)
        gateway.want(on)
        gateway.wait_applied(on)
        killed = gateway.kill_charon()
        wait_until(lambda: gateway.charon.pid() not in (None, killed), 15, "charon comes back")
        wait_until(lambda: bool(gateway.children(on)), 10, "the tunnel comes back")
        gateway.stop()  # the agent
        gateway.start()
        gateway.wait_applied(on)
        wait_until(surroundings.ping, 15, "packets")
        sent = traffic.count()["tunnel"].forward
        assert sent.received > 100
        assert ear.packets
        assert ear.clear_text(*INSIDE) == []
    gateway.drop(on.id)
    wait_until(lambda: not gateway.sas(on), 15, "deleted")
    assert ear.clear_text(*INSIDE) == []


def test_a_peer_inside_its_own_cidr(surroundings: Surroundings, gateway: Gateway, ear: Ear) -> None:
    """IKE goes to it in clear, whatever else goes to it does not."""
    child = PeerChild("wide", "198.51.100.0/28,10.2.0.0/24", "10.1.0.0/24")
    surroundings.remote.peer.start(replace(peer_connection(), children=(child,)))
    wanted = tunnel(peer_cidrs=("198.51.100.0/28", "10.2.0.0/24"))
    gateway.want(wanted)
    gateway.start()
    gateway.wait_applied(wanted)
    wait_until(surroundings.ping, 15, "packets to the host behind the peer")
    ear.packets.clear()
    assert surroundings.host.ping(PEER_OUTSIDE, wait=2)
    assert ear.clear_text("10.1.") == []


def test_response_only_never_begins_an_ike_sa(
    surroundings: Surroundings, gateway: Gateway, ear: Ear
) -> None:
    peer = surroundings.remote.peer
    peer.start(peer_connection())
    wanted = tunnel(initiator="response-only")
    gateway.want(wanted)
    gateway.start()
    gateway.wait(wanted, lambda s: s.reason is not None)
    with Traffic([surroundings.flow()], rate=50):
        idle_until = time.monotonic() + 2
        wait_until(lambda: time.monotonic() > idle_until, 15, "time passes with traffic")
    assert [p for p in ear.sent_by(ROUTER_OUTSIDE) if p.ike] == []
    peer.initiate("site-a-0")
    gateway.wait_applied(wanted)
    assert [p for p in ear.packets if p.begins_ike]  # the peer's is heard
    stronger = msgspec.structs.replace(wanted.ike, encryption="aes-256")
    other = changed(wanted, ike=stronger)
    gateway.want(other)  # we may not begin it, so we make room for the peer to
    gateway.wait(other, lambda s: s.state is TunnelState.DOWN)
    back = changed(other, ike=wanted.ike)
    gateway.want(back)
    gateway.stop()
    gateway.start()
    killed = gateway.kill_charon()
    wait_until(lambda: gateway.charon.pid() not in (None, killed), 15, "charon comes back")
    gateway.wait(back, lambda s: s.state is not TunnelState.UP)
    assert [p for p in ear.sent_by(ROUTER_OUTSIDE) if p.begins_ike] == []
