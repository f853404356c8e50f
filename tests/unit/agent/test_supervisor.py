"""One router's supervisor on virtual time: namespaces that cannot be made or that somebody deletes,
a task that fails, changes of the router, and its end, in any order."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Literal

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from landbridge.agent.dataplane.namespace import addresses_of
from landbridge.agent.reconcile.statuses import ErrorSource
from landbridge.agent.routers.supervisor import GLANCE, OVERLAP, RECHECK, RouterSupervisor
from landbridge.model.router import Leg, Router
from tests.unit.agent.scriptedhost import FakeNamespaces, FakeRouterTask, ScriptedHost
from tests.virtualtime import others, play, turns

ID = "r1"
OLD, NEW = "198.51.100.1", "198.51.100.9"
RETRY = 10.0  # seconds; the longest pause after a failure
Event = Literal[
    "change", "readdress", "follow", "refuses", "makes", "deleted", "crash", "turn", "glance",
    "minute", "restart",
]  # fmt: skip


def uplink(address: str) -> Leg:
    return Leg(
        network_id="n1",
        network_name="public",
        port_id="p1",
        mac_address="02:00:00:00:00:01",
        addresses=(f"{address}/24",),
    )


class Scene:
    """A host, and one supervisor of router `ID` after the other."""

    def __init__(self, directory: Path) -> None:
        self.host = ScriptedHost(lambda *_: 1)
        self.wanted = Router(
            id=ID, name="r", revision=1, admin_state_up=True, uplink=uplink(OLD), inside=()
        )
        self.directory = directory / "router"
        self.renewed = 0
        self.begin()

    def begin(self) -> None:
        self.task = FakeRouterTask(self.host, self.wanted, lambda _: None, lambda _: None)
        self.supervisor = RouterSupervisor(
            self.wanted,
            self.task,
            namespaces=FakeNamespaces(self.host),  # type: ignore[arg-type]  # all that is asked for
            directory=self.directory,
            renewed=self._renew,
        )
        self._running = asyncio.create_task(self.supervisor.run())

    def want(self, **changes: Leg) -> None:
        revision = self.wanted.revision + 1
        self.wanted = msgspec.structs.replace(self.wanted, revision=revision, **changes)
        self.supervisor.want(self.wanted)

    def addresses(self) -> frozenset[str]:
        return self.host.addresses[ID]

    def _renew(self, router_id: str) -> None:
        assert router_id == ID
        self.renewed += 1

    async def end(self) -> None:
        self._running.cancel()
        await asyncio.wait([self._running])
        assert self._running.cancelled()
        assert others() == set()
        assert self.host.busy() == set()

    async def happen(self, event: Event) -> None:
        match event:
            case "change":
                self.want()
            case "readdress":
                number = self.wanted.revision + 1
                self.want(uplink=uplink(f"198.51.100.{number}"))
            case "follow":  # the tunnels use the newest address
                self.host.used = addresses_of(self.wanted.uplink)
            case "refuses" | "makes":
                self.host.makes = event == "makes"
            case "deleted":
                self.host.namespaces.pop(ID, None)
            case "crash":
                self.task.crash.set()
            case "turn":
                await turns(1)
            case "glance" | "minute":
                await asyncio.sleep(GLANCE if event == "glance" else RECHECK)
            case "restart":
                await self.end()
                self.begin()
        assert self.host.wrong == []

    def is_well(self) -> bool:
        return (
            self.host.namespaces.get(ID) == self.wanted == self.task.router
            and self.host.busy() == {ID}
            and self.task.errors == {}
        )


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
def test_in_any_order_the_router_is_as_wanted_in_the_end(events: Sequence[Event]) -> None:
    async def scenario() -> None:
        async with scene() as made:
            for event in events:
                await made.happen(event)
            await made.happen("makes")
            await made.happen("minute")
            await asyncio.sleep(2 * RETRY)
            assert made.is_well()
            await asyncio.sleep(OVERLAP)
            assert made.addresses() == addresses_of(made.wanted.uplink)

    play(scenario)


def test_being_cancelled_at_any_moment_takes_nothing_away_and_leaves_no_task() -> None:
    """After each number of turns; `end` asserts that no task is left."""

    async def scenario(number: int) -> None:
        async with scene() as made:
            await turns(number)
            stood = dict(made.host.namespaces)
            await made.end()
            assert made.host.namespaces.keys() >= stood.keys()
            made.begin()
            await asyncio.sleep(RETRY)
            assert made.is_well()

    for number in range(30):
        play(partial(scenario, number))


def test_no_task_runs_before_its_namespace_is_there() -> None:
    async def scenario() -> None:
        async with scene() as made:
            await made.happen("refuses")
            for _ in range(10):
                await asyncio.sleep(RETRY)
                assert made.host.busy() == set()
            await made.happen("makes")
            await asyncio.sleep(RETRY + 1.0)
            assert made.is_well()

    play(scenario)


def test_a_change_is_taken_at_once_and_a_namespace_that_is_deleted_missed_within_a_glance() -> None:
    async def scenario() -> None:
        async with scene() as made:
            await asyncio.sleep(1.0)
            assert made.renewed == 1
            await made.happen("change")
            await asyncio.sleep(0.5)
            assert made.is_well()
            await made.happen("deleted")
            await asyncio.sleep(GLANCE + 0.5)
            assert made.is_well()
            assert made.renewed == 2  # what is in it is made anew as well

    play(scenario)


def test_what_is_wrong_is_told_and_with_it_its_end() -> None:
    async def scenario() -> None:
        async with scene() as made:
            await asyncio.sleep(1.0)
            await made.happen("refuses")
            await made.happen("change")
            await asyncio.sleep(1.0)
            assert made.task.errors == {ErrorSource.NAMESPACE: "no bridge"}
            assert made.host.busy() == {ID}  # what runs goes on
            await made.happen("makes")
            await asyncio.sleep(RETRY)
            assert made.is_well()
            await made.happen("crash")
            await turns(3)
            assert "RuntimeError" in made.task.errors[ErrorSource.TASK]
            await asyncio.sleep(RETRY)
            assert made.is_well()

    play(scenario)


def test_a_task_that_fails_again_and_again_is_started_later_and_later() -> None:
    async def scenario() -> None:
        async with scene() as made:
            starts = 0
            for _ in range(10):
                await asyncio.sleep(RECHECK / 10)
                starts += made.host.busy() == {ID}
                made.task.crash.set()
            assert starts < 10
            await asyncio.sleep(2 * RETRY)
            await asyncio.sleep(RECHECK)
            assert made.is_well()

    play(scenario)


def test_a_retirement_is_tried_until_nothing_is_left() -> None:
    async def scenario() -> None:
        async with scene() as made:
            await asyncio.sleep(1.0)
            await made.end()
            made.host.teardown = "fails"
            retiring = asyncio.create_task(made.supervisor.retire())
            await asyncio.sleep(RECHECK)
            assert not retiring.done()
            assert made.directory.is_dir()  # whoever comes next finds what is left
            made.host.teardown = "works"
            await asyncio.wait_for(retiring, 2 * RETRY)
            assert not made.host.namespaces
            assert not made.host.charons
            assert not made.directory.exists()
            made.begin()

    play(scenario)


def test_an_address_that_tunnels_use_stays_beside_the_new_one_for_a_while() -> None:
    async def scenario(followed: bool) -> None:
        async with scene() as made:
            made.host.used = frozenset({OLD})
            await asyncio.sleep(1.0)
            made.want(uplink=uplink(NEW))
            await asyncio.sleep(RECHECK)
            assert made.addresses() == {OLD, NEW}
            if followed:
                made.host.used = frozenset({NEW})
                await asyncio.sleep(2 * GLANCE)
            else:
                await asyncio.sleep(OVERLAP)
            assert made.addresses() == {NEW}

    for followed in (True, False):
        play(partial(scenario, followed))
