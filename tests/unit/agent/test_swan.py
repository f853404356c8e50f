"""A tunnel in charon's words: identities, selectors, names."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from landbridge.agent.charon.connection_config import secret, target
from landbridge.agent.charon.settings import strongswan_conf
from landbridge.agent.dataplane.dataplane import Backend
from landbridge.agent.errors import Unsupported
from landbridge.agent.tunnels.addresses import selector
from landbridge.agent.tunnels.desired import Target
from landbridge.agent.tunnels.naming import ConfigName
from landbridge.model.tunnel import Dpd, Secret, Tunnel
from landbridge.vici import decode, encode
from tests.unit.agent.policies import esp, ike, planned
from tests.unit.agent.tunnels import ID, tunnel


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
