"""A router's inbox and timers."""

from __future__ import annotations

import asyncio

import pytest

from landbridge.agent.reconcile.queue import WorkQueue


def test_marked_once_however_often() -> None:
    async def scene() -> tuple[str, ...]:
        work_queue = WorkQueue()
        for key in ("a", "b", "a"):
            work_queue.mark(key)
        return await work_queue.next()

    assert asyncio.run(scene()) == ("a", "b")


def test_a_timer_comes_due_and_a_later_one_replaces_it() -> None:
    async def scene() -> list[tuple[str, ...]]:
        work_queue, now = WorkQueue(), asyncio.get_running_loop().time()
        work_queue.at("late", now)
        work_queue.at("late", now + 0.05)
        work_queue.at("early", now + 0.01)
        return [await work_queue.next(), await work_queue.next()]

    assert asyncio.run(scene()) == [("early",), ("late",)]


def test_a_mark_wakes_and_voids_the_timer() -> None:
    async def scene() -> None:
        work_queue, loop = WorkQueue(), asyncio.get_running_loop()
        work_queue.at("a", loop.time() + 0.05)
        loop.call_later(0.01, work_queue.mark, "a")
        assert await work_queue.next() == ("a",)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.1):
                await work_queue.next()

    asyncio.run(scene())


def test_forgotten_is_not_looked_at() -> None:
    async def scene() -> tuple[str, ...]:
        work_queue, now = WorkQueue(), asyncio.get_running_loop().time()
        work_queue.mark("a")
        work_queue.at("b", now)
        work_queue.forget("a")
        work_queue.forget("b")
        work_queue.mark("c")
        return await work_queue.next()

    assert asyncio.run(scene()) == ("c",)


def test_what_is_heard_of_one_that_rests_waits_for_the_end_of_its_rest() -> None:
    async def scene() -> list[tuple[str, ...]]:
        work_queue, now = WorkQueue(), asyncio.get_running_loop().time()
        work_queue.rest("busy", now + 0.05)
        for _ in range(400):
            work_queue.hear("busy")
        work_queue.hear("other")
        first = await work_queue.next()
        second = await work_queue.next()
        assert asyncio.get_running_loop().time() >= now + 0.05
        return [first, second]

    assert asyncio.run(scene()) == [("other",), ("busy",)]


def test_what_is_heard_during_the_look_that_makes_it_rest_waits_as_well() -> None:
    async def scene() -> tuple[str, ...]:
        work_queue, now = WorkQueue(), asyncio.get_running_loop().time()
        work_queue.hear("busy")
        work_queue.rest("busy", now + 60.0)
        work_queue.hear("busy")
        work_queue.hear("other")
        return await work_queue.next()

    assert asyncio.run(scene()) == ("other",)


def test_what_is_wanted_of_one_that_rests_is_not_held_up() -> None:
    async def scene() -> tuple[str, ...]:
        work_queue, now = WorkQueue(), asyncio.get_running_loop().time()
        work_queue.hear("busy")
        work_queue.mark("busy")
        work_queue.rest("busy", now + 60.0)
        return await work_queue.next()

    assert asyncio.run(scene()) == ("busy",)


def test_a_timer_that_was_set_for_one_that_rests_is_kept() -> None:
    async def scene() -> tuple[str, ...]:
        work_queue, now = WorkQueue(), asyncio.get_running_loop().time()
        work_queue.at("busy", now + 0.01)
        work_queue.rest("busy", now + 60.0)
        work_queue.hear("busy")
        return await work_queue.next()

    assert asyncio.run(scene()) == ("busy",)
