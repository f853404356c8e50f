"""What an error says beside the reference's words: what would be right."""

from __future__ import annotations

from typing import Any

import pytest

from landbridge.api.schema import vpn
from landbridge.api.schema.catalogue import RESOURCES
from landbridge.api.schema.network import ROUTER, SUBNET
from landbridge.api.schema.resource import Resource
from landbridge.api.schema.validate import AlgorithmPolicy, for_create, for_update
from landbridge.auth.caller import Caller
from landbridge.errors import BadRequest

CALLER = Caller(user_id="u", project_id="p", roles=frozenset({"member"}))
NOWHERE = "11111111-2222-3333-4444-555555555555"


def refused(resource: Resource, /, **sent: Any) -> BadRequest:
    with pytest.raises(BadRequest) as raised:
        for_create(resource, {resource.name: sent}, CALLER, AlgorithmPolicy())
    return raised.value


@pytest.mark.parametrize(
    ("resource", "name", "meant"),
    [
        (SUBNET, "network", "network_id"),
        (SUBNET, "gateway", "gateway_ip"),
        (ROUTER, "external_gateway", "external_gateway_info"),
        (vpn.VPNSERVICE, "router", "router_id"),
        (vpn.VPNSERVICE, "subnet", "subnet_id"),
        (vpn.IPSEC_SITE_CONNECTION, "local_ep_group", "local_ep_group_id"),
        (vpn.IPSEC_SITE_CONNECTION, "peer_cidr", "peer_cidrs"),
        (vpn.IPSEC_SITE_CONNECTION, "vpnservice", "vpnservice_id"),
        (vpn.IKEPOLICY, "encryption", "encryption_algorithm"),
        (vpn.ENDPOINT_GROUP, "endpoint", "endpoints"),
    ],
)
def test_the_attribute_that_was_probably_meant(resource: Resource, name: str, meant: str) -> None:
    error = refused(resource, **{name: "a value of its own"})
    assert error.message == f"Unrecognized attribute(s) '{name}'"
    assert error.detail.startswith(f"{name}: did you mean {meant}? A {resource.name} takes ")
    assert "value of its own" not in error.detail


def test_what_is_like_nothing_is_told_what_there_is_and_of_many_a_few() -> None:
    sent = {f"zzzz{number}": 1 for number in range(5000)}
    with pytest.raises(BadRequest) as raised:
        for_update(SUBNET, {"subnet": sent}, CALLER, AlgorithmPolicy())
    assert raised.value.detail.startswith("A subnet takes name, gateway_ip, ")
    assert "cidr" not in raised.value.detail  # not with PUT


@pytest.mark.parametrize("resource", RESOURCES, ids=lambda each: each.name)
def test_all_that_is_missing_is_told_at_once(resource: Resource) -> None:
    required = [each.name for each in resource.attributes if each.required]
    if required:
        error = refused(resource, name="x")
        assert f"Required attribute '{required[0]}' not specified" in error.message
        assert [name for name in required if f"{name} (" not in error.detail] == []


def test_the_words_of_a_choice() -> None:
    error = refused(vpn.IKEPOLICY, encryption_algorithm="aes256")
    assert error.message.startswith(
        "Invalid input for encryption_algorithm. Reason: aes256 is not in valid_values: aes-128, "
    )
    assert error.detail == "Did you mean aes-256?"
    assert refused(vpn.IKEPOLICY, pfs=["x"]).detail == ""
    other = refused(vpn.IKEPOLICY, encryption_algorithm="chacha20poly1305")
    assert "valid_values: aes-128, " in other.message
    assert other.detail == ""
