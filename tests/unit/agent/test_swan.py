"""A tunnel in charon's words."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from landbridge.agent.charon.connection_config import secret, target
from landbridge.agent.charon.proposals import (
    AEADS,
    CIPHERS,
    GROUPS,
    INTEGRITY,
    esp_proposal,
    ike_proposal,
)
from landbridge.agent.charon.settings import strongswan_conf
from landbridge.agent.dataplane.dataplane import Backend
from landbridge.agent.errors import Unsupported
from landbridge.agent.tunnels.addresses import selector
from landbridge.agent.tunnels.desired import Target
from landbridge.agent.tunnels.naming import ConfigName
from landbridge.model.objects import Dpd, EspProposal, IkeProposal, Secret, Tunnel
from landbridge.vici import decode, encode
from tests.unit.agent.tunnels import ID, tunnel

BASE = tunnel()

BETWEEN_GATEWAYS: dict[str, Any] = {
    "local_cidrs": ("198.51.100.1/32",),
    "peer_cidrs": ("198.51.100.2/32",),
}


def ike(**changes: Any) -> IkeProposal:
    return msgspec.structs.replace(BASE.ike, **changes)


def esp(**changes: Any) -> EspProposal:
    return msgspec.structs.replace(BASE.esp, **changes)


def planned(**changes: Any) -> Target:
    return target(tunnel(**changes), Backend.LIBIPSEC)


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


def test_what_is_nobodys_identity_is_this_tunnels_error() -> None:
    with pytest.raises(Unsupported, match="peer_id '%any' can be nobody's identity"):
        target(tunnel(peer_id="%any"), Backend.NETLINK)


def test_selectors_are_canonical() -> None:
    assert selector("10.1.0.9/24") == "10.1.0.0/24"


def test_names_tell_the_configuration() -> None:
    parsed = ConfigName.parse(planned().name)
    assert parsed is not None
    assert parsed.tunnel_id == ID
    assert ConfigName.parse("site-a") is None


#: What makes another IKE configuration, and what another child.
IKE_CHANGES: tuple[dict[str, Any], ...] = (
    {"peer_address": "198.51.100.9"},
    {"local_id": "a"},
    {"peer_id": "b"},
    {"psk_generation": 2},
    {"ike": ike(lifetime=7200)},
    {"dpd": Dpd(action="hold", interval=20, timeout=120)},
    {"dpd": Dpd(action="disabled", interval=30, timeout=120)},
)
CHILD_CHANGES: tuple[dict[str, Any], ...] = (
    {"esp": esp(lifetime=7200)},
    {"esp": esp(integrity="sha1")},
    {"peer_cidrs": ("10.9.0.0/24",)},
)
NO_CHANGES: tuple[dict[str, Any], ...] = (
    {"name": "other"},
    {"revision": 9},
    {"mtu": 1300},
    {"initiator": "response-only"},
    {"dpd": Dpd(action="restart", interval=30, timeout=120)},
    {"dpd": Dpd(action="hold", interval=30, timeout=121)},  # the agent's to heed
    {"ike": ike(mode="aggressive")},  # means nothing with IKEv2
    {"psk": Secret(value="the same generation")},
)


def child_names(wanted: Target) -> list[str]:
    return [child.name for child in wanted.children]


@pytest.mark.parametrize("change", IKE_CHANGES)
def test_a_change_of_ike_makes_another_ike_configuration(change: dict[str, Any]) -> None:
    assert planned(**change).name != planned().name
    assert child_names(planned(**change)) == child_names(planned())


@pytest.mark.parametrize("change", CHILD_CHANGES)
def test_a_change_of_ipsec_makes_another_child(change: dict[str, Any]) -> None:
    assert planned(**change).name == planned().name
    assert child_names(planned(**change)) != child_names(planned())


@pytest.mark.parametrize("change", NO_CHANGES)
def test_the_rest_changes_nothing(change: dict[str, Any]) -> None:
    assert planned(**change).digest == planned().digest
    assert planned(**change).name == planned().name


@pytest.mark.parametrize(
    "change", [{"ike": ike(version="v1", mode="aggressive")}, {"psk_generation": 2}]
)
def test_what_ikev1_heeds_makes_another_ike_configuration(change: dict[str, Any]) -> None:
    assert (
        planned(**{"ike": ike(version="v1"), **change}).name != planned(ike=ike(version="v1")).name
    )


def test_what_charon_takes_for_equal_differs_in_over_time() -> None:
    made = [
        planned(
            ike=ike(version="v1"),
            psk_generation=psk,
            dpd=Dpd(action="hold", interval=30, timeout=silence),
        )
        for psk, silence in ((1, 120), (2, 120), (1, 121), (3, 120))
    ]
    assert len({str(each.connection["over_time"]) for each in made}) == 4
    assert len({each.name for each in made}) == 4


def test_the_order_of_cidrs_means_nothing() -> None:
    one, other = "10.2.0.0/24", "10.2.1.0/24"
    assert planned(peer_cidrs=(one, other)).digest == planned(peer_cidrs=(other, one)).digest


@pytest.mark.parametrize(
    ("changes", "keys"),
    [
        ({}, 1),
        ({"split_selector": True}, 4),
        ({"ike": ike(version="v1")}, 4),
    ],
)
def test_children_by_mode(changes: dict[str, Any], keys: int) -> None:
    local, peer = ("10.1.0.0/24", "10.1.1.0/24"), ("10.2.0.0/24", "10.2.1.0/24")
    wanted = planned(local_cidrs=local, peer_cidrs=peer, **changes)
    assert len({child.key for child in wanted.children}) == keys
    assert len(wanted.pairs) == 4


def test_the_psk_is_in_the_secret_alone() -> None:
    made: Tunnel = tunnel(psk=Secret(value='Tr0ub"4dor}\n{'))
    message = secret(made)
    assert message["data"] == 'Tr0ub"4dor}\n{'
    wanted = target(made, Backend.LIBIPSEC)
    assert b"4dor" not in msgspec.json.encode(wanted)
    assert decode(encode(message)) == message
    assert decode(encode(wanted.connection)) == wanted.connection


@pytest.mark.parametrize("backend", list(Backend))
def test_charons_own_file_holds_values_of_ours(backend: Backend, tmp_path: Any) -> None:
    text = strongswan_conf(tmp_path, backend)
    assert text.count("{") == text.count("}")
    assert f"unix://{tmp_path}/vici" in text
    assert ("kernel-libipsec" in text) is (backend is Backend.LIBIPSEC)
