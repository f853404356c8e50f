"""Identities with a Libreswan: it comes in where type and text fit, and is told with types where
only the type differs.

Without ESP in the kernel it sets up no CHILD_SA: that both ends have authenticated each other is
seen by the IKE_SA, and by a reason that speaks of nothing before the CHILD_SA.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest

from landbridge.impact.identities import described
from landbridge.lab.hosts import wait_until
from landbridge.lab.peer import PeerConnection
from landbridge.model.tunnel import Tunnel
from tests.gateway.conftest import Surroundings, peer_connection
from tests.gateway.gateway import Gateway, tunnel
from tests.gateway.pluto import Pluto

pytestmark = pytest.mark.gateway

NAME = "C=CH, O=Example, CN=peer"
#: As the API takes an identity, and as ipsec.conf does.
FITTING = (
    ("198.51.100.2", "198.51.100.2"),
    ("peer.example.com", "@peer.example.com"),
    ("admin@example.com", "admin@example.com"),
    ("keyid:site-b", "@[site-b]"),
    ("@[site-b]", "@[site-b]"),
    (NAME, NAME),
    (f"asn1dn:{NAME}", NAME),
)
#: Those whose type alone differs.
ALIKE = (("site-b", "@[site-b]"), ("keyid:site-b", "@site-b"), (f"keyid:{NAME}", NAME))
ESTABLISHED = re.compile(r"(IKE|ISAKMP) SA.* established|established (IKE|ISAKMP) SA")
VERSIONS = pytest.mark.parametrize("version", ["v1", "v2"])
INITIATORS = pytest.mark.parametrize("initiator", ["bi-directional", "response-only"])


@pytest.fixture
def pluto(surroundings: Surroundings, tmp_path: Path) -> Iterator[Pluto]:
    made = Pluto(surroundings.remote.peer.host, tmp_path / "pluto")
    try:
        yield made
    finally:
        made.kill()


def ours(version: str, initiator: str, number: int, peer_id: str) -> Tunnel:
    """Each with a key of its own: none can be taken for another."""
    made = tunnel(version, initiator=initiator, peer_id=peer_id)
    return msgspec.structs.replace(made, local_id=f"gw-{number}.example.com")


def theirs(version: str, number: int, local_id: str) -> PeerConnection:
    made = peer_connection(f"p{number}", version=int(version[1]))
    return replace(made, local_id=local_id, remote_id=f"gw-{number}.example.com")


def authenticated(gateway: Gateway, pluto: Pluto, wanted: Tunnel, name: str) -> None:
    """Both ends have accepted each other."""

    def ours_is_up() -> bool:
        lines = gateway.charon.log.read_text().splitlines()
        return any(f"IKE_SA {wanted.id}" in line and " established " in line for line in lines)

    def theirs_is_up() -> bool:
        lines = pluto.log.read_text().splitlines()
        return any(f'"{name}"' in line and ESTABLISHED.search(line) for line in lines)

    wait_until(ours_is_up, 15, f"we accept {name}")
    wait_until(theirs_is_up, 15, f"{name} accepts us")


@VERSIONS
@INITIATORS
def test_a_libreswan_comes_in_where_type_and_text_fit(
    gateway: Gateway, pluto: Pluto, version: str, initiator: str
) -> None:
    pluto.start()
    gateway.start()
    for number, (typed, written) in enumerate(FITTING):
        pluto.load(theirs(version, number, written))
        wanted = ours(version, initiator, number, typed)
        gateway.want(wanted)
        gateway.wait(wanted, lambda status: status.reason is not None or bool(status.children))
        if initiator == "response-only":
            pluto.initiate(f"p{number}")
        authenticated(gateway, pluto, wanted, f"p{number}")
        gateway.drop(wanted.id)
        pluto.whack("--delete", "--name", f"p{number}")


@VERSIONS
@INITIATORS
@pytest.mark.parametrize("identity", ALIKE)
def test_a_libreswan_whose_type_differs_is_told_so(
    gateway: Gateway, pluto: Pluto, version: str, initiator: str, identity: tuple[str, str]
) -> None:
    typed, written = identity
    pluto.start(theirs(version, 0, written))
    gateway.start()
    wanted = ours(version, initiator, 0, typed)
    gateway.want(wanted)
    gateway.wait(wanted, lambda status: status.reason is not None)
    if initiator == "response-only":
        pluto.initiate("p0")
    gateway.wait(
        wanted,
        lambda status: status.reason is not None and described(typed) in status.reason.message,
    )
