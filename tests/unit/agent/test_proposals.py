"""Proposals in charon's words, and what neither it nor a gateway can do."""

from __future__ import annotations

from typing import Any

import pytest

from landbridge.agent.charon.connection_config import target
from landbridge.agent.charon.proposals import (
    AEADS,
    CIPHERS,
    GROUPS,
    INTEGRITY,
    esp_proposal,
    ike_proposal,
)
from landbridge.agent.dataplane.dataplane import Backend
from landbridge.agent.errors import Unsupported
from landbridge.model.tunnel import EspProposal, IkeProposal
from tests.unit.agent.policies import BETWEEN_GATEWAYS, esp, ike, planned
from tests.unit.agent.tunnels import tunnel


@pytest.mark.parametrize(
    ("policy", "proposal"),
    [
        (ike(), "aes128-sha256-modp2048"),
        (ike(version="v1"), "aes128-sha256-modp2048"),
        (ike(encryption="3des", integrity="sha1", dh_group="group2"), "3des-sha1-modp1024"),
        (ike(encryption="aes-256-gcm-16"), "aes256gcm16-prfsha256-modp2048"),
        (ike(encryption="aes-192-ctr", integrity="aes-xcbc"), "aes192ctr-aesxcbc-modp2048"),
        (ike(encryption="aes-128-ccm-8", integrity="aes-cmac"), "aes128ccm8-prfaescmac-modp2048"),
        (ike(dh_group="group31"), "aes128-sha256-curve25519"),
    ],
)
def test_ike_proposals(policy: IkeProposal, proposal: str) -> None:
    assert ike_proposal(policy) == proposal


@pytest.mark.parametrize(
    ("policy", "proposal"),
    [
        (esp(), "aes128-sha256-modp2048"),
        (esp(encryption="aes-256-gcm-16", integrity="sha512"), "aes256gcm16-modp2048"),
        (esp(protocol="ah", integrity="sha384"), "sha384-modp2048"),
        (esp(encryption="aes-256-ctr", pfs_group="group19"), "aes256ctr-sha256-ecp256"),
    ],
)
def test_esp_proposals(policy: EspProposal, proposal: str) -> None:
    assert esp_proposal(policy, "v2") == proposal


def test_every_word_of_the_api_has_a_proposal() -> None:
    for encryption in (*CIPHERS, *AEADS):
        assert ike_proposal(ike(encryption=encryption))
        assert esp_proposal(esp(encryption=encryption), "v2")
    for integrity in INTEGRITY:
        assert ike_proposal(ike(integrity=integrity))
    for number in (2, 5, *range(14, 32)):
        assert f"group{number}" in GROUPS


@pytest.mark.parametrize(
    "changes",
    [
        {"ike": ike(version="v1", encryption="aes-128-gcm-16")},
        {"ike": ike(version="v1", encryption="aes-128-ctr")},
        {"ike": ike(version="v1", integrity="aes-xcbc")},
        {"ike": ike(version="v1"), "esp": esp(integrity="aes-cmac")},
        {"ike": ike(encryption="rot13")},
        {"esp": esp(pfs_group="group99")},
        {"esp": esp(protocol="ah")},
        {"esp": esp(protocol="ah-esp")},
        {"esp": esp(encapsulation="transport")},
        {"esp": esp(encapsulation="transport"), **BETWEEN_GATEWAYS},
        {"local_cidrs": ()},
        {"peer_cidrs": ("fd00::/64",)},
        {"peer_address": "%any"},
        {"peer_address": "10.0.0.0/8"},
        {"peer_address": "a,b"},
        {"peer_address": "127.0.0.1"},
        {"peer_address": "::ffff:224.0.0.5"},
        {"peer_address": "localhost"},
        {"peer_address": "203.0.113.9", "local_address": "203.0.113.9"},
        {"peer_address": "2001:db8:0:0::9", "local_address": "2001:db8::9"},
        {"local_address": "%defaultroute"},
        {"peer_cidrs": ("10.2.0.0/24[tcp/80]",)},
    ],
)
def test_what_cannot_be_done_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(Unsupported):
        planned(**changes)


def test_the_kernel_can_do_what_userspace_cannot() -> None:
    ah = esp(protocol="ah", encapsulation="transport")
    wanted = target(tunnel(esp=ah, **BETWEEN_GATEWAYS), Backend.NETLINK)
    child, *_ = wanted.connection["children"].values()  # type: ignore[union-attr]  # a section
    assert isinstance(child, dict)
    assert child["ah_proposals"] == ["sha256-modp2048"]
    assert child["mode"] == "transport"


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"local_cidrs": BETWEEN_GATEWAYS["local_cidrs"]},
        {**BETWEEN_GATEWAYS, "peer_address": "198.51.100.9"},
        {**BETWEEN_GATEWAYS, "peer_address": "peer.example.com"},
        {**BETWEEN_GATEWAYS, "peer_cidrs": ("198.51.100.2/32", "10.2.0.0/24")},
    ],
)
def test_transport_mode_of_networks_is_refused_by_its_name(changes: dict[str, Any]) -> None:
    with pytest.raises(Unsupported, match="encapsulation_mode transport carries only packets"):
        target(tunnel(esp=esp(encapsulation="transport"), **changes), Backend.NETLINK)


@pytest.mark.parametrize(
    ("changes", "remedy"),
    [
        ({"esp": esp(protocol="ah")}, "set transform_protocol of the IPsec policy to esp"),
        (
            {"esp": esp(encapsulation="transport"), **BETWEEN_GATEWAYS},
            "set encapsulation_mode of the IPsec policy to tunnel",
        ),
    ],
)
def test_what_userspace_cannot_do_is_said_of_it(changes: dict[str, Any], remedy: str) -> None:
    with pytest.raises(Unsupported, match=remedy) as refused:
        target(tunnel(**changes), Backend.LIBIPSEC)
    assert "kernel-libipsec" in str(refused.value)
    target(tunnel(**changes), Backend.NETLINK)


@pytest.mark.parametrize("backend", Backend)
@pytest.mark.parametrize(
    ("policy", "words"),
    [
        (esp(protocol="ah-esp"), "transform_protocol of the IPsec policy to esp or ah"),
        (esp(encapsulation="transport"), "encapsulation_mode transport carries only packets"),
    ],
)
def test_what_no_gateway_can_do_is_said_in_the_same_words_everywhere(
    backend: Backend, policy: EspProposal, words: str
) -> None:
    with pytest.raises(Unsupported, match=words) as refused:
        target(tunnel(esp=policy), backend)
    assert "libipsec" not in str(refused.value)
