"""The lease: taken, renewed, lost and taken again, in any order of events, on virtual time."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from itertools import pairwise
from pathlib import Path
from typing import Literal

from hypothesis import given, settings
from hypothesis import strategies as st

from landbridge.agent.link.lease import RENEWALS_PER_TTL, LeaseKeeper
from landbridge.model.gateway import Lease
from tests.unit.agent.scriptedserver import ScriptedServer
from tests.virtualtime import others, play, turns

LONG = 60.0  # seconds in which all that is tried again has been
RETRY = 10.0  # the longest pause after a failure
Event = Literal[
    "taken away", "held", "free", "down", "up", "slow", "quick", "told", "objection", "agreement",
    "turn", "second", "minute", "restart",
]  # fmt: skip


class Scene:
    """One agent's lease keeper, which may be ended and made anew on the same files."""

    def __init__(self, state: Path) -> None:
        self.server = ScriptedServer()
        self.announced: list[int] = []
        self._state = state
        self.begin()

    def begin(self) -> None:
        self.lease = LeaseKeeper(
            self.server,  # type: ignore[arg-type]  # it has all that is asked for
            self._state / "epoch",
            "holder",
            {},
            on_lease=self._take,
        )
        self.objects = False
        self._task = asyncio.create_task(self.lease.run())

    def _take(self, lease: Lease) -> None:
        assert not self.objects, "a lease of a database that is not followed"
        self.announced.append(lease.epoch)

    async def end(self) -> None:
        self._task.cancel()
        await asyncio.wait([self._task])
        assert self._task.cancelled()
        assert others() == set()

    async def happen(self, event: Event) -> None:
        server = self.server
        match event:
            case "taken away":
                server.take_lease_away()
            case "held" | "free":
                server.held = event == "held"
            case "down" | "up":
                server.down = event == "down"
            case "slow" | "quick":
                server.delay = 4.0 if event == "slow" else 0.0
            case "told":
                self.lease.lost()
            case "objection" | "agreement":
                self.objects = event == "objection"
                self.lease.hold("another database" if self.objects else "")
            case "turn":
                await turns(1)
            case "second" | "minute":
                await asyncio.sleep(1.0 if event == "second" else 60.0)
            case "restart":
                await self.end()
                self.begin()

    def kept(self) -> str:
        return (self._state / "epoch").read_text().strip()

    def is_held(self) -> bool:
        """Whether who waits for it is let through now."""
        waiting = self.lease.held()
        try:
            waiting.send(None)
        except StopIteration:
            return True
        waiting.close()
        return False


@asynccontextmanager
async def scene() -> AsyncIterator[Scene]:
    with tempfile.TemporaryDirectory() as directory:
        made = Scene(Path(directory))
        try:
            yield made
        finally:
            await made.end()


@settings(deadline=None)
@given(st.lists(st.sampled_from(Event.__args__), max_size=40))  # type: ignore[attr-defined]
def test_in_any_order_there_is_a_lease_in_the_end_and_each_new_one_is_announced(
    events: Sequence[Event],
) -> None:
    async def scenario() -> None:
        async with scene() as made:
            for event in events:
                await made.happen(event)
            for event in ("up", "free", "quick", "agreement", "minute"):
                await made.happen(event)
            assert made.is_held()
            assert made.announced[-1] == made.server.epoch == int(made.kept())
            assert made.announced == sorted(made.announced)

    play(scenario)


def test_it_is_renewed_well_before_it_runs_out() -> None:
    async def scenario() -> None:
        async with scene() as made:
            await asyncio.sleep(10 * made.server.ttl)
            asked = made.server.renewals
            pauses = {later - before for before, later in pairwise(asked)}
            assert pauses == {made.server.ttl / RENEWALS_PER_TTL}
            assert made.announced == [1]  # a renewal is no news

    play(scenario)


def test_while_it_is_lost_nobody_is_let_through_and_then_it_is_another() -> None:
    async def scenario() -> None:
        async with scene() as made:
            await turns(5)
            assert made.is_held()
            made.server.held = True
            made.server.take_lease_away()
            made.lease.lost()
            assert not made.is_held()
            await asyncio.sleep(LONG)
            assert not made.is_held()
            made.server.held = False
            await asyncio.sleep(RETRY)
            assert made.is_held()
            assert made.announced == [1, 3]

    play(scenario)


def test_a_server_that_was_away_for_less_than_the_lease_finds_the_same_one() -> None:
    async def scenario() -> None:
        async with scene() as made:
            await turns(5)
            made.server.down = True
            await asyncio.sleep(LONG)
            assert made.is_held()  # nobody has said that it is lost
            made.server.down = False
            await asyncio.sleep(RETRY)
            assert made.announced == [1]

    play(scenario)


def test_who_is_started_again_goes_on_with_the_same_epoch() -> None:
    async def scenario() -> None:
        async with scene() as made:
            await turns(5)
            await made.happen("restart")
            await turns(5)
            assert made.is_held()
            assert made.announced == [1, 1]  # the new one says everything

    play(scenario)


def test_a_lease_that_was_asked_for_before_the_objection_is_not_taken() -> None:
    async def scenario() -> None:
        async with scene() as made:
            await made.happen("slow")
            await turns(2)
            await asyncio.sleep(3.0)  # the server has answered
            await made.happen("objection")
            await asyncio.sleep(LONG)
            assert not made.is_held()
            assert made.server.holds
            await made.happen("agreement")
            await asyncio.sleep(LONG)
            assert made.is_held()

    play(scenario)
