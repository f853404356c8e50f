"""What an update of the networks of a router does to the packets of a tunnel."""

from __future__ import annotations

import msgspec
import pytest

from landbridge.impact.passage import Passage, changed, passage
from landbridge.impact.steps import Disruption
from landbridge.model.router import Leg, Router
from tests.unit.agent.tunnels import tunnel

OUTSIDE = Leg(
    network_id="n0", network_name="", port_id="p0", mac_address="fa:16:3e:00:00:00",
    addresses=("203.0.113.10/24", "2001:db8::10/64"), gateways=("203.0.113.1", "2001:db8::1"),
)  # fmt: skip
INSIDE = Leg(
    network_id="n1", network_name="", port_id="p1", mac_address="fa:16:3e:00:00:01",
    addresses=("10.1.0.1/24",),
)  # fmt: skip
ROUTER = Router(id="r", name="r", revision=1, admin_state_up=True, uplink=OUTSIDE, inside=(INSIDE,))
TUNNEL = msgspec.structs.replace(
    tunnel(), local_cidrs=("10.1.0.0/24", "10.2.0.0/24"), peer_address="198.51.100.1"
)


def _with(**changes: object) -> Router:
    return msgspec.structs.replace(ROUTER, **changes)


def _off(leg: Leg) -> Leg:
    return msgspec.structs.replace(leg, admin_state_up=False)


@pytest.mark.parametrize(
    ("router", "peer", "expected"),
    [
        (ROUTER, "198.51.100.1", Passage(frozenset(), frozenset({"203.0.113.1"}))),
        (ROUTER, "2001:db8:1::1", Passage(frozenset(), frozenset({"2001:db8::1"}))),
        (ROUTER, "203.0.113.77", Passage(frozenset(), None)),
        (ROUTER, "gw.example.org", Passage(frozenset(), frozenset(OUTSIDE.gateways))),
        (_with(inside=(_off(INSIDE),)), "203.0.113.77", Passage(frozenset({"10.1.0.0/24"}))),
        (_with(uplink=_off(OUTSIDE)), "203.0.113.77",
         Passage(frozenset({"10.1.0.0/24", "10.2.0.0/24"}))),
        (_with(uplink=None), "198.51.100.1", Passage()),
    ],
)  # fmt: skip
def test_what_passes_a_router(router: Router, peer: str, expected: Passage) -> None:
    assert passage(router, msgspec.structs.replace(TUNNEL, peer_address=peer)) == expected


HOP, NO_HOP = frozenset({"203.0.113.1"}), frozenset[str]()
CUT = frozenset({"10.1.0.0/24"})


@pytest.mark.parametrize(
    ("before", "after", "cost", "words"),
    [
        (Passage(NO_HOP, HOP), Passage(CUT, HOP), Disruption.INTERRUPT, "Let no packet of 10.1"),
        (Passage(CUT, HOP), Passage(NO_HOP, HOP), Disruption.NONE, "pass again"),
        (Passage(CUT, HOP), Passage(CUT, HOP), Disruption.NONE, ""),
        (Passage(NO_HOP, HOP), Passage(NO_HOP, NO_HOP), Disruption.INTERRUPT, "no next hop"),
        (Passage(NO_HOP, HOP), Passage(NO_HOP, frozenset({"203.0.113.2"})), Disruption.NONE,
         "by 203.0.113.2"),
        (Passage(NO_HOP, HOP), Passage(NO_HOP, None), Disruption.NONE, ""),
    ],
)  # fmt: skip
def test_what_a_change_does(before: Passage, after: Passage, cost: Disruption, words: str) -> None:
    told = changed(before, after, "network")
    assert told.disruption is cost
    assert [words in step.about for step in told.steps] == ([True] if words else [])
    assert len(told.attributes) == len(told.steps)
