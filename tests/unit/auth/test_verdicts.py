"""What is remembered of tokens, for how long, and what is asked for again."""

from __future__ import annotations

import asyncio

import pytest

from landbridge import errors
from landbridge.auth.caller import Caller
from landbridge.auth.token_cache import CheckedToken, TokenCache, digest

CALLER = Caller(user_id="u", project_id="p", roles=frozenset({"member"}))


class Source:
    """Who knows: counts the questions, and answers what the test wants."""

    def __init__(self) -> None:
        self.asked = 0
        self.fails: errors.ApiError | None = None
        self.expires_at: float | None = None

    async def ask(self) -> CheckedToken:
        self.asked += 1
        await asyncio.sleep(0)
        if self.fails:
            raise self.fails
        return CheckedToken(caller=CALLER, expires_at=self.expires_at)


class Clock:
    def __init__(self) -> None:
        self.time = 1000.0

    def __call__(self) -> float:
        return self.time


def cache(clock: Clock, *, fresh: float = 5, keep: float = 300) -> TokenCache:
    return TokenCache(fresh=fresh, keep=keep, monotonic=clock, now=clock)


async def settle() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


def test_a_fresh_verdict_is_not_asked_for_again() -> None:
    async def scene() -> None:
        clock, source = Clock(), Source()
        known = cache(clock)
        for _ in range(10):
            assert await known.get("k", source.ask) == CALLER
            clock.time += 0.4
        assert source.asked == 1

    asyncio.run(scene())


def test_callers_that_miss_at_once_ask_once() -> None:
    async def scene() -> None:
        source = Source()
        known = cache(Clock())
        await asyncio.gather(*(known.get("k", source.ask) for _ in range(20)))
        assert source.asked == 1

    asyncio.run(scene())


def test_a_waiter_that_goes_away_does_not_spoil_it_for_the_others() -> None:
    async def scene() -> None:
        source = Source()
        known = cache(Clock())
        first = asyncio.create_task(known.get("k", source.ask))
        second = asyncio.create_task(known.get("k", source.ask))
        await asyncio.sleep(0)
        first.cancel()
        assert await second == CALLER

    asyncio.run(scene())


def test_an_ageing_verdict_is_asked_for_in_the_background() -> None:
    async def scene() -> None:
        clock, source = Clock(), Source()
        known = cache(clock)
        await known.get("k", source.ask)
        source.fails = errors.Unauthorized("revoked")
        clock.time += 6
        assert await known.get("k", source.ask) == CALLER  # goes on while it is asked
        await settle()
        with pytest.raises(errors.Unauthorized):
            await known.get("k", source.ask)

    asyncio.run(scene())


def test_an_old_verdict_is_asked_for_before_the_caller_goes_on() -> None:
    async def scene() -> None:
        clock, source = Clock(), Source()
        known = cache(clock)
        await known.get("k", source.ask)
        source.fails = errors.Unauthorized("revoked")
        clock.time += 11
        with pytest.raises(errors.Unauthorized):
            await known.get("k", source.ask)

    asyncio.run(scene())


def test_a_verdict_holds_while_nobody_can_be_asked_but_no_longer_than_keep() -> None:
    async def scene() -> None:
        clock, source = Clock(), Source()
        known = cache(clock)
        await known.get("k", source.ask)
        source.fails = errors.ServiceUnavailable("away")
        clock.time += 299
        assert await known.get("k", source.ask) == CALLER
        clock.time += 2
        with pytest.raises(errors.ServiceUnavailable):
            await known.get("k", source.ask)

    asyncio.run(scene())


def test_a_token_ends_when_it_expires_whatever_is_remembered() -> None:
    async def scene() -> None:
        clock, source = Clock(), Source()
        source.expires_at = clock.time + 3
        known = cache(clock)
        await known.get("k", source.ask)
        clock.time += 3
        with pytest.raises(errors.Unauthorized):
            await known.get("k", source.ask)
        assert source.asked == 1

    asyncio.run(scene())


def test_with_keep_zero_everything_is_asked() -> None:
    async def scene() -> None:
        source = Source()
        known = cache(Clock(), fresh=0, keep=0)
        await known.get("k", source.ask)
        await known.get("k", source.ask)
        assert source.asked == 2

    asyncio.run(scene())


def test_the_digest_is_sha256() -> None:
    assert digest("abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
