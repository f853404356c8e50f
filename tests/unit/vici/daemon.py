"""A daemon's end of the socket, driven by the test: for faults that no charon shows on demand."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from landbridge.vici import Message, decode, encode
from landbridge.vici.protocol import Packet


class Wire:
    """One accepted connection: reads requests, writes packets."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    async def next(self) -> tuple[Packet, str, Message]:
        length = int.from_bytes(await self._reader.readexactly(4), "big")
        body = await self._reader.readexactly(length)
        end = 2 + body[1]
        return Packet(body[0]), body[2:end].decode(), decode(body[end:])

    def write(self, kind: int, message: Message | None = None, *, name: str = "") -> None:
        head = bytes((kind,)) + (bytes((len(name),)) + name.encode() if name else b"")
        body = head + encode(message or {})
        self._writer.write(len(body).to_bytes(4, "big") + body)

    def garbage(self, data: bytes) -> None:
        self._writer.write(data)

    async def drain(self) -> None:
        await self._writer.drain()

    def hang_up(self) -> None:
        self._writer.close()

    async def hung_up(self) -> None:
        """Returns when the client has closed its end."""
        await self._reader.read()


@asynccontextmanager
async def daemon(path: Path) -> AsyncIterator[asyncio.Queue[Wire]]:
    """Listens on `path`; accepted connections come through the queue."""
    accepted: asyncio.Queue[Wire] = asyncio.Queue()
    wires: list[Wire] = []

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        wire = Wire(reader, writer)
        wires.append(wire)
        accepted.put_nowait(wire)

    server = await asyncio.start_unix_server(accept, path)
    async with server:
        yield accepted
        for wire in wires:
            wire.hang_up()
