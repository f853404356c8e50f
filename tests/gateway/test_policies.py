"""Algorithms that really carry packets, and refusals that are told as what they are."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import msgspec
import pytest

from landbridge.agent.charon.proposals import esp_proposal, ike_proposal
from landbridge.lab.hosts import wait_until
from landbridge.model.status import ReasonCode
from tests.gateway.conftest import Surroundings, peer_connection
from tests.gateway.gateway import Gateway, changed, tunnel

pytestmark = pytest.mark.gateway

#: (encryption, integrity) of both policies, (IKE group, PFS group).
ALGORITHMS = (
    ("3des", "sha1", "group2", "group5"),
    ("aes-192", "sha384", "group15", "group16"),
    ("aes-256-ctr", "sha512", "group19", "group20"),
    ("aes-128-ccm-8", "aes-xcbc", "group21", "group24"),
    ("aes-192-ccm-12", "aes-cmac", "group28", "group30"),
    ("aes-256-gcm-16", "sha256", "group31", "group31"),
)


def test_algorithms_carry_packets(surroundings: Surroundings, gateway: Gateway) -> None:
    peer = surroundings.remote.peer
    peer.start(peer_connection())
    wanted = tunnel()
    gateway.want(wanted)
    gateway.start()
    gateway.wait_applied(wanted)
    for encryption, integrity, group, pfs in ALGORITHMS:
        words = {"encryption": encryption, "integrity": integrity}
        ike = msgspec.structs.replace(wanted.ike, dh_group=group, **words)
        esp = msgspec.structs.replace(wanted.esp, pfs_group=pfs, **words)
        (child,) = peer.connections[0].children
        peer.change(
            "site-a",
            proposals=ike_proposal(ike),
            children=(replace(child, esp_proposals=esp_proposal(esp, "v2")),),
        )
        wanted = changed(wanted, ike=ike, esp=esp)
        gateway.want(wanted)
        gateway.wait_applied(wanted)
        wait_until(surroundings.ping, 15, f"packets with {words}")


#: What the peer has otherwise than we, and the code as initiator and as responder, by version.
REFUSALS: tuple[tuple[str, dict[str, Any], dict[str, ReasonCode]], ...] = (
    (
        "ike",
        {"proposals": "aes256-sha512-modp3072"},
        {"any": ReasonCode.IKE_PROPOSAL_MISMATCH},
    ),
    (
        "esp",
        {"esp_proposals": "aes256-sha512-modp3072"},
        {"any": ReasonCode.IPSEC_PROPOSAL_MISMATCH},
    ),
    (
        "selectors",
        {"local_ts": "10.9.0.0/24"},
        {"any": ReasonCode.TRAFFIC_SELECTOR_MISMATCH},
    ),
    (
        "psk",
        {"psk": "other"},
        {
            "v2 bi-directional": ReasonCode.AUTHENTICATION_FAILED,
            "any": ReasonCode.PSK_MISMATCH,
        },
    ),
    (
        "peer id",
        {"local_id": "b.example.com"},
        {
            "v2 bi-directional": ReasonCode.AUTHENTICATION_FAILED,
            "any": ReasonCode.PEER_ID_MISMATCH,
        },
    ),
)


@pytest.mark.parametrize("version", ["v1", "v2"])
@pytest.mark.parametrize("initiator", ["bi-directional", "response-only"])
def test_refusals_are_told_as_what_they_are(
    surroundings: Surroundings, gateway: Gateway, version: str, initiator: str
) -> None:
    peer = surroundings.remote.peer
    agreed = peer_connection(version=int(version[1]))
    peer.start(agreed)
    wanted = tunnel(version, initiator=initiator, admin_state_up=False)
    gateway.want(wanted)
    gateway.start()
    told = {}
    for what, differences, codes in REFUSALS:
        wanted = changed(wanted, admin_state_up=False)
        gateway.want(wanted)
        gateway.wait(wanted, lambda s: s.applied_revision == s.revision)
        peer.load(_with(agreed, differences))
        wanted = changed(wanted, admin_state_up=True)
        gateway.want(wanted)
        gateway.wait(wanted, lambda _: True)
        if initiator == "response-only":
            peer.swanctl("--initiate", "--child", "site-a-0", "--timeout", "-1")
        expected = codes.get(f"{version} {initiator}", codes["any"])
        status = gateway.wait(
            wanted,
            lambda s, expected=expected: s.reason is not None and s.reason.code is expected,  # type: ignore[misc]  # bound now
            8,
        )
        assert status.reason is not None
        told[what] = status.reason.message
    assert all("{" not in message for message in told.values())


def _with(agreed: Any, differences: dict[str, Any]) -> Any:
    child = {key: each for key, each in differences.items() if key in ("esp_proposals", "local_ts")}
    rest = {key: each for key, each in differences.items() if key not in child}
    return replace(agreed, children=(replace(agreed.children[0], **child),), **rest)
