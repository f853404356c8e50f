"""A listener with TLS in this process, and who comes to it."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Final

import msgspec
import uvicorn
import uvloop
from starlette.types import Receive, Scope, Send
from uvicorn.server import ServerState

from landbridge.api.http.certificate import Certificate
from landbridge.api.http.metrics import ApiMetrics
from landbridge.api.http.protocol import BoundedProtocol, SharedLimits
from landbridge.api.http.tls import TlsProtocol
from landbridge.config.load import load
from tests.environments.certificates import Authority

NAME: Final = "api.example"
GET: Final = b"GET / HTTP/1.1\r\nHost: api.example\r\n\r\n"
SIZE: Final = 4_000_000
LARGE: Final = b"x" * SIZE
PER_ADDRESS: Final = 3
DEADLINE: Final = 20.0


Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class Service:
    """A listener with TLS in this process."""

    def __init__(self, port: int, shared: SharedLimits, certificate: Certificate) -> None:
        self.port = port
        self.shared = shared
        self.certificate = certificate

    @property
    def held(self) -> int:
        return len(self.shared.connections)

    async def raw(self) -> Streams:
        return await asyncio.open_connection("127.0.0.1", self.port)

    async def secure(
        self, authority: Authority
    ) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        context = ssl.create_default_context(cafile=authority.file)
        return await asyncio.open_connection(
            "127.0.0.1", self.port, ssl=context, server_hostname=NAME
        )


@asynccontextmanager
async def served(authority: Authority, directory: Path, seconds: float) -> AsyncIterator[Service]:
    limits = load(environment={}).limits
    shared = SharedLimits(
        msgspec.structs.replace(limits, connections_per_address=PER_ADDRESS), ApiMetrics()
    )
    config = uvicorn.Config(_app, ws="none", log_config=None, lifespan="off")
    certificate = Certificate(*authority.issue(NAME).write(directory))
    make = partial(
        TlsProtocol,
        http=partial(BoundedProtocol, shared=shared),
        certificate=certificate,
        admit=shared.admit,
        handshake_seconds=seconds,
        config=config,
        server_state=ServerState(),
        app_state={},
    )
    server = await asyncio.get_running_loop().create_server(make, "127.0.0.1", 0)
    yield Service(server.sockets[0].getsockname()[1], shared, certificate)
    server.close()
    await until(lambda: len(shared.connections) == 0)


async def _app(scope: Scope, receive: Receive, send: Send) -> None:
    received = 0
    while (message := await receive())["type"] == "http.request":
        received += len(message["body"])
        if not message["more_body"]:
            break
        await asyncio.sleep(0.001)  # slower than it comes
    assert received == (SIZE if scope["method"] == "POST" else 0)
    close = [(b"connection", b"close")] if scope["path"] == "/large" else []
    body = LARGE if scope["path"] == "/large" else scope["scheme"].encode()
    length = (b"content-length", str(len(body)).encode())
    await send({"type": "http.response.start", "status": 200, "headers": [length, *close]})
    await send({"type": "http.response.body", "body": body})


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(DEADLINE):
        while not condition():  # noqa: ASYNC110 - what is waited for knows no events
            await asyncio.sleep(0.01)


def run(
    authority: Authority,
    directory: Path,
    work: Callable[[Service], Awaitable[None]],
    seconds: float = DEADLINE,
) -> None:
    async def all_of_it() -> None:
        async with asyncio.timeout(DEADLINE), served(authority, directory, seconds) as service:
            await work(service)

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(all_of_it())


async def ends(reader: asyncio.StreamReader) -> bytes:
    try:
        return await reader.read()
    except ConnectionResetError:
        return b""


async def answered(service: Service, authority: Authority) -> bytes:
    reader, writer = await service.secure(authority)
    writer.write(GET)
    head = await reader.readuntil(b"\r\n\r\n")
    writer.close()
    return head.partition(b"\r\n")[0]
