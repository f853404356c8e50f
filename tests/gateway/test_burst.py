"""A thousand updates over two hundred tunnels: the last of each wins."""

from __future__ import annotations

import random
import time
from dataclasses import replace

import msgspec
import pytest

from landbridge.agent.charon.connection_config import target
from landbridge.agent.dataplane.names import inside_interface, namespace_name
from landbridge.lab.hosts import Host
from landbridge.lab.peer import PeerChild, PeerConnection
from landbridge.model.status import TunnelState
from landbridge.model.tunnel import Tunnel
from tests.gateway.conftest import PEER_OUTSIDE, PSK, ROUTER_OUTSIDE, Surroundings
from tests.gateway.gateway import Gateway, changed, tunnel

pytestmark = pytest.mark.gateway

TUNNELS = 200
UPDATES = 1000
ESP = "aes128-sha256-modp2048,aes256-sha256-modp2048,aes128-sha512-modp2048"
VALUES = (
    {"encryption": "aes-128", "integrity": "sha256"},
    {"encryption": "aes-256", "integrity": "sha256"},
    {"encryption": "aes-128", "integrity": "sha512"},
)


def cidrs(number: int) -> tuple[str, str]:
    return f"10.1.{number}.0/24", f"10.2.{number}.0/24"


def ours(number: int) -> Tunnel:
    local, remote = cidrs(number)
    return tunnel(
        local_id=f"a{number}.example.com",
        peer_id=f"b{number}.example.com",
        local_cidrs=(local,),
        peer_cidrs=(remote,),
        ike=msgspec.structs.replace(tunnel().ike, dh_group="group31"),
        esp=msgspec.structs.replace(tunnel().esp, pfs_group="group31"),
    )


def theirs(number: int) -> PeerConnection:
    local, remote = cidrs(number)
    child = PeerChild(f"c{number}", remote, local, esp_proposals=ESP.replace("modp2048", "x25519"))
    made = PeerConnection(f"t{number}", PEER_OUTSIDE, ROUTER_OUTSIDE, PSK, (child,))
    return replace(
        made,
        proposals="aes128-sha256-x25519",
        local_id=f"b{number}.example.com",
        remote_id=f"a{number}.example.com",
    )


def have_addresses(host: Host, interface: str, net: str) -> None:
    """kernel-libipsec wants one in each of its selectors."""
    wanted = (f"addr add {net}.{number}.1/24 dev {interface}\n" for number in range(2, TUNNELS))
    host.run("ip", "-batch", "-", stdin="".join(wanted))


def test_a_burst_of_updates_ends_with_the_last_of_each(
    surroundings: Surroundings, gateway: Gateway
) -> None:
    have_addresses(surroundings.remote.peer.host, "inside", "10.2")
    router = gateway.router
    have_addresses(Host(namespace_name(router.id)), inside_interface(router.inside[0]), "10.1")
    surroundings.remote.peer.start(*(theirs(number) for number in range(TUNNELS)))
    tunnels = [ours(number) for number in range(TUNNELS)]
    dead = tunnel(peer_address="198.51.100.99", peer_id="dead.example.com")
    gateway.want(dead, *tunnels)
    gateway.start()
    began = time.monotonic()
    gateway.wait_applied(*tunnels, patience=60)
    up = time.monotonic() - began
    chance = random.Random(4)  # noqa: S311 - the same burst every time
    began = time.monotonic()
    for _ in range(UPDATES):
        number = chance.randrange(TUNNELS)
        esp = msgspec.structs.replace(tunnels[number].esp, **chance.choice(VALUES))
        tunnels[number] = changed(tunnels[number], esp=esp)
        gateway.want(tunnels[number])
    gateway.wait_applied(*tunnels, patience=60)
    print(f"{TUNNELS} up in {up:.1f} s, {UPDATES} updates in {time.monotonic() - began:.1f} s")
    found = {sa.tunnel_id: [child.name for child in sa.children] for sa in gateway.all_sas()}
    for each in tunnels:
        assert found[each.id] == [target(each, gateway.backend).children[0].name]
    assert gateway.statuses[dead.id].state is TunnelState.BUILDING
