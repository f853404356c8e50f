"""What comes in many messages: collected answers and events."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from landbridge.vici import CommandFailed, Disconnected, Event, Session
from landbridge.vici.link import EVENTS_HIGH
from landbridge.vici.protocol import Packet
from tests.unit.vici.daemon import Wire
from tests.unit.vici.sessions import answer, run, stream


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
