"""Coalescing, keeping and repeating of statuses, with a scripted server."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import pytest

from landbridge import backoff
from landbridge.agent.link.client import LeaseLost, Refused, Unreachable
from landbridge.agent.link.reporter import LARGEST, Reporter
from landbridge.model.status import Report, RouterStatus


def status(id: str, revision: int = 1) -> RouterStatus:
    return RouterStatus(id=id, revision=revision, ready=True, reason=None, observed_at=0.0)


class Wire:
    """Records reports; each holds the sender until `release`, or fails with what is queued."""

    def __init__(self) -> None:
        self.sent: asyncio.Queue[Report] = asyncio.Queue()
        self.open = asyncio.Event()
        self.open.set()
        self.failures: list[Exception] = []
        self.losses = asyncio.Event()

    async def send(self, report: Report) -> None:
        self.sent.put_nowait(report)
        await self.open.wait()
        if self.failures:
            raise self.failures.pop(0)

    def lost(self) -> None:
        self.losses.set()

    async def next(self) -> dict[str, int]:
        """Object -> revision of the next report."""
        async with asyncio.timeout(5):
            return {s.id: s.revision for s in (await self.sent.get()).routers}


@asynccontextmanager
async def reporting() -> AsyncIterator[tuple[Wire, Reporter]]:
    wire = Wire()
    reporter = Reporter(wire.send)
    task = asyncio.create_task(reporter.run(wire.lost))
    try:
        yield wire, reporter
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backoff.Backoff, "next", lambda _: 0.0)


def test_sent_at_once_when_idle_and_together_when_busy() -> None:
    async def scenario() -> None:
        async with reporting() as (wire, reporter):
            reporter.use_epoch(1)
            wire.open.clear()
            reporter.put(status("a"))
            assert await wire.next() == {"a": 1}
            for revision in (2, 3):
                reporter.put(status("a", revision))
            reporter.put(status("b"))
            wire.open.set()
            assert await wire.next() == {"a": 3, "b": 1}
            reporter.put(status("b", 2))
            assert await wire.next() == {"b": 2}

    asyncio.run(scenario())


def test_nothing_is_said_before_there_is_an_epoch() -> None:
    async def scenario() -> None:
        async with reporting() as (wire, reporter):
            reporter.put(status("a"))
            await asyncio.sleep(0)
            assert wire.sent.empty()
            reporter.use_epoch(7)
            assert (await wire.sent.get()).epoch == 7

    asyncio.run(scenario())


def test_kept_until_acknowledged() -> None:
    async def scenario() -> None:
        async with reporting() as (wire, reporter):
            reporter.use_epoch(1)
            wire.failures = [Unreachable("away"), Unreachable("away")]
            reporter.put(status("a"))
            assert [await wire.next() for _ in range(3)] == [{"a": 1}] * 3
            reporter.put(status("b"))
            assert await wire.next() == {"b": 1}

    asyncio.run(scenario())


def test_a_lost_lease_waits_for_the_next_epoch_and_says_everything() -> None:
    async def scenario() -> None:
        async with reporting() as (wire, reporter):
            reporter.use_epoch(1)
            reporter.put(status("a"))
            assert await wire.next() == {"a": 1}
            wire.failures = [LeaseLost("stale")]
            reporter.put(status("b"))
            assert await wire.next() == {"b": 1}
            await wire.losses.wait()
            assert wire.sent.empty()
            reporter.use_epoch(2)
            assert await wire.next() == {"a": 1, "b": 1}

    asyncio.run(scenario())


def test_what_is_refused_holds_nothing_up_and_what_is_forgotten_is_not_repeated() -> None:
    async def scenario() -> None:
        async with reporting() as (wire, reporter):
            reporter.use_epoch(1)
            wire.failures = [Refused("nonsense")]
            reporter.put(status("a"))
            assert await wire.next() == {"a": 1}
            reporter.put(status("b"))
            assert await wire.next() == {"b": 1}
            reporter.forget("a")
            reporter.repeat()
            assert await wire.next() == {"b": 1}

    asyncio.run(scenario())


def test_many_go_in_several_reports_with_growing_sequences() -> None:
    async def scenario() -> None:
        async with reporting() as (wire, reporter):
            for number in range(LARGEST + 1):
                reporter.put(status(str(number)))
            reporter.use_epoch(1)
            first, second = await wire.sent.get(), await wire.sent.get()
            assert (len(first.routers), len(second.routers)) == (LARGEST, 1)
            assert second.sequence > first.sequence

    asyncio.run(scenario())


def test_a_status_that_is_refused_takes_no_other_with_it() -> None:
    """Whichever one it is, and however many."""
    bad = {"7", "300", "301"}

    async def scenario() -> None:
        kept: set[str] = set()

        async def send(report: Report) -> None:
            ids = {told.id for told in report.routers}
            if ids & bad:
                raise Refused("nonsense")
            kept.update(ids)

        reporter = Reporter(send)
        task = asyncio.create_task(reporter.run(lambda: None))
        for number in range(LARGEST + 5):
            reporter.put(status(str(number)))
        reporter.use_epoch(1)
        async with asyncio.timeout(5):
            while len(kept) < LARGEST + 5 - len(bad):  # noqa: ASYNC110 - a scripted server
                await asyncio.sleep(0.001)
        assert kept == {str(n) for n in range(LARGEST + 5)} - bad
        task.cancel()

    asyncio.run(scenario())


def test_nothing_is_said_between_two_epochs_and_sequences_go_on_over_a_clock_set_back() -> None:
    async def scenario() -> None:
        async with reporting() as (wire, reporter):
            reporter.put(status("a"))
            reporter.use_epoch(1, sequence=9_000_000_000_000_000)  # of when the clock was ahead
            async with asyncio.timeout(5):
                assert (await wire.sent.get()).sequence == 9_000_000_000_000_001
            reporter.pause()
            reporter.put(status("b"))
            await asyncio.sleep(0)
            assert wire.sent.empty()
            reporter.use_epoch(2)
            assert await wire.next() == {"a": 1, "b": 1}

    asyncio.run(scenario())
