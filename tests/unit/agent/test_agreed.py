"""A refusal tells one thing where one is known: of a peer that agreed before, of an AEAD cipher."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from landbridge.agent.dataplane.dataplane import Backend
from landbridge.agent.reconcile.diagnosis import _forced
from landbridge.agent.status.causes import cause
from landbridge.agent.tunnels.listed import ListedIke
from landbridge.model.tunnel import Tunnel
from tests.unit.agent.tunnels import tunnel

FAILED = "received AUTHENTICATION_FAILED notify error"
NO_PROPOSAL = "received NO_PROPOSAL_CHOSEN notify error"
NO_CHILD = "received NO_PROPOSAL_CHOSEN notify, no CHILD_SA built"


def words(line: str, of: Tunnel, agreed: Tunnel | None = None, *, established: bool = False) -> str:
    told = cause(line, of, agreed=agreed, established=established)
    assert told is not None
    return told.reason.message


def other(**ike: Any) -> Tunnel:
    return msgspec.structs.replace(tunnel(), ike=msgspec.structs.replace(tunnel().ike, **ike))


CHANGES = [
    (FAILED, tunnel(psk_generation=2), "does not take our new PSK yet"),
    (FAILED, tunnel(local_id="a.example"), "our new ID 'a.example'"),
    (FAILED, tunnel(peer_id="b.example"), "its own ID is not 'b.example' (host name) yet"),
    (NO_PROPOSAL, other(encryption="aes-256"), "new IKE proposal (aes-256, sha256, group14) yet"),
    (NO_PROPOSAL, other(dh_group="group20"), "new IKE proposal (aes-128, sha256, group20) yet"),
    (NO_PROPOSAL, other(version="v1"), "does not speak IKEv1 in main mode with us yet"),
]


@pytest.mark.parametrize(("line", "now", "said"), CHANGES, ids=[each[2] for each in CHANGES])
def test_one_thing_that_has_changed_is_told(line: str, now: Tunnel, said: str) -> None:
    told = words(line, now, tunnel())
    assert said in told
    assert "does not say why" not in told
    assert "does not say why" in words(line, now)  # nothing was agreed to before


def test_where_more_has_changed_or_nothing_all_is_possible() -> None:
    assert "does not say why" in words(FAILED, tunnel(), tunnel())
    both = tunnel(psk_generation=2, local_id="a.example")
    assert "does not say why" in words(FAILED, both, tunnel())
    assert "does not say why" in words(FAILED, tunnel(peer_address="198.51.100.9"), tunnel())
    assert "does not say why" in words(NO_PROPOSAL, tunnel(psk_generation=2), tunnel())


@pytest.mark.parametrize("cipher", ["aes-256-gcm-16", "aes-128-ccm-8"])
def test_a_cipher_with_its_own_integrity_has_no_other(cipher: str) -> None:
    """Beside it an IKE policy names the PRF, an IPsec policy nothing."""
    ike, esp = (msgspec.structs.replace(each, encryption=cipher)
                for each in (tunnel().ike, tunnel().esp))  # fmt: skip
    wanted = msgspec.structs.replace(tunnel(), ike=ike, esp=esp)
    assert f"(esp: {cipher}, PFS group14)" in words(NO_CHILD, wanted, established=True)
    first = words(NO_PROPOSAL, wanted)
    assert f"({cipher}, PRF sha256, group14: encryption, PRF or Diffie-Hellman group" in first
    assert "integrity" not in first
    assert "encryption, integrity or" in words(NO_PROPOSAL, tunnel())


def test_encapsulation_that_is_forced_is_no_nat() -> None:
    peer = ListedIke(remote_port=4500, nat_remote="yes")
    assert _forced(peer, Backend.LIBIPSEC)
    assert not _forced(peer, Backend.NETLINK)  # then somebody else has made it necessary
    assert not _forced(msgspec.structs.replace(peer, remote_port=40321), Backend.LIBIPSEC)
