"""Connections of one router that a peer cannot tell apart, their peer, and packets of each."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from landbridge.lab.hosts import wait_until
from landbridge.lab.peer import PeerChild, PeerConnection
from landbridge.lab.traffic import Traffic
from landbridge.model.status import ReasonCode, TunnelStatus
from landbridge.model.tunnel import Tunnel
from tests.gateway.conftest import (
    LOCAL_CIDRS,
    PEER_CIDRS,
    Surroundings,
    peer_connection,
)
from tests.gateway.gateway import Gateway, changed, tunnel

BOTH = pytest.mark.parametrize("version", ["v1", "v2"])
#: By index of the CIDRs: what each of three connections carries, the owner's first.
PAIRS = ((0, 0), (1, 1), (0, 1))
NAMES = ("owner", "attached", "other")


def peer_of_all(version: str, **fields: Any) -> PeerConnection:
    made = tuple(
        PeerChild(name, PEER_CIDRS[peer], LOCAL_CIDRS[local])
        for name, (local, peer) in zip((*NAMES, "fourth"), (*PAIRS, (1, 0)), strict=True)
    )
    return replace(peer_connection(version=int(version[1])), children=made, **fields)


def of(pair: tuple[int, int], version: str, **fields: Any) -> Tunnel:
    local, peer = pair
    cidrs = {"local_cidrs": (LOCAL_CIDRS[local],), "peer_cidrs": (PEER_CIDRS[peer],)}
    return tunnel(version, **{**cidrs, **fields})


class Family:
    """Connections to one peer that are up, and packets of each."""

    def __init__(
        self, surroundings: Surroundings, gateway: Gateway, version: str, number: int = 3
    ) -> None:
        self.around, self.gateway = surroundings, gateway
        surroundings.remote.peer.start(peer_of_all(version))
        self.tunnels = [of(pair, version) for pair in PAIRS[:number]]
        gateway.want(*self.tunnels)
        gateway.start()
        gateway.wait_applied(*self.tunnels)
        wait_until(lambda: all(map(self.carries, range(number))), 15, "packets of all")

    def carries(self, index: int) -> bool:
        local, peer = PAIRS[index]
        return self.around.host.ping(f"10.2.{peer}.10", source=f"10.1.{local}.10")

    def traffic(self, *indexes: int) -> Traffic:
        return Traffic([self.around.flow(NAMES[index], *PAIRS[index]) for index in indexes])

    def children(self, *indexes: int) -> list[set[int]]:
        return [self.gateway.children(self.tunnels[index]) for index in indexes]

    def change(self, index: int, **changes: Any) -> Tunnel:
        self.tunnels[index] = changed(self.tunnels[index], **changes)
        self.gateway.want(self.tunnels[index])
        return self.tunnels[index]


def refused(status: TunnelStatus) -> bool:
    reason = status.reason
    return reason is not None and reason.code is ReasonCode.COLLISION
