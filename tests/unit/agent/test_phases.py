"""What a managed tunnel can be: the tables are whole, and no order of events leaves them."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from landbridge.agent.dns.addressbook import Place
from landbridge.agent.reconcile.phases import (
    FOLLOWS,
    PERMITS,
    PHASES,
    Mover,
    Phase,
    may_follow,
)
from landbridge.agent.reconcile.tunnel import LASTING
from landbridge.model.tunnel import Dpd, Secret
from tests.unit.agent.stage import ONE, OTHER, Stage
from tests.unit.agent.tunnels import tunnel

V1 = msgspec.structs.replace(tunnel().ike, version="v1")
AH = msgspec.structs.replace(tunnel().esp, protocol="ah")
CHANGES: tuple[dict[str, Any] | None, ...] = (
    {},
    {"peer_cidrs": ("10.2.0.0/24", "10.3.0.0/24")},
    {"peer_cidrs": ("10.9.0.0/24",)},
    {"local_cidrs": ("10.7.0.0/24",), "peer_cidrs": ("10.8.0.0/24",)},
    {"peer_cidrs": ("10.2.0.0/24", "10.3.0.0/24"), "split_selector": True},
    {"initiator": "response-only"},
    {"dpd": Dpd(action="clear", interval=5, timeout=20)},
    {"dpd": Dpd(action="clear", interval=5, timeout=20), "initiator": "response-only"},
    {"ike": V1},
    {"esp": AH},
    {"admin_state_up": False},
    {"psk": Secret(value="another"), "psk_generation": 2},
    {"psk": None, "psk_generation": 7},
    None,
)
NAMED: dict[str, Any] = {"peer_address": "b.example.net"}
PLACES = (
    Place(address=None),
    Place(address=None, failure="no such name"),
    Place(address="198.51.100.2"),
    Place(address="198.51.100.9", failure="no answer"),
)

Event = tuple[str, Any]
IDS = st.sampled_from((ONE, OTHER))
EVENTS: st.SearchStrategy[Event] = st.one_of(
    st.tuples(st.just("want"), st.tuples(IDS, st.sampled_from(CHANGES), st.none())),
    st.tuples(st.just("want"), st.tuples(IDS, st.just(NAMED), st.sampled_from(PLACES))),
    st.tuples(st.just("resolve"), st.tuples(IDS, st.sampled_from(PLACES))),
    st.tuples(st.just("work"), st.tuples(IDS)),
    st.tuples(st.just("work"), st.tuples(IDS)),
    st.tuples(st.just("look"), st.tuples(IDS)),
    st.tuples(st.just("lose"), st.tuples(IDS)),
    st.tuples(st.just("ask"), st.tuples(IDS)),
    st.tuples(st.just("wait"), st.tuples(st.sampled_from((0.1, LASTING, 60.0)))),
    st.tuples(st.just("refuse"), st.tuples(st.booleans())),
    st.tuples(st.just("switch"), st.tuples(st.booleans())),
)


async def play(stage: Stage, events: list[Event]) -> None:
    for name, arguments in events:
        if name == "refuse":
            (stage.refuses,) = arguments
            continue
        done = getattr(stage, name)(*arguments)
        if asyncio.iscoroutine(done):
            await done


FIRST: Event = ("want", (ONE, {}, None))
UP = [FIRST, ("work", (ONE,)), ("work", (ONE,))]
CLEAR: dict[str, Any] = {"dpd": Dpd(action="clear", interval=5, timeout=20)}
SPLIT = {"peer_cidrs": ("10.2.0.0/24", "10.9.0.0/24"), "split_selector": True}
BESIDE = {"peer_cidrs": ("10.9.0.0/24",)}
#: A way into each phase.
WAYS: dict[Phase, list[Event]] = {
    Phase.REMOVING: [*UP, ("want", (ONE, None, None))],
    Phase.RETAINED: [
        *UP,
        ("want", (OTHER, BESIDE, None)),
        *[("work", (each,)) for each in (ONE, OTHER, ONE, OTHER, ONE)],
        ("want", (ONE, None, None)),
    ],
    Phase.OFF: [*UP, ("want", (ONE, {"admin_state_up": False}, None))],
    Phase.UNSUPPORTED: [("want", (ONE, {"esp": AH}, None))],
    Phase.NO_PSK: [("want", (ONE, {"psk": None}, None)), ("look", (ONE,))],
    Phase.DEFERRED: [("want", (OTHER, {}, None)), FIRST],
    Phase.CONFLICTING: [("want", (OTHER, {}, None)), FIRST, ("wait", (LASTING,))],
    Phase.UNRESOLVED: [("want", (ONE, NAMED, PLACES[0]))],
    Phase.CUT_OFF: [*UP, ("switch", (False,))],
    Phase.REJECTED: [FIRST, ("refuse", (True,)), ("work", (ONE,))],
    Phase.UP: UP,
    Phase.UPDATING: [*UP, ("want", (ONE, BESIDE, None))],
    Phase.PARTIAL: [("want", (ONE, SPLIT, None)), ("work", (ONE,)), ("look", (ONE,))],
    Phase.RESTING: [("want", (ONE, CLEAR, None)), *UP[1:], ("lose", (ONE,)), ("look", (ONE,))],
    Phase.WAITING: [("want", (ONE, {"initiator": "response-only"}, None))],
    Phase.CONNECTING: [FIRST],
}


@settings(max_examples=150)
@given(st.sampled_from(tuple(WAYS)), st.lists(EVENTS, max_size=20))
def test_no_order_of_events_leaves_the_table(begins: Phase, events: list[Event]) -> None:
    asyncio.run(play(Stage(), [*WAYS[begins], *events]))


@pytest.mark.parametrize("phase", Phase)
def test_there_is_a_way_into_each_phase(phase: Phase) -> None:
    stage = Stage()
    asyncio.run(play(stage, WAYS[phase]))
    assert stage.managed(ONE).phase is phase


def test_the_tables_name_every_phase() -> None:
    assert {phase for phase, _ in PHASES} == set(Phase) == set(PERMITS)
    assert set(FOLLOWS) == set(Mover)
    reached = {to for rows in FOLLOWS.values() for _, targets in rows for to in targets}
    left = {source for rows in FOLLOWS.values() for sources, _ in rows for source in sources}
    assert reached == left == set(Phase)


@pytest.mark.parametrize(
    ("before", "mover", "after"),
    [
        (Phase.UP, Mover.DESIRED, Phase.CONNECTING),  # a change takes nothing down by itself
        (Phase.CONNECTING, Mover.DESIRED, Phase.UP),  # nor does it bring anything up
        (Phase.UP, Mover.TIME, Phase.UPDATING),
        (Phase.UP, Mover.HEARD, Phase.RESTING),  # before charon says that nothing is up
        (Phase.UNSUPPORTED, Mover.OBSERVED, Phase.CONNECTING),
        (Phase.UP, Mover.OTHERS, Phase.CONFLICTING),  # deferred first
    ],
)
def test_what_may_not_follow(before: Phase, mover: Mover, after: Phase) -> None:
    assert not may_follow(before, mover, after)
