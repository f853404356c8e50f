"""TLS before HTTP: what is counted, what is waited for, and which pair of files is taken."""

from __future__ import annotations

import asyncio
import os
import socket
import ssl
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any, Final

import msgspec
import pytest
import structlog
import uvicorn
import uvloop
from cryptography.hazmat.primitives import serialization
from starlette.types import Receive, Scope, Send
from uvicorn.server import ServerState

from landbridge.api.http.certificate import Certificate, CertificateError
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


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


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
    await _until(lambda: len(shared.connections) == 0)


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


async def _until(condition: Callable[[], bool]) -> None:
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


async def _ends(reader: asyncio.StreamReader) -> bytes:
    try:
        return await reader.read()
    except ConnectionResetError:
        return b""


async def _answered(service: Service, authority: Authority) -> bytes:
    reader, writer = await service.secure(authority)
    writer.write(GET)
    head = await reader.readuntil(b"\r\n\r\n")
    writer.close()
    return head.partition(b"\r\n")[0]


def test_requests_come_by_https(authority: Authority, tmp_path: Path) -> None:
    async def work(service: Service) -> None:
        reader, writer = await service.secure(authority)
        for _ in range(2):  # the connection may be used again
            writer.write(GET)
            assert (await reader.readuntil(b"https")).startswith(b"HTTP/1.1 200")
        writer.close()

    run(authority, tmp_path, work)


BEGUN: Final = {
    "nothing": b"",
    "half of a hello": b"\x16\x03\x01\x02\x00\x01\x00\x01",
}


@pytest.mark.parametrize("what", BEGUN)
def test_who_does_not_get_on_with_tls_is_waited_for_not_long(
    authority: Authority, tmp_path: Path, what: str
) -> None:
    """It has a place meanwhile; who comes after it is told, and gets one later."""

    async def work(service: Service) -> None:
        slow = [await service.raw() for _ in range(PER_ADDRESS)]
        for _, writer in slow:
            writer.write(BEGUN[what])
        await _until(lambda: service.held == PER_ADDRESS)
        assert await _answered(service, authority) == b"HTTP/1.1 429 Too Many Requests"
        for reader, writer in slow:
            assert await _ends(reader) == b""
            writer.close()
        await _until(lambda: service.held == 0)
        assert await _answered(service, authority) == b"HTTP/1.1 200 OK"

    run(authority, tmp_path, work, seconds=0.4)


@pytest.mark.parametrize("sent", [b"\x16\x03\x01\x00\x05hello", b"\x16" + bytes(500)])
def test_what_is_no_tls_ends_and_gives_its_place_back(
    authority: Authority, tmp_path: Path, sent: bytes
) -> None:
    async def work(service: Service) -> None:
        for _ in range(2 * PER_ADDRESS):
            reader, writer = await service.raw()
            writer.write(sent)
            await _ends(reader)
            writer.close()
            await _until(lambda: service.held == 0)
        assert await _answered(service, authority) == b"HTTP/1.1 200 OK"

    run(authority, tmp_path, work)


def test_who_goes_before_tls_is_agreed_on_gives_its_place_back(
    authority: Authority, tmp_path: Path
) -> None:
    async def work(service: Service) -> None:
        for sent in (b"", b"\x16\x03\x01"):
            for _ in range(2 * PER_ADDRESS):
                _, writer = await service.raw()
                writer.write(sent)
                writer.close()
            await _until(lambda: service.held == 0)
        assert await _answered(service, authority) == b"HTTP/1.1 200 OK"

    run(authority, tmp_path, work)


def test_who_speaks_plain_http_is_told_so(authority: Authority, tmp_path: Path) -> None:
    async def work(service: Service) -> None:
        reader, writer = await service.raw()
        writer.write(GET)
        answer = await _ends(reader)
        assert answer.startswith(b"HTTP/1.1 400")
        assert b"write https://" in answer
        assert b"NeutronError" in answer
        writer.close()

    run(authority, tmp_path, work)


def test_a_slow_reader_of_a_last_answer_gets_all_of_it(
    authority: Authority, tmp_path: Path
) -> None:
    async def work(service: Service) -> None:
        def read_all() -> int:
            """In a thread: what asyncio's streams read of TLS they lose where they are slow."""
            context = ssl.create_default_context(cafile=authority.file)
            with socket.create_connection(("127.0.0.1", service.port)) as raw:
                raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65_536)
                with context.wrap_socket(raw, server_hostname=NAME) as wrapped:
                    wrapped.sendall(GET.replace(b"/ ", b"/large "))
                    read = b""
                    while part := wrapped.recv(1 << 18):
                        read += part
                        time.sleep(0.001)
                    return len(read.partition(b"\r\n\r\n")[2])

        read = await asyncio.to_thread(read_all)
        assert read == SIZE

    run(authority, tmp_path, work)


