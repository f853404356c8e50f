"""What an update of each attribute costs, one attribute at a time."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec
import pytest

from landbridge.api.schema.field_types import Dictionary
from landbridge.api.schema.network import ROUTER
from landbridge.api.schema.vpn import VPN
from landbridge.impact.attributes import FACETS, ROWS
from landbridge.impact.impact import impact
from tests.unit.agent.tunnels import tunnel
from tests.unit.impacts import BASE


def updatable() -> Iterator[tuple[str, str]]:
    for resource in VPN:
        for attribute in resource.attributes:
            if not attribute.put:
                continue
            if isinstance(attribute.type, Dictionary):
                for member, *_ in attribute.type.members:
                    yield resource.name, f"{attribute.name}.{member}"
            else:
                yield resource.name, attribute.name


def test_every_attribute_that_can_be_updated_has_a_row() -> None:
    of_router = {row for row in ROWS if row[0] == "router"}
    assert set(updatable()) == set(ROWS) - of_router
    assert of_router <= {("router", each.name) for each in ROUTER.attributes if each.put}
    assert {facet for facets in ROWS.values() for facet in facets} == set(FACETS)


@pytest.mark.parametrize(
    ("version", "row", "change", "cost"),
    [
        ("v2", ("ipsec_site_connection", "mtu"), {"mtu": 1300}, "none"),
        ("v2", ("ipsec_site_connection", "psk"), {"psk_generation": 2}, "replace-ike"),
        ("v1", ("ipsec_site_connection", "peer_id"), {"peer_id": "b"}, "interrupt"),
        ("v2", ("ipsec_site_connection", "peer_id"), {"peer_id": "b"}, "replace-ike"),
        (
            "v1",
            ("ipsec_site_connection", "peer_cidrs"),
            {"peer_cidrs": (*BASE.peer_cidrs, "10.9.0.0/24")},
            "none",
        ),
        (
            "v2",
            ("endpoint_group", "endpoints"),
            {"peer_cidrs": (*BASE.peer_cidrs, "10.9.0.0/24")},
            "replace-child",
        ),
        (
            "v2",
            ("ipsecpolicy", "pfs"),
            {"esp": msgspec.structs.replace(BASE.esp, pfs_group="group19")},
            "replace-child",
        ),
        (
            "v1",
            ("ikepolicy", "phase1_negotiation_mode"),
            {"ike": msgspec.structs.replace(BASE.ike, version="v1", mode="aggressive")},
            "replace-ike",
        ),
        ("v2", ("vpnservice", "admin_state_up"), {"admin_state_up": False}, "interrupt"),
    ],
)
def test_an_attribute_by_itself(
    version: Any, row: tuple[str, str], change: dict[str, Any], cost: str
) -> None:
    before = tunnel(ike=msgspec.structs.replace(BASE.ike, version=version))
    promised = impact(before, msgspec.structs.replace(before, **change), {row})
    (effect,) = promised.attributes
    assert (effect.resource, effect.attribute) == row
    assert effect.disruption == promised.disruption == cost


@pytest.mark.parametrize(
    ("version", "before", "after", "split", "told"),
    [
        ("v1", ("10.2.0.0/24",), ("10.2.0.0/22",), False, True),
        ("v2", ("10.2.0.0/24",), ("10.2.0.0/22",), False, False),  # they share a reqid
        ("v1", ("10.2.0.0/22",), ("10.2.0.0/24",), False, False),
        ("v2", ("10.2.0.0/24",), ("10.2.0.0/22",), True, False),
        ("v2", ("10.2.0.0/24", "10.9.0.0/24"), ("10.2.0.0/22", "10.9.0.0/24"), False, False),
        ("v2", ("10.2.0.0/24", "10.9.0.0/24"), ("10.2.0.0/22", "10.9.0.0/24"), True, True),
        ("v2", ("10.2.0.0/24", "10.2.1.0/24"), ("10.2.0.0/22",), True, True),
        ("v2", ("10.2.0.0/24",), ("10.2.0.0/24", "10.2.1.0/24"), False, False),
    ],
)
def test_what_widening_loses_is_told(
    version: Any, before: tuple[str, ...], after: tuple[str, ...], split: bool, told: bool
) -> None:
    ike = msgspec.structs.replace(BASE.ike, version=version)
    old = tunnel(peer_cidrs=before, split_selector=split, ike=ike)
    promised = impact(old, msgspec.structs.replace(old, peer_cidrs=after))
    (retired,) = [step for step in promised.steps if step.step == "retire-child"]
    assert ("up to one round trip" in retired.about) is told


@pytest.mark.parametrize("version", ["v1", "v2"])
@pytest.mark.parametrize(
    ("change", "lossy"),
    [
        ({"esp": msgspec.structs.replace(BASE.esp, pfs_group="group19")}, True),
        ({"psk_generation": BASE.psk_generation + 1}, True),
        ({"peer_id": "another.example.com"}, True),
        ({"mtu": 1300}, False),
        ({"peer_cidrs": (*BASE.peer_cidrs, "10.9.0.0/24"), "split_selector": True}, False),
    ],
    ids=["child", "ike", "identity", "free", "beside"],
)
def test_what_ikev1_loses_of_ours_is_told(
    version: Any, change: dict[str, Any], lossy: bool
) -> None:
    split = change.get("split_selector", False)
    ike = msgspec.structs.replace(BASE.ike, version=version)
    old = tunnel(ike=ike, split_selector=split)
    promised = impact(old, msgspec.structs.replace(old, **change))
    told = any("computed its keys" in step.about for step in promised.steps)
    assert told is (lossy and version == "v1")


def test_what_no_gateway_hears_of_is_told_when_asked() -> None:
    promised = impact(BASE, BASE, {("ipsec_site_connection", "description")})
    (effect,) = promised.attributes
    assert (effect.changes, effect.disruption) == ("nothing on the gateway", "none")
