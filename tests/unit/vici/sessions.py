"""A session over a real socket, and the daemon that it is with."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from landbridge.vici import Message, Session
from landbridge.vici.protocol import Packet
from tests.unit.vici.daemon import Wire, daemon

DEADLINE = 10.0
Scenario = Callable[[Session, Wire], Awaitable[None]]


@asynccontextmanager
async def connected(directory: Path) -> AsyncIterator[tuple[Session, Wire]]:
    path = directory / "vici"
    async with daemon(path) as accepted, await Session.open(str(path)) as session:
        yield session, await accepted.get()


def run(directory: Path, scenario: Scenario) -> None:
    """The scenario over one connection, within the deadline, asyncio's debugging on."""

    async def main() -> None:
        async with asyncio.timeout(DEADLINE), connected(directory) as (session, wire):
            await scenario(session, wire)

    asyncio.run(main(), debug=True)


async def answer(wire: Wire, kind: int, message: Message | None = None) -> str:
    """Takes the next request, answers it, tells its name."""
    _, name, _ = await wire.next()
    wire.write(kind, message)
    return name


async def stream(wire: Wire, *results: Message, end: Message | None = None) -> None:
    """Answers one collect."""
    assert (await wire.next())[:2] == (Packet.EVENT_REGISTER, "list-sa")
    wire.write(Packet.EVENT_CONFIRM)
    assert (await wire.next())[:2] == (Packet.CMD_REQUEST, "list-sas")
    for result in results:
        wire.write(Packet.EVENT, result, name="list-sa")
    wire.write(Packet.CMD_RESPONSE, end)
    assert (await wire.next())[:2] == (Packet.EVENT_UNREGISTER, "list-sa")
    wire.write(Packet.EVENT_CONFIRM)
