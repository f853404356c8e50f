"""The session over a real socket, against a daemon that does what the test says."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import uvloop

from landbridge.vici import CommandFailed, Disconnected, Event, Message, ProtocolError, Session
from landbridge.vici.link import EVENTS_HIGH
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


def test_another_event_loop(tmp_path: Path) -> None:
    async def main() -> None:
        async with asyncio.timeout(DEADLINE), connected(tmp_path) as (session, wire):
            asked = asyncio.create_task(session.request("version"))
            await answer(wire, Packet.CMD_RESPONSE, {"n": "1"})
            assert await asked == {"n": "1"}

    uvloop.run(main())


def test_a_request_and_its_answer(tmp_path: Path) -> None:
    async def scenario(session: Session, wire: Wire) -> None:
        asked = asyncio.create_task(session.request("load-conn", {"t": {"version": "2"}}))
        assert await wire.next() == (Packet.CMD_REQUEST, "load-conn", {"t": {"version": "2"}})
        wire.write(Packet.CMD_RESPONSE, {"success": "yes", "n": "1"})
        assert await asked == {"success": "yes", "n": "1"}

    run(tmp_path, scenario)


@pytest.mark.parametrize(
    ("kind", "message", "reason"),
    [
        (Packet.CMD_RESPONSE, {"success": "no", "errmsg": "invalid value"}, "invalid value"),
        (Packet.CMD_RESPONSE, {"success": "no"}, "refused without a reason"),
        (Packet.CMD_UNKNOWN, {}, "unknown to the daemon"),
    ],
)
def test_a_refusal_leaves_the_session_usable(
    tmp_path: Path, kind: Packet, message: Message, reason: str
) -> None:
    async def scenario(session: Session, wire: Wire) -> None:
        asked = asyncio.create_task(session.request("load-conn"))
        await answer(wire, kind, message)
        with pytest.raises(CommandFailed) as failed:
            await asked
        assert (failed.value.command, failed.value.reason) == ("load-conn", reason)
        asked = asyncio.create_task(session.request("version"))
        await answer(wire, Packet.CMD_RESPONSE, {"daemon": "x"})
        assert await asked == {"daemon": "x"}

    run(tmp_path, scenario)


def test_pipelined_requests_get_their_own_answers(tmp_path: Path) -> None:
    async def scenario(session: Session, wire: Wire) -> None:
        tasks = [asyncio.create_task(session.request(str(n))) for n in range(100)]
        names = [(await wire.next())[1] for _ in tasks]
        for name in names:
            wire.write(Packet.CMD_RESPONSE, {"for": name})
        assert await asyncio.gather(*tasks) == [{"for": str(n)} for n in range(100)]

    run(tmp_path, scenario)


def test_a_cancelled_request_does_not_shift_the_answers(tmp_path: Path) -> None:
    async def scenario(session: Session, wire: Wire) -> None:
        tasks = [asyncio.create_task(session.request(str(n))) for n in range(3)]
        names = [(await wire.next())[1] for _ in tasks]
        tasks[1].cancel()
        await asyncio.wait([tasks[1]])
        for name in names:
            wire.write(Packet.CMD_RESPONSE, {"for": name})
        assert await tasks[2] == {"for": "2"}
        assert await tasks[0] == {"for": "0"}
        assert tasks[1].cancelled()

    run(tmp_path, scenario)


def test_a_message_that_does_not_fit_is_never_sent(tmp_path: Path) -> None:
    async def scenario(session: Session, wire: Wire) -> None:
        with pytest.raises(ProtocolError):
            await session.request("load-conn", {"k": "v" * 70_000})
        asked = asyncio.create_task(session.request("version"))
        assert await answer(wire, Packet.CMD_RESPONSE) == "version"
        assert await asked == {}

    run(tmp_path, scenario)


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


def test_collect(tmp_path: Path) -> None:
    async def scenario(session: Session, wire: Wire) -> None:
        collected = asyncio.create_task(session.collect("list-sas", "list-sa", {"ike": "t"}))
        await stream(wire, {"t": {"uniqueid": "1"}}, {"t": {"uniqueid": "2"}})
        assert await collected == [{"t": {"uniqueid": "1"}}, {"t": {"uniqueid": "2"}}]

    run(tmp_path, scenario)


def test_collects_at_once_keep_their_results_apart(tmp_path: Path) -> None:
    async def scenario(session: Session, wire: Wire) -> None:
        first = asyncio.create_task(session.collect("list-sas", "list-sa"))
        second = asyncio.create_task(session.collect("list-sas", "list-sa"))
        third = asyncio.create_task(session.collect("list-sas", "list-sa"))
        await stream(wire, {"first": {}})
        await stream(wire)
        await stream(wire, {"third": {}})
        assert await first == [{"first": {}}]
        assert await second == []
        assert await third == [{"third": {}}]

    run(tmp_path, scenario)


def test_a_cancelled_collect_leaves_nothing_registered(tmp_path: Path) -> None:
    async def scenario(session: Session, wire: Wire) -> None:
        cancelled = asyncio.create_task(session.collect("list-sas", "list-sa"))
        kept = asyncio.create_task(session.collect("list-sas", "list-sa"))
        assert (await wire.next())[0] == Packet.EVENT_REGISTER
        cancelled.cancel()
        await asyncio.wait([cancelled])
        wire.write(Packet.EVENT_CONFIRM)
        assert (await wire.next())[1] == "list-sas"
        wire.write(Packet.EVENT, {"nobody's": {}}, name="list-sa")
        wire.write(Packet.CMD_RESPONSE)
        assert (await wire.next())[0] == Packet.EVENT_UNREGISTER
        wire.write(Packet.EVENT_CONFIRM)
        await stream(wire, {"kept": {}})
        assert await kept == [{"kept": {}}]

    run(tmp_path, scenario)


def test_a_refused_collect(tmp_path: Path) -> None:
    async def scenario(session: Session, wire: Wire) -> None:
        collected = asyncio.create_task(session.collect("list-sas", "list-sa"))
        await stream(wire, end={"success": "no", "errmsg": "no such SA"})
        with pytest.raises(CommandFailed, match="list-sas: no such SA"):
            await collected
        collected = asyncio.create_task(session.collect("list-x", "bogus"))
        for kind in (Packet.EVENT_UNKNOWN, Packet.CMD_RESPONSE, Packet.EVENT_UNKNOWN):
            await answer(wire, kind)
        with pytest.raises(CommandFailed, match="bogus: unknown"):
            await collected

    run(tmp_path, scenario)


def test_events_come_in_order_between_answers(tmp_path: Path) -> None:
    async def scenario(session: Session, wire: Wire) -> None:
        subscribed = asyncio.create_task(session.subscribe("ike-updown", "child-updown"))
        assert await answer(wire, Packet.EVENT_CONFIRM) == "ike-updown"
        wire.write(Packet.EVENT, {"n": "0"}, name="ike-updown")
        assert await answer(wire, Packet.EVENT_CONFIRM) == "child-updown"
        await subscribed
        wire.write(Packet.EVENT, {"n": "1"}, name="child-updown")
        events = session.events()
        assert await anext(events) == Event("ike-updown", {"n": "0"})
        assert await anext(events) == Event("child-updown", {"n": "1"})

    run(tmp_path, scenario)


def test_an_unknown_event(tmp_path: Path) -> None:
    async def scenario(session: Session, wire: Wire) -> None:
        subscribed = asyncio.create_task(session.subscribe("ike-updown", "bogus"))
        await answer(wire, Packet.EVENT_CONFIRM)
        await answer(wire, Packet.EVENT_UNKNOWN)
        with pytest.raises(CommandFailed, match="bogus: unknown"):
            await subscribed

    run(tmp_path, scenario)


def test_a_slow_subscriber_loses_nothing(tmp_path: Path) -> None:
    count = 2 * EVENTS_HIGH
    filler = "x" * 1000

    async def flood(wire: Wire) -> None:
        for n in range(count):
            wire.write(Packet.EVENT, {"n": str(n), "filler": filler}, name="log")
            await wire.drain()
        wire.hang_up()

    async def scenario(session: Session, wire: Wire) -> None:
        flooding = asyncio.create_task(flood(wire))
        events = session.events()
        for n in range(count):
            assert (await anext(events)).message["n"] == str(n)
            if n == 0:  # nobody reads on: the daemon's end must come to a stand
                assert await asyncio.wait([flooding], timeout=1.0) == (set(), {flooding})
        with pytest.raises(Disconnected):
            await anext(events)
        await flooding

    run(tmp_path, scenario)


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
