"""Dead peer detection: what each action does, and how long after the last sign of life.

The peer is silenced for real, by a packet filter in its own namespace, and let speak again.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import msgspec
import pytest

from landbridge.lab.hosts import Host, wait_until
from landbridge.lab.peer import PeerChild, PeerConnection
from landbridge.model.status import ReasonCode, TunnelState, TunnelStatus
from landbridge.model.tunnel import Dpd, DpdAction, Tunnel
from tests.gateway.conftest import LOCAL_CIDRS, PEER_CIDRS, Surroundings, peer_connection
from tests.gateway.gateway import Gateway, is_applied, tunnel

pytestmark = pytest.mark.gateway
INTERVAL, TIMEOUT = 1, 3
#: Where each action's tunnel goes, as indexes of LOCAL_CIDRS and PEER_CIDRS.
PLACES: dict[DpdAction, tuple[int, int]] = {
    "clear": (0, 0),
    "hold": (0, 1),
    "restart": (1, 0),
    "disabled": (1, 1),
}
#: How late charon, the agent or this test may be on a busy machine, seconds.
LATE = 0.7


@contextmanager
def silenced(host: Host) -> Iterator[float]:
    """Nothing of IKE and ESP passes; yields when that began (the monotonic clock)."""
    filters = "".join(
        f"add chain inet silence {hook} {{ type filter hook {hook} priority 0; }}\n"
        f"add rule inet silence {hook} udp dport {{ 500, 4500 }} drop\n"
        for hook in ("input", "output")
    )
    host.run("nft", "-f", "-", stdin=f"add table inet silence\n{filters}")
    try:
        yield time.monotonic()
    finally:
        host.run("nft", "delete", "table", "inet", "silence")


def ours(version: str, name: str, action: DpdAction, place: tuple[int, int]) -> Tunnel:
    return tunnel(
        version,
        local_id=f"{name}.a.example.com",
        peer_id=f"{name}.b.example.com",
        dpd=Dpd(action=action, interval=INTERVAL, timeout=TIMEOUT),
        local_cidrs=(LOCAL_CIDRS[place[0]],),
        peer_cidrs=(PEER_CIDRS[place[1]],),
    )


def theirs(version: str, name: str, place: tuple[int, int]) -> PeerConnection:
    return replace(
        peer_connection(name, version=int(version[1])),
        local_id=f"{name}.b.example.com",
        remote_id=f"{name}.a.example.com",
        children=(PeerChild(name, PEER_CIDRS[place[1]], LOCAL_CIDRS[place[0]]),),
    )


def found_dead(status: TunnelStatus) -> bool:
    return (
        status.state is TunnelState.DOWN
        and status.reason is not None
        and status.reason.code is ReasonCode.DPD_TIMEOUT
    )


def ping(around: Surroundings, place: tuple[int, int]) -> bool:
    source, target = f"10.1.{place[0]}.10", f"10.2.{place[1]}.10"
    done = around.host.run("ping", "-c1", "-W0.5", "-I", source, target, check=False)
    return " 0% packet loss" in done


def come_back(around: Surroundings, name: str) -> None:
    """The peer has noticed, too, and begins anew."""
    peer = around.remote.peer
    end = ("--terminate", "--ike", name, "--force", "--timeout", "1", "--uri", peer.uri)
    peer.host.run("swanctl", *end, check=False)  # fails, as nobody answers its delete
    wait_until(lambda: not peer.installed(name), 15, "the peer's SA has ended")
    peer.initiate(name)


@pytest.mark.parametrize("version", ["v1", "v2"])
def test_every_action_on_a_silent_peer(
    surroundings: Surroundings, gateway: Gateway, version: str
) -> None:
    peer = surroundings.remote.peer
    peer.start(*(theirs(version, action, place) for action, place in PLACES.items()))
    tunnels = {action: ours(version, action, action, place) for action, place in PLACES.items()}
    gateway.want(*tunnels.values())
    gateway.start()
    gateway.wait_applied(*tunnels.values())
    untouched = gateway.children(tunnels["disabled"])
    with silenced(peer.host) as since:
        told: dict[str, float] = {}
        probing = {action: each for action, each in tunnels.items() if action != "disabled"}
        while len(told) < len(probing):
            for action, each in probing.items():
                if action not in told and found_dead(gateway.statuses[each.id]):
                    told[action] = time.monotonic() - since
            assert time.monotonic() - since < TIMEOUT + INTERVAL + LATE, told
            time.sleep(0.01)
        assert all(after >= TIMEOUT - INTERVAL - 0.1 for after in told.values()), told
        print(f"\nIKE{version}: seconds from silence to action: {told}")
        assert is_applied(gateway.statuses[tunnels["disabled"].id])
    gateway.wait_applied(tunnels["restart"], tunnels["hold"])
    again = (PLACES["restart"], PLACES["hold"])
    wait_until(lambda: all(ping(surroundings, place) for place in again), 15, "both are back")
    assert gateway.children(tunnels["disabled"]) == untouched
    wait_until(lambda: ping(surroundings, PLACES["disabled"]), 15, "the old SA goes on")
    assert gateway.sas(tunnels["clear"]) == ()
    assert found_dead(gateway.statuses[tunnels["clear"].id])
    come_back(surroundings, "clear")
    gateway.wait_applied(tunnels["clear"])
    wait_until(lambda: ping(surroundings, PLACES["clear"]), 15, "clear")


@pytest.mark.parametrize("version", ["v1", "v2"])
def test_restart_by_peer_restarts_every_tunnel_to_that_peer(
    surroundings: Surroundings, gateway: Gateway, version: str
) -> None:
    peer = surroundings.remote.peer
    names: dict[str, tuple[int, int]] = {"one": (0, 0), "two": (1, 1)}
    peer.start(*(theirs(version, name, place) for name, place in names.items()))
    one = ours(version, "one", "restart-by-peer", names["one"])
    slow = Dpd(action="clear", interval=60, timeout=120)
    two = msgspec.structs.replace(ours(version, "two", "clear", names["two"]), dpd=slow)
    gateway.want(one, two)
    gateway.start()
    gateway.wait_applied(one, two)
    before = gateway.children(two)
    with silenced(peer.host) as since:
        gateway.wait(one, found_dead)
        gateway.wait(two, lambda status: status.state is TunnelState.DOWN)
        assert TIMEOUT - INTERVAL - 0.1 <= time.monotonic() - since < TIMEOUT + INTERVAL + LATE
    gateway.wait_applied(one, two)
    assert not before & gateway.children(two)
    wait_until(lambda: all(ping(surroundings, each) for each in names.values()), 15, "packets")


def test_a_peer_that_restarts_comes_back_by_itself(
    surroundings: Surroundings, gateway: Gateway
) -> None:
    """With restart-by-peer as with any action the peer may be the one that initiates."""
    peer = surroundings.remote.peer
    peer.start(theirs("v2", "one", (0, 0)))
    waiting = ours("v2", "one", "restart-by-peer", (0, 0))
    one = msgspec.structs.replace(waiting, initiator="response-only")
    gateway.want(one)
    gateway.start()
    gateway.wait(one, lambda status: status.reason is not None)  # it waits for the peer
    peer.initiate("one")
    gateway.wait_applied(one)
    with silenced(peer.host):
        gateway.wait(one, found_dead)
    assert gateway.sas(one) == ()
    come_back(surroundings, "one")
    gateway.wait_applied(one)
    wait_until(lambda: ping(surroundings, (0, 0)), 15, "packets")
