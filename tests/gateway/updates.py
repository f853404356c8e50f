"""Updates of a tunnel: what changes with us, and with the peer; and a sibling beside it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import msgspec

from landbridge.lab.peer import PeerChild, PeerConnection
from landbridge.model.tunnel import Dpd, Secret, Tunnel
from tests.gateway.conftest import LOCAL_CIDRS, PEER_CIDRS, PEER_OUTSIDE, peer_connection
from tests.gateway.gateway import tunnel

OTHER_PEER_OUTSIDE = "198.51.100.3"
SIBLING_IDS = ("sibling-a.example.com", "sibling-b.example.com")


def sibling() -> Tunnel:
    return tunnel(
        local_id=SIBLING_IDS[0],
        peer_id=SIBLING_IDS[1],
        local_cidrs=LOCAL_CIDRS[1:],
        peer_cidrs=PEER_CIDRS[1:],
    )


def sibling_peer() -> PeerConnection:
    return replace(
        peer_connection("sibling", pairs=(1,)), local_id=SIBLING_IDS[1], remote_id=SIBLING_IDS[0]
    )


def ike(**values: Any) -> Callable[[Tunnel], dict[str, Any]]:
    return lambda old: {"ike": msgspec.structs.replace(old.ike, **values)}


def esp(**values: Any) -> Callable[[Tunnel], dict[str, Any]]:
    return lambda old: {"esp": msgspec.structs.replace(old.esp, **values)}


def plain(**values: Any) -> Callable[[Tunnel], dict[str, Any]]:
    return lambda _: values


def children(**values: Any) -> Callable[[PeerConnection], dict[str, Any]]:
    return lambda old: {"children": tuple(replace(child, **values) for child in old.children)}


def fields(**values: Any) -> Callable[[PeerConnection], dict[str, Any]]:
    return lambda _: values


#: One after the other on the same tunnel: what changes with us, and with the peer before.
UPDATES: tuple[tuple[str, Callable[[Tunnel], dict[str, Any]], Any], ...] = (
    ("esp encryption", esp(encryption="aes-256"), children(esp_proposals="aes256-sha256-modp2048")),
    ("esp integrity", esp(integrity="sha512"), children(esp_proposals="aes256-sha512-modp2048")),
    ("pfs", esp(pfs_group="group19"), children(esp_proposals="aes256-sha512-ecp256")),
    ("esp lifetime", esp(lifetime=1800), None),
    ("ike encryption", ike(encryption="aes-256"), fields(proposals="aes256-sha256-modp2048")),
    ("ike group", ike(dh_group="group19"), fields(proposals="aes256-sha256-ecp256")),
    ("ike lifetime", ike(lifetime=7200), None),
    ("dpd interval", plain(dpd=Dpd(action="hold", interval=20, timeout=120)), None),
    ("dpd timeout", plain(dpd=Dpd(action="hold", interval=20, timeout=90)), None),
    ("psk", plain(psk=Secret(value="new"), psk_generation=2), fields(psk="new")),
    ("peer id", plain(peer_id="b.example.com"), fields(local_id="b.example.com")),
    ("local id", plain(local_id="a@example.com"), fields(remote_id="a@example.com")),
    (
        "peer address",
        plain(peer_address=OTHER_PEER_OUTSIDE),
        fields(local=f"{PEER_OUTSIDE},{OTHER_PEER_OUTSIDE}"),
    ),
)
#: What touches no SA at all.
FREE: tuple[tuple[str, dict[str, Any]], ...] = (
    ("name", {"name": "another"}),
    ("mtu", {"mtu": 1300}),
    ("dpd action", {"dpd": Dpd(action="restart", interval=30, timeout=120)}),
    ("initiator", {"initiator": "response-only"}),
)


def pairs_peer(version: str, *pairs: tuple[int, int]) -> PeerConnection:
    """One child per pair of (local, peer) CIDRs, in our words."""
    made = tuple(
        PeerChild(f"c{local}{remote}", PEER_CIDRS[remote], LOCAL_CIDRS[local])
        for local, remote in pairs
    )
    return replace(peer_connection(version=int(version[1])), children=made)
