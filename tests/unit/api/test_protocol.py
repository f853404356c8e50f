"""What the application sees of a request: its head and its body, and nothing from after them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Any

import uvicorn
from starlette.types import Receive, Scope, Send
from uvicorn.server import ServerState

from landbridge.api.http.metrics import ApiMetrics
from landbridge.api.http.protocol import BoundedProtocol, SharedLimits
from landbridge.config.load import load

Seen = list[tuple[Scope, bytes]]


def through(sent: bytes, answers: int) -> tuple[Seen, bytes]:
    """What the application saw of `sent`, and what came back until `answers` were given."""
    return asyncio.run(_through(sent, answers))


async def _through(sent: bytes, answers: int) -> tuple[Seen, bytes]:
    seen: Seen = []
    make = _protocols(_noting(seen))
    server = await asyncio.get_running_loop().create_server(make, "127.0.0.1", 0)
    host, port = server.sockets[0].getsockname()
    reader, writer = await asyncio.open_connection(host, port)
    writer.write(sent)
    came = b""
    async with asyncio.timeout(20):
        while came.count(b"HTTP/1.1 ") < answers:
            came += await reader.read(1 << 16)
    writer.close()
    await writer.wait_closed()
    server.close()
    return seen, came


def _protocols(app: Any) -> Callable[[], BoundedProtocol]:
    config = uvicorn.Config(app, ws="none", log_config=None, lifespan="off")
    shared = SharedLimits(load(environment={}).limits, ApiMetrics())
    state = ServerState()
    return partial(BoundedProtocol, config=config, server_state=state, app_state={}, shared=shared)


def _noting(seen: Seen) -> Any:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        body = b""
        while True:
            message = await receive()
            body += message.get("body", b"")
            if not message.get("more_body"):
                break
        seen.append((scope, body))
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body"})

    return app


def test_lines_after_the_body_do_not_become_headers() -> None:
    sent = (
        b"PUT /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
        b"3;ext=1\r\nabc\r\n0\r\nX-Auth-Token: stolen\r\n\r\n"
    )
    seen, _ = through(sent, 1)
    ((scope, body),) = seen
    assert body == b"abc"
    assert [name for name, _ in scope["headers"]] == [b"host", b"transfer-encoding"]


def test_the_method_is_the_one_that_was_sent() -> None:
    sent = (
        b"FOO /1 HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nab"
        b"GET /2 HTTP/1.1\r\nHost: a\r\n\r\n"
    )
    seen, _ = through(sent, 2)
    assert [(scope["method"], scope["path"], body) for scope, body in seen] == [
        ("FOO", "/1", b"ab"),
        ("GET", "/2", b""),
    ]
