"""Wakes: the first is heard at once, those that follow fast are heard together."""

from __future__ import annotations

import asyncio

from landbridge.store.hub import Hub, Wake

APART = 0.05


async def _heard(wake: Wake, patience: float) -> float | None:
    """After how many seconds; None: not at all."""
    loop = asyncio.get_running_loop()
    began = loop.time()
    return loop.time() - began if await wake.wait(patience, apart=APART) else None


def test_a_wake_after_a_pause_is_heard_at_once_and_the_next_is_spaced() -> None:
    async def scenario() -> tuple[float | None, float | None, float | None]:
        hub = Hub()
        with hub.listen("gw") as wake:
            hub.announce(["gw"])
            first = await _heard(wake, 1)
            hub.announce(["gw"])
            second = await _heard(wake, 1)
            for _ in range(3):
                hub.announce(["gw"])
            await asyncio.sleep(APART)
            third = await _heard(wake, 1)
            assert await _heard(wake, 0) is None
        return first, second, third

    first, second, third = asyncio.run(scenario())
    assert first is not None
    assert first < APART
    assert second is not None
    assert second >= APART / 2  # the clock began after the first was answered
    assert third is not None
    assert third < APART


def test_what_comes_while_the_answer_is_held_back_is_part_of_it() -> None:
    async def scenario() -> None:
        hub = Hub()
        with hub.listen("gw") as wake:
            hub.announce(["gw"])
            assert await _heard(wake, 1) is not None
            hub.announce(["gw"])
            waiting = asyncio.create_task(_heard(wake, 1))
            await asyncio.sleep(0)
            hub.announce(["gw"])
            assert await waiting is not None
            assert await _heard(wake, 0) is None

    asyncio.run(scenario())
