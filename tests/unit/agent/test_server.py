"""The client of ``/agent/v1`` against a real HTTP server that misbehaves."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing, asynccontextmanager
from pathlib import Path

import pytest

from landbridge.agent.link import client
from landbridge.agent.link.client import CursorTooOld, LeaseLost, Refused, Server, Unreachable
from landbridge.model.gateway import Change, Position
from landbridge.model.router import Router
from landbridge.model.status import Report
from tests.agentserver import TOKEN, FakeServer


@asynccontextmanager
async def connected(path: Path) -> AsyncIterator[tuple[FakeServer, Server]]:
    token = path / "agent-token"
    token.write_text(TOKEN + "\n")
    fake = FakeServer()
    async with fake.listening(), Server(fake.url, "g1", token) as server:
        yield fake, server


def router(id: str = "r1") -> Router:
    return Router(id=id, name="r", revision=1, admin_state_up=True, uplink=None, inside=())


async def take_lease(server: Server, epoch: int | None = None) -> int:
    lease = await server.lease(hostname="h", holder="o", version="1", epoch=epoch, capabilities={})
    return lease.epoch


def test_what_is_asked_is_answered(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with connected(tmp_path) as (fake, server):
            assert await take_lease(server) == 1
            assert await take_lease(server, 1) == 1
            await fake.put(router())
            assert (await server.desired()).routers == (router(),)
            assert await server.router("r1") == router()
            assert await server.router("r2") is None
            assert await server.tunnel("t1") is None
            assert await server.tunnels() == ()
            await server.report(Report(epoch=1, sequence=1))
            assert fake.reports == [Report(epoch=1, sequence=1)]

    asyncio.run(scenario())


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (400, Refused),
        (401, Unreachable),
        (403, Unreachable),
        (404, Refused),
        (409, LeaseLost),
        (410, CursorTooOld),
        (500, Unreachable),
        (503, Unreachable),
    ],
)
def test_each_refusal_is_an_error_of_ours(
    tmp_path: Path, status: int, error: type[Exception]
) -> None:
    async def scenario() -> None:
        async with connected(tmp_path) as (fake, server):
            fake.refuse = status
            calls: tuple[Callable[[], Awaitable[object]], ...] = (
                server.desired,
                lambda: take_lease(server),
                lambda: anext(server.changes(at(0))),
            )
            for call in calls:
                with pytest.raises(error, match=f"{status}: injected {status}") as caught:
                    await call()
                assert TOKEN not in str(caught.value)
                told = f"the token in {tmp_path / 'agent-token'}" in str(caught.value)
                assert told is (status in (401, 403))

    asyncio.run(scenario())


def test_no_server_and_no_token_are_unreachable(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with connected(tmp_path) as (fake, server):
            url = fake.url
        async with Server(url, "g1", tmp_path / "agent-token") as server:
            with pytest.raises(Unreachable):
                await server.desired()
        async with Server(url, "g1", tmp_path / "none") as server:
            with pytest.raises(Unreachable, match=r"token is not readable at .*none"):
                await server.desired()

    asyncio.run(scenario())


def test_a_replaced_token_is_taken_up(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with connected(tmp_path) as (_, server):
            (tmp_path / "agent-token").write_text("old")
            with pytest.raises(Unreachable):
                await server.desired()
            (tmp_path / "agent-token").write_text(TOKEN)
            await server.desired()

    asyncio.run(scenario())


def test_the_stream_brings_what_is_newer_then_what_comes(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with connected(tmp_path) as (fake, server), asyncio.timeout(5):
            await fake.put(router("r1"))
            await fake.put(router("r2"))
            async with aclosing(server.changes(at(1))) as changes:
                assert await anext(changes) is None
                assert await next_change(changes) == ("r2", 2)
                await fake.put(router("r3"))
                assert await next_change(changes) == ("r3", 3)
                assert await anext(changes) is None  # a heartbeat

    asyncio.run(scenario())


def at(cursor: int) -> Position:
    return Position(database="first", opening="opened", cursor=cursor)


async def next_change(changes: AsyncIterator[Change | None]) -> tuple[str, int]:
    async for change in changes:
        if change is not None:
            return change.id, change.cursor
    raise AssertionError("the stream has ended")


def test_a_silent_stream_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def scenario() -> None:
        async with connected(tmp_path) as (fake, server), asyncio.timeout(5):
            fake.heartbeats = False
            async with aclosing(server.changes(at(0))) as changes:
                assert await anext(changes) is None
                with pytest.raises(Unreachable):
                    await anext(changes)

    monkeypatch.setattr(client, "SILENCE", 0.3)
    asyncio.run(scenario())