def test_a_long_body_comes_as_fast_as_it_is_taken_in(authority: Authority, tmp_path: Path) -> None:
    async def work(service: Service) -> None:
        reader, writer = await service.secure(authority)
        for _ in range(2):
            length = b"Content-Length: %d\r\n\r\n" % SIZE
            writer.write(GET.replace(b"GET", b"POST").removesuffix(b"\r\n") + length + LARGE)
            assert (await reader.readuntil(b"https")).startswith(b"HTTP/1.1 200")
        writer.close()

    run(authority, tmp_path, work)


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion.TLSv1_1 is deprecated")
def test_versions_before_1_2_are_refused(authority: Authority, tmp_path: Path) -> None:
    async def work(service: Service) -> None:
        def agreed(version: ssl.TLSVersion) -> str | None:
            context = ssl.create_default_context(cafile=authority.file)
            context.set_ciphers("ALL:@SECLEVEL=0")
            context.minimum_version = context.maximum_version = version
            with (
                socket.create_connection(("127.0.0.1", service.port)) as raw,
                context.wrap_socket(raw, server_hostname=NAME) as wrapped,
            ):
                return wrapped.version()

        for version, name in (
            (ssl.TLSVersion.TLSv1_2, "TLSv1.2"),
            (ssl.TLSVersion.TLSv1_3, "TLSv1.3"),
        ):
            assert await asyncio.to_thread(agreed, version) == name
        with pytest.raises((ssl.SSLError, ConnectionError)):
            await asyncio.to_thread(agreed, ssl.TLSVersion.TLSv1_1)

    run(authority, tmp_path, work)


# The files


def looked(certificate: Certificate, times: int = 2) -> list[dict[str, Any]]:
    """What is said at so many looks."""
    with structlog.testing.capture_logs() as lines:
        for _ in range(times):
            certificate.look()
    return [dict(line) for line in lines]


def test_a_renewed_pair_is_taken_when_it_stands_still(authority: Authority, tmp_path: Path) -> None:
    held = Certificate(*authority.issue(NAME).write(tmp_path))
    before = held.context
    authority.issue(NAME).write(tmp_path)
    assert looked(held, 1) == []  # it may be being written
    assert held.context is before
    assert [line["event"] for line in looked(held, 3)] == ["renewed certificate taken"]
    assert held.context is not before


def test_a_renewed_pair_behind_a_link_is_taken(authority: Authority, tmp_path: Path) -> None:
    """As certbot does it: the links lead elsewhere from then on."""
    live = tmp_path / "live"
    live.mkdir()
    for number in range(2):
        for path in authority.issue(NAME).write(tmp_path / str(number)):
            link = live / path.name
            link.unlink(missing_ok=True)
            link.symlink_to(path)
        if number == 0:
            held = Certificate(live / "fullchain.pem", live / "privkey.pem")
    assert [line["event"] for line in looked(held)] == ["renewed certificate taken"]


def other_key(authority: Authority, directory: Path) -> None:
    (directory / "privkey.pem").write_bytes(authority.issue(NAME).key)


def without_key(authority: Authority, directory: Path) -> None:
    (directory / "privkey.pem").unlink()


def without_certificate(authority: Authority, directory: Path) -> None:
    (directory / "fullchain.pem").unlink()


def no_certificate(authority: Authority, directory: Path) -> None:
    (directory / "fullchain.pem").write_text("half of a f")


def no_key(authority: Authority, directory: Path) -> None:
    (directory / "privkey.pem").write_text("-----BEGIN PRIVATE KEY-----\nhalf")


def readable_key(authority: Authority, directory: Path) -> None:
    (directory / "privkey.pem").chmod(0o644)
    os.utime(directory / "privkey.pem", ns=(1, 1))


def others_key(authority: Authority, directory: Path) -> None:
    os.chown(directory / "privkey.pem", 4711, 4711)
    os.utime(directory / "privkey.pem", ns=(1, 1))


def sealed_key(authority: Authority, directory: Path) -> None:
    key = serialization.load_pem_private_key((directory / "privkey.pem").read_bytes(), None)
    (directory / "privkey.pem").write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.BestAvailableEncryption(b"secret"),
        )
    )


DAMAGE: Final = [
    (other_key, "tls_key: ", "does not belong to the certificate"),
    (without_key, "tls_key: ", "cannot be read (No such file or directory)"),
    (without_certificate, "tls_certificate: ", "cannot be read (No such file or directory)"),
    (no_certificate, "tls_certificate: ", "holds no certificate in PEM"),
    (no_key, "tls_key: ", "holds no private key in PEM"),
    (readable_key, "tls_key: ", "has mode 0644: others may use it: chmod 640"),
    (others_key, "tls_key: ", "belongs to another user (uid 4711)"),
    (sealed_key, "tls_key: ", "has a passphrase"),
]


@pytest.mark.parametrize(("damage", "option", "why"), DAMAGE, ids=[d[0].__name__ for d in DAMAGE])
def test_a_pair_that_cannot_be_used_is_one_line_and_the_one_before_stays(
    authority: Authority,
    tmp_path: Path,
    damage: Callable[[Authority, Path], None],
    option: str,
    why: str,
) -> None:
    certificate, key = authority.issue(NAME).write(tmp_path)
    held = Certificate(certificate, key)
    before = held.context
    damage(authority, tmp_path)
    with pytest.raises(CertificateError) as refused:
        Certificate(certificate, key)
    line = str(refused.value)
    assert line.startswith(f"[api] {option}{tmp_path}") or option + "the key in" in line
    assert why in line
    assert "\n" not in line
    told = looked(held, 4)
    assert [(each["event"], each["reason"]) for each in told] == [
        ("renewed certificate not taken, the one before stays", line)
    ]
    assert held.context is before
    key.unlink(missing_ok=True)
    authority.issue(NAME).write(tmp_path)
    assert [each["event"] for each in looked(held, 3)] == ["renewed certificate taken"]
