"""The surroundings of a gateway under test: wires, an inside host, a foreign peer.

The gateway itself (its router namespace and charon) is the agent's to make (`gateway`): it gets
`surroundings.uplink` and `surroundings.inside` as the bridges of its two networks.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from landbridge.lab.delay import long_wire
from landbridge.lab.hosts import Ground, Host
from landbridge.lab.peer import PeerChild, PeerConnection
from landbridge.lab.site import RemoteSite, remote_site
from landbridge.lab.traffic import End, Flow
from tests import dataplane

if TYPE_CHECKING:
    from tests.gateway.gateway import Gateway

ROUTER_OUTSIDE = "198.51.100.1"
ROUTER_INSIDE = "10.1.0.1"
LOCAL_CIDRS = ("10.1.0.0/24", "10.1.1.0/24")
PEER_OUTSIDE = "198.51.100.2"
PEER_CIDRS = ("10.2.0.0/24", "10.2.1.0/24")
PSK = "correct horse battery staple"
ROUND_TRIP = 0.1


@dataclass(frozen=True)
class Surroundings:
    """Two bridges, `host` on the inside one, and a remote site on the uplink.

    The router to be has ROUTER_OUTSIDE/24 on `uplink` and ROUTER_INSIDE/16 on `inside`;
    `host` has the tenth address of both LOCAL_CIDRS, `remote.host` of both PEER_CIDRS.
    """

    ground: Ground
    uplink: str
    inside: str
    host: Host
    remote: RemoteSite

    def flow(self, name: str = "tunnel", local: int = 0, peer: int = 0) -> Flow:
        """Packets between the tenth addresses of two CIDRs, chosen by their index."""
        return Flow(
            name,
            End(self.host.name, f"10.1.{local}.10"),
            End(self.remote.host.name, f"10.2.{peer}.10"),
        )

    def ping(self, peer: int = 0, *, count: int = 1) -> bool:
        return self.host.ping(f"10.2.{peer}.10", count=count)


@pytest.fixture
def surroundings(ground: Ground, tmp_path: Path) -> Surroundings:
    return surroundings_on(ground, tmp_path, ground.bridge("up"))


@pytest.fixture
def farsurroundings_on(ground: Ground, tmp_path: Path) -> Surroundings:
    """As `surroundings`, with ROUND_TRIP seconds to the peer and back."""
    there = ground.bridge("far")
    around = surroundings_on(ground, tmp_path, there)
    here = ground.bridge("up")
    long_wire(ground, here, there, ROUND_TRIP / 2)
    return replace(around, uplink=here)


@pytest.fixture
def gateway(surroundings: Surroundings, tmp_path: Path) -> Iterator[Gateway]:
    """Not started yet; a test first says what is wanted."""
    from tests.gateway.gateway import Gateway  # it is built on what stands above

    made = Gateway(surroundings, tmp_path / "gw")
    try:
        yield made
    finally:
        made.close()


def surroundings_on(ground: Ground, tmp_path: Path, uplink: str) -> Surroundings:
    inside = ground.bridge("in")
    host = ground.host("site-a")
    ground.attach(host, inside, "eth0", "10.1.0.10/16", "10.1.1.10/16")
    host.route("default", ROUTER_INSIDE)
    remote = remote_site(
        ground,
        tmp_path / "peer",
        uplink=uplink,
        outside=f"{PEER_OUTSIDE}/24",
        inside=("10.2.0.1/16", "10.2.1.1/16"),
        host=("10.2.0.10/16", "10.2.1.10/16"),
        names=("peer-b", "site-b"),
        routes=("10.1.0.0/16",),
        data_plane=dataplane.wanted(),
    )
    return Surroundings(ground, uplink, inside, host, remote)


def peer_connection(
    name: str = "site-a", *, version: int = 2, psk: str = PSK, pairs: tuple[int, ...] = (0,)
) -> PeerConnection:
    """What the remote side has for us: one child per index of LOCAL_CIDRS and PEER_CIDRS."""
    children = tuple(
        PeerChild(f"{name}-{index}", PEER_CIDRS[index], LOCAL_CIDRS[index]) for index in pairs
    )
    return PeerConnection(name, PEER_OUTSIDE, ROUTER_OUTSIDE, psk, children, version=version)
