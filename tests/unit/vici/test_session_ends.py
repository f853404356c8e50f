"""Sessions that begin, are lost and are closed."""

from __future__ import annotations

import asyncio
import socket
from pathlib import Path

import pytest

from landbridge.vici import Disconnected, Event, ProtocolError, Session
from tests.unit.vici.daemon import Wire, daemon
from tests.unit.vici.sessions import DEADLINE, run


def test_everybody_hears_of_a_lost_connection(tmp_path: Path) -> None:
    async def scenario(session: Session, wire: Wire) -> None:
        waiting = [
            asyncio.create_task(session.request("version")),
            asyncio.create_task(session.collect("list-sas", "list-sa")),
            asyncio.create_task(session.subscribe("log")),
            asyncio.ensure_future(anext(session.events())),
        ]
        await wire.next()
        wire.hang_up()
        for outcome in await asyncio.gather(*waiting, return_exceptions=True):
            assert isinstance(outcome, Disconnected)
        with pytest.raises(Disconnected):
            await session.request("version")
        with pytest.raises(Disconnected):
            await anext(session.events())

    run(tmp_path, scenario)


def test_closing_ends_those_who_wait(tmp_path: Path) -> None:
    async def scenario(session: Session, wire: Wire) -> None:
        asked = asyncio.create_task(session.request("version"))

        async def listen() -> list[Event]:
            return [event async for event in session.events()]

        listening = asyncio.create_task(listen())
        await wire.next()
        await asyncio.gather(session.close(), session.close())
        with pytest.raises(Disconnected, match="closed"):
            await asked
        assert await listening == []
        await wire.hung_up()
        with pytest.raises(Disconnected, match="closed"):
            await session.request("version")

    run(tmp_path, scenario)


@pytest.mark.parametrize("garbage", [b"\xff" * 64, b"\x00\x00\x00\x01\x05", b"\0\0\0\0"])
def test_garbage_ends_the_session(tmp_path: Path, garbage: bytes) -> None:
    async def scenario(session: Session, wire: Wire) -> None:
        asked = asyncio.create_task(session.request("version"))
        await wire.next()
        wire.garbage(garbage)
        with pytest.raises(ProtocolError):
            await asked
        await wire.hung_up()
        with pytest.raises(Disconnected):
            await session.request("version")

    run(tmp_path, scenario)


def test_open_waits_for_a_daemon_that_is_starting(tmp_path: Path) -> None:
    async def main() -> None:
        path = tmp_path / "vici"
        async with asyncio.timeout(DEADLINE):
            opening = asyncio.create_task(Session.open(str(path)))
            await asyncio.sleep(0)
            with _stale(path):
                assert not opening.done()
            path.unlink()
            async with daemon(path) as accepted:
                session = await opening
                await accepted.get()
                await session.close()

    asyncio.run(main())


def test_open_waits_for_a_place_in_the_backlog(tmp_path: Path) -> None:
    async def main() -> None:
        path = str(tmp_path / "vici")
        with socket.socket(socket.AF_UNIX) as listener, socket.socket(socket.AF_UNIX) as other:
            listener.bind(path)
            listener.listen(0)
            other.connect(path)
            with pytest.raises(Disconnected, match="temporarily unavailable"):
                await Session.open(path, timeout=0.05)
            opening = asyncio.create_task(Session.open(path, timeout=DEADLINE))
            await asyncio.sleep(0)
            assert not opening.done()
            listener.accept()[0].close()
            await (await opening).close()

    asyncio.run(main())


@pytest.mark.parametrize(
    ("name", "message"),
    [("nobody", "No such file"), ("x" * 200, "too long"), ("stale", "refused")],
)
def test_open_says_why_not(tmp_path: Path, name: str, message: str) -> None:
    with _stale(tmp_path / "stale"), pytest.raises(Disconnected, match=message) as failed:
        asyncio.run(Session.open(str(tmp_path / name), timeout=0.05))
    assert name in str(failed.value)


def _stale(path: Path) -> socket.socket:
    """A socket file that nobody listens on, as a killed daemon leaves it."""
    left = socket.socket(socket.AF_UNIX)
    left.bind(str(path))
    return left
