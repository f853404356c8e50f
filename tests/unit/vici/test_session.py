"""Requests and their answers, against a daemon that does what the test says."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
import uvloop

from landbridge.vici import CommandFailed, Message, ProtocolError, Session
from landbridge.vici.protocol import Packet
from tests.unit.vici.daemon import Wire
from tests.unit.vici.sessions import DEADLINE, answer, connected, run


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
