"""Connections whose other end does not read, or only slowly."""

from __future__ import annotations

import asyncio

import pytest
from uvicorn.protocols.http.flow_control import FlowControl

from landbridge.api.http import write_timeout
from landbridge.api.http.write_timeout import WriteTimeoutProtocol


class Transport(asyncio.Transport):
    """`waiting`: bytes that the other end has not taken yet."""

    def __init__(self) -> None:
        super().__init__()
        self.waiting = 100
        self.aborted = asyncio.Event()

    def get_write_buffer_size(self) -> int:
        return self.waiting

    def abort(self) -> None:
        self.aborted.set()


class Connection(WriteTimeoutProtocol):
    def __init__(self, transport: Transport) -> None:
        self.loop = asyncio.get_running_loop()
        self.transport = transport
        self.flow = FlowControl(transport)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(write_timeout, "PATIENCE", 0.02)


async def is_aborted(transport: Transport, within: float) -> bool:
    try:
        async with asyncio.timeout(within):
            return await transport.aborted.wait()
    except TimeoutError:
        return False


def test_who_reads_nothing_is_cut_off() -> None:
    async def main() -> None:
        transport = Transport()
        Connection(transport).pause_writing()
        assert await is_aborted(transport, 5)

    asyncio.run(main())


def test_who_reads_slowly_is_served() -> None:
    async def main() -> None:
        transport = Transport()
        connection = Connection(transport)
        connection.pause_writing()
        for _ in range(20):
            transport.waiting -= 1
            assert not await is_aborted(transport, 0.01)
        connection.resume_writing()
        assert not await is_aborted(transport, 0.1)

    asyncio.run(main())
