"""Tokens of streams: asked about while they run, once for all streams, and what ends these."""

from __future__ import annotations

import asyncio
from contextlib import ExitStack

import msgspec
import pytest

from landbridge import errors
from landbridge.auth import recheck
from landbridge.auth.caller import Caller
from landbridge.auth.recheck import Recheck

CALLER = Caller(user_id="u", project_id="p", roles=frozenset({"member"}))
DEADLINE = 10.0


class Door:
    """Answers what the test wants, and counts."""

    def __init__(self) -> None:
        self.answer: Caller | Exception = CALLER
        self.asked = 0
        self.news = asyncio.Event()

    async def admit(self, token: str, service_token: str) -> Caller:
        self.asked += 1
        self.news.set()
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer

    async def asked_again(self) -> None:
        for _ in range(2):  # one that was under way may have had the answer of before
            self.news.clear()
            async with asyncio.timeout(DEADLINE):
                await self.news.wait()


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recheck, "LOOK", 0.01)
    monkeypatch.setattr(recheck, "AWAY", 0.1)


@pytest.mark.parametrize(
    "answer",
    [
        errors.Unauthorized("revoked"),
        errors.ServiceUnavailable("nobody can be asked, for long"),
        msgspec.structs.replace(CALLER, roles=frozenset({"reader"})),
        msgspec.structs.replace(CALLER, project_id="q"),
        msgspec.structs.replace(CALLER, is_admin=True),
        RuntimeError("a mistake of ours"),
    ],
    ids=lambda answer: str(answer)[:30],
)
def test_what_ends_a_stream(answer: Caller | Exception) -> None:
    async def scene() -> None:
        door, ended = Door(), asyncio.Event()
        check = Recheck(door.admit)
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda *_: None)
        with check.during("t", "", CALLER, ended.set):
            await door.asked_again()
            assert not ended.is_set()
            door.answer = answer
            async with asyncio.timeout(DEADLINE):
                await ended.wait()

    asyncio.run(scene())


def test_a_short_absence_of_who_knows_ends_nothing() -> None:
    async def scene() -> None:
        door, ended = Door(), asyncio.Event()
        with Recheck(door.admit).during("t", "", CALLER, ended.set):
            door.answer = errors.ServiceUnavailable("away")
            await door.asked_again()
            door.answer = CALLER
            for _ in range(20):
                await door.asked_again()
            assert not ended.is_set()

    asyncio.run(scene())


def test_one_token_is_asked_about_once_for_all_its_streams() -> None:
    async def scene() -> None:
        door = Door()
        check, ended = Recheck(door.admit), [asyncio.Event() for _ in range(100)]
        with ExitStack() as stack:
            for each in ended:
                stack.enter_context(check.during("t", "", CALLER, each.set))
            assert sum(task.get_name() == "recheck" for task in asyncio.all_tasks()) == 1
            door.answer = errors.Unauthorized("revoked")
            async with asyncio.timeout(DEADLINE):
                for each in ended:
                    await each.wait()
        await asyncio.sleep(0)
        assert not [task for task in asyncio.all_tasks() if task.get_name() == "recheck"]

    asyncio.run(scene())


def test_nothing_is_asked_when_no_stream_is_open() -> None:
    async def scene() -> None:
        door = Door()
        check = Recheck(door.admit)
        with check.during("t", "", CALLER, lambda: None):
            await door.asked_again()
        asked = door.asked
        await asyncio.sleep(0.1)
        assert door.asked == asked

    asyncio.run(scene())
