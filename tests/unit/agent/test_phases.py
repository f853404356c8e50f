"""What a managed tunnel can be: the tables are whole, and no order of events leaves them."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from landbridge.agent.charon.client import ViciClient
from landbridge.agent.dataplane.dataplane import Backend
from landbridge.agent.dns.addressbook import Place
from landbridge.agent.errors import StepRefused
from landbridge.agent.plan.planner import plan
from landbridge.agent.reconcile.index import TunnelIndex
from landbridge.agent.reconcile.phases import (
    FOLLOWS,
    PERMITS,
    PHASES,
    Mover,
    Phase,
    Steps,
    Told,
    may_follow,
)
from landbridge.agent.reconcile.tunnel import LASTING, ManagedTunnel
from landbridge.agent.tunnels import steps as do
from landbridge.agent.tunnels.presence import Ends
from landbridge.model.router import Leg, Router
from landbridge.model.status import TunnelState
from landbridge.model.tunnel import Dpd, Secret
from tests.unit.agent.house import FakeCharon
from tests.unit.agent.tunnels import tunnel

ONE, OTHER = "one", "other"


def router(uplink: bool) -> Router:
    leg = Leg(
        network_id="n",
        network_name="public",
        port_id="p",
        mac_address="02:00:00:00:00:01",
        addresses=(f"{tunnel().local_address}/24",),
        admin_state_up=uplink,
    )
    return Router(id="r", name="", revision=1, admin_state_up=True, uplink=leg, inside=())


ROUTERS = {up: router(up) for up in (True, False)}


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class Stage:
    """Two tunnels of one router over a charon that does at once what it is asked, unless it
    refuses. After each event both are held to the table of what may follow."""

    def __init__(self) -> None:
        self.clock, self.charon = Clock(), FakeCharon()
        self.control = ViciClient(self.charon)  # type: ignore[arg-type]
        self.index = TunnelIndex(Backend.LIBIPSEC, lambda _: None)
        for each in (ONE, OTHER):
            self.index._tunnels[each] = ManagedTunnel(each, Backend.LIBIPSEC, self.clock)
        self.phases = {ONE: Phase.REMOVING, OTHER: Phase.REMOVING}
        self.seen = {Phase.REMOVING}
        self.revision = 0
        self.refuses = False
        self.router: Router | None = None
        self.places: dict[str, Place | None] = {}

    def managed(self, tunnel_id: str) -> ManagedTunnel:
        found = self.index.get(tunnel_id)
        assert found is not None
        return found

    def held(self, mover: Mover, tunnel_id: str) -> None:
        """`mover` has moved the tunnel; whatever moved the other one was its neighbour."""
        for each, before in tuple(self.phases.items()):
            moved = each == tunnel_id or mover is Mover.TIME
            by = mover if moved else Mover.OTHERS
            after = self.managed(each).phase
            assert may_follow(before, by, after), f"{each}: {before} -> {after} by {by}"
            self.phases[each] = after
            self.seen.add(after)
            self.check_told(self.managed(each), after)

    def check_told(self, managed: ManagedTunnel, phase: Phase) -> None:
        """What is told is what the table says."""
        status = managed.current_status(0.0)
        assert (status is None) == (managed.facts.wanted.tunnel is None)
        if status is None:
            return
        told = PERMITS[phase].told
        assert (status.state is TunnelState.ERROR) == (told is Told.ERROR)
        settled = status.state is TunnelState.UP and status.applied_revision == status.revision
        if phase not in {Phase.REJECTED, Phase.DEFERRED, Phase.UNRESOLVED}:
            assert settled == (phase is Phase.UP)

    # Events -------------------------------------------------------------------------------

    def want(self, tunnel_id: str, changes: dict[str, Any] | None, place: Place | None) -> None:
        self.revision += 1
        made = None
        if changes is not None:
            usual = {"id": tunnel_id, "revision": self.revision, "peer_id": "b.example.com"}
            made = tunnel(**{**usual, **changes})
        self.places[tunnel_id] = place
        self.index.want(tunnel_id, made, place, self.router)
        self.held(Mover.DESIRED, tunnel_id)

    def switch(self, uplink: bool) -> None:
        """The router's uplink."""
        self.router = ROUTERS[uplink]
        for each in (ONE, OTHER):
            wanted = self.managed(each).facts.wanted
            place = self.places.get(each)
            if wanted.asked is not None:
                self.index.want(each, wanted.asked, place, self.router)
                self.held(Mover.DESIRED, each)

    def resolve(self, tunnel_id: str, place: Place) -> None:
        """The last known address is kept: no name loses it."""
        wanted = self.managed(tunnel_id).facts.wanted
        asked, lost = wanted.asked, place.address is None and wanted.unresolved is None
        if asked is not None and asked.peer_address == "b.example.net" and not lost:
            self.places[tunnel_id] = place
            self.index.want(tunnel_id, asked, place, self.router)
            self.held(Mover.NAME, tunnel_id)

    async def look(self, tunnel_id: str) -> ManagedTunnel:
        managed = self.managed(tunnel_id)
        self.control.serve(tunnel_id, *managed.served_by)
        self.index.observe(managed, await self.control.look(tunnel_id), self.clock.now)
        managed.begin_pass(self.control.loaded(tunnel_id), self.clock.now)
        self.held(Mover.OBSERVED, tunnel_id)
        return managed

    async def work(self, tunnel_id: str) -> None:
        """A pass: a look, and the steps that its phase permits."""
        managed = await self.look(tunnel_id)
        permitted, facts = managed.permits.steps, managed.facts
        steps = () if permitted is Steps.NONE else plan(
            facts.candidate.target if permitted is Steps.RUN else None,
            facts.actual,
            self.control.loaded(tunnel_id),
            facts.attempts,
            allowed=self.index.allowed(managed),
            now=self.clock.now,
        )  # fmt: skip
        for step in steps:
            if isinstance(step, do.Wait):
                continue
            if self.refuses:
                managed.failed("charon refuses load-conn: no", 0.0)
                self.held(Mover.STEP, tunnel_id)
                return
            wanted, tried = managed.facts.target, managed.facts.candidate
            try:
                await self.control.take(step, tried.tunnel, tried.target)
            except StepRefused as error:
                managed.failed(str(error), 0.0)
            else:
                managed.stepped(step, self.clock.now, wanted, tried)
            self.held(Mover.STEP, tunnel_id)

    def lose(self, tunnel_id: str) -> None:
        """The peer is gone: charon has nothing of it any more, and says so."""
        self.charon.sas = [sa for sa in self.charon.sas if not sa.name.startswith(tunnel_id)]
        managed = self.managed(tunnel_id)
        gone = frozenset(child.unique_id for child in managed.facts.actual.carrying)
        managed.ended(Ends(ended=gone))
        managed.peer_died()
        self.held(Mover.HEARD, tunnel_id)

    def wait(self, seconds: float) -> None:
        self.clock.now += seconds
        self.held(Mover.TIME, ONE)


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
