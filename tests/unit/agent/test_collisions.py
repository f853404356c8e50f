"""What a plan tells of collisions is what the gateway will: the same for any two tunnels."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from landbridge.agent.dataplane.dataplane import Backend
from landbridge.agent.reconcile.index import TunnelIndex
from landbridge.impact.conflicts import Neighbours
from landbridge.model.status import ReasonCode
from landbridge.model.tunnel import Dpd, Secret, Tunnel
from tests.unit.agent.tunnels import tunnel

OTHER = "7b1f6cf5-1d09-4a6c-8f2e-0c1f3d6a9e52"
BASE = tunnel()


def mostly(*values: Any) -> st.SearchStrategy[Any]:
    """The first of them three times as often as all the others together."""
    return st.one_of(*[st.just(values[0])] * 3, st.sampled_from(values))


@st.composite
def tunnels(draw: st.DrawFn) -> Tunnel:
    ike = msgspec.structs.replace(
        BASE.ike,
        version=draw(mostly("v2", "v1")),
        mode=draw(mostly("main", "aggressive")),
        encryption=draw(mostly("aes-128", "aes-256")),
        lifetime=draw(mostly(3600, 3601, 7200)),
    )
    return tunnel(
        admin_state_up=draw(mostly(True, False)),
        peer_address=draw(mostly("198.51.100.2", "198.51.100.3")),
        peer_id=draw(mostly("b.example.com", "B.example.com", "c.example.com")),
        local_id=draw(mostly("a.example.com", "d.example.com")),
        psk=Secret(value=draw(mostly("one", "two"))),
        initiator=draw(mostly("bi-directional", "response-only")),
        dpd=Dpd(action="hold", interval=draw(mostly(30, 10)), timeout=120),
        peer_cidrs=draw(st.sampled_from([("10.2.0.0/24",), ("10.2.0.0/22",), ("10.3.0.0/24",)])),
        ike=ike,
    )


def refused(first: Tunnel, second: Tunnel) -> bool:
    """Whether a gateway that runs `first` refuses `second`."""
    tunnel_index = TunnelIndex(Backend.LIBIPSEC, lambda _: None)
    for each in (first, second):
        tunnel_index.want(each.id, each)
    managed = tunnel_index.get(second.id)
    assert managed is not None
    return (
        managed.facts.attachment.conflict is not None
        and managed.facts.attachment.conflict.code is ReasonCode.COLLISION
    )


@given(tunnels(), tunnels())
def test_a_collision_is_told_where_the_gateway_refuses(first: Tunnel, second: Tunnel) -> None:
    second = msgspec.structs.replace(second, id=OTHER)
    told = Neighbours([first, second]).collisions(second)
    assert bool(told) == refused(first, second)
    assert {each.id for each in told} <= {first.id}
    assert bool(told) == bool(Neighbours([first, second]).collisions(first))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"dpd": Dpd(action="hold", interval=10, timeout=120)}, "its dpd differs"),
        ({"initiator": "response-only"}, "its initiator differs"),
        ({"ike": msgspec.structs.replace(BASE.ike, lifetime=60)}, "its IKE policy differs"),
        ({"psk": Secret(value="s3cret 2")}, "its PSK differs"),
        ({"peer_cidrs": ("10.2.0.0/16",)}, "networks overlap: 10.1.0.0/24 - 10.2.0.0/24"),
        ({"psk": Secret(value="s3cret 2"), "peer_address": "192.0.2.1"}, "same peer ID"),
        ({"router_id": "another"}, None),
        ({}, None),
    ],
)
def test_it_says_what_differs_and_names_the_other(
    changes: dict[str, Any], words: str | None
) -> None:
    usual = {"id": OTHER, "peer_cidrs": ("10.9.0.0/24",)}
    late = tunnel(**{**usual, **changes})
    told = Neighbours([BASE, late]).collisions(late)
    assert [each.id for each in told] == ([BASE.id] if words else [])
    assert all(words in each.message and BASE.id in each.message for each in told if words)
    assert all("s3cret" not in each.message for each in told)  # no secret is told
