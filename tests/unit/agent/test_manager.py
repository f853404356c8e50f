"""Routers that come and go in any order: one task at a time works on each."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from types import SimpleNamespace
from typing import Literal, cast

from hypothesis import given
from hypothesis import strategies as st

from landbridge.agent.routers.manager import RouterManager
from landbridge.agent.routers.supervisor import RouterSupervisor
from landbridge.model.router import Router

Event = Literal["want", "drop", "turn", "removed"]
PATIENCE = 20.0  # seconds


class Ground:
    """What is done to each router on the host; `removals` let a removal end."""

    def __init__(self) -> None:
        self.working: Counter[str] = Counter()
        self.most: Counter[str] = Counter()
        self.running: set[str] = set()
        self.removals = asyncio.Semaphore(0)

    def keep(self, router: Router) -> RouterSupervisor:
        async def run() -> None:
            with self._work(router.id):
                self.running.add(router.id)
                try:
                    await asyncio.Event().wait()
                finally:
                    self.running.discard(router.id)

        async def retire() -> None:
            with self._work(router.id):
                await self.removals.acquire()

        worker = SimpleNamespace(replace=lambda tunnels: None)
        return cast(
            RouterSupervisor, SimpleNamespace(router=router, worker=worker, run=run, retire=retire)
        )

    def _work(self, router_id: str) -> _Work:
        return _Work(self, router_id)


class _Work:
    def __init__(self, ground: Ground, router_id: str) -> None:
        self._ground, self._router_id = ground, router_id

    def __enter__(self) -> None:
        ground, one = self._ground, self._router_id
        ground.working[one] += 1
        ground.most[one] = max(ground.most[one], ground.working[one])

    def __exit__(self, *exc: object) -> None:
        self._ground.working[self._router_id] -= 1


def router(router_id: str) -> Router:
    return Router(id=router_id, name="r", revision=1, admin_state_up=True, uplink=None, inside=())


async def play(events: Sequence[tuple[Event, str]]) -> None:
    ground, wanted = Ground(), set[str]()
    async with asyncio.timeout(PATIENCE), asyncio.TaskGroup() as group:
        router_manager = RouterManager(group, ground.keep, lambda _: None)
        for event, one in events:
            match event:
                case "want":
                    wanted.add(one)
                    router_manager.want_router(router(one))
                case "drop":
                    wanted.discard(one)
                    router_manager.drop_router(one)
                case "turn":
                    await asyncio.sleep(0)
                case "removed":
                    ground.removals.release()
            assert router_manager.routers() == wanted
        for _ in events:
            ground.removals.release()
        while router_manager.leaving() or ground.running != wanted:  # noqa: ASYNC110 - tasks raise no event
            await asyncio.sleep(0)
        for one in wanted:
            router_manager.drop_router(one)
            ground.removals.release()
    assert max(ground.most.values(), default=0) <= 1
    assert not +ground.working


EVENTS = st.lists(
    st.tuples(st.sampled_from(("want", "drop", "turn", "removed")), st.sampled_from(("a", "b"))),
    max_size=30,
)


@given(EVENTS)
def test_whatever_comes_in_which_order_one_task_works_on_a_router(
    events: list[tuple[Event, str]],
) -> None:
    asyncio.run(play(events))


def test_a_removal_that_takes_its_time_harms_no_router_that_came_after_it() -> None:
    turns: list[tuple[Event, str]] = [("turn", "a")] * 5
    again: list[tuple[Event, str]] = [("want", "a"), *turns, ("drop", "a"), *turns]
    asyncio.run(play([*again, *again, ("want", "a"), *turns, ("removed", "a"), *turns]))
