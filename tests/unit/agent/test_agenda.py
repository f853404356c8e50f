"""A router's inbox and timers."""

from __future__ import annotations

import asyncio

import pytest

from landbridge.agent.reconcile.queue import Agenda


def test_marked_once_however_often() -> None:
    async def scene() -> tuple[str, ...]:
        agenda = Agenda()
        for key in ("a", "b", "a"):
            agenda.mark(key)
        return await agenda.next()

    assert asyncio.run(scene()) == ("a", "b")


def test_a_timer_comes_due_and_a_later_one_replaces_it() -> None:
    async def scene() -> list[tuple[str, ...]]:
        agenda, now = Agenda(), asyncio.get_running_loop().time()
        agenda.at("late", now)
        agenda.at("late", now + 0.05)
        agenda.at("early", now + 0.01)
        return [await agenda.next(), await agenda.next()]

    assert asyncio.run(scene()) == [("early",), ("late",)]


def test_a_mark_wakes_and_voids_the_timer() -> None:
    async def scene() -> None:
        agenda, loop = Agenda(), asyncio.get_running_loop()
        agenda.at("a", loop.time() + 0.05)
        loop.call_later(0.01, agenda.mark, "a")
        assert await agenda.next() == ("a",)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.1):
                await agenda.next()

    asyncio.run(scene())


def test_forgotten_is_not_looked_at() -> None:
    async def scene() -> tuple[str, ...]:
        agenda, now = Agenda(), asyncio.get_running_loop().time()
        agenda.mark("a")
        agenda.at("b", now)
        agenda.forget("a")
        agenda.forget("b")
        agenda.mark("c")
        return await agenda.next()

    assert asyncio.run(scene()) == ("c",)
