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
