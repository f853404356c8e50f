"""TLS before HTTP: what is counted and what is waited for."""

from __future__ import annotations

import asyncio
import socket
import ssl
import time
from pathlib import Path
from typing import Final

import pytest

from tests.environments.certificates import Authority
from tests.unit.api.tlsservice import (
    GET,
    LARGE,
    NAME,
    PER_ADDRESS,
    SIZE,
    Service,
    answered,
    ends,
    run,
    until,
)


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
        await until(lambda: service.held == PER_ADDRESS)
        assert await answered(service, authority) == b"HTTP/1.1 429 Too Many Requests"
        for reader, writer in slow:
            assert await ends(reader) == b""
            writer.close()
        await until(lambda: service.held == 0)
        assert await answered(service, authority) == b"HTTP/1.1 200 OK"

    run(authority, tmp_path, work, seconds=0.4)


@pytest.mark.parametrize("sent", [b"\x16\x03\x01\x00\x05hello", b"\x16" + bytes(500)])
def test_what_is_no_tls_ends_and_gives_its_place_back(
    authority: Authority, tmp_path: Path, sent: bytes
) -> None:
    async def work(service: Service) -> None:
        for _ in range(2 * PER_ADDRESS):
            reader, writer = await service.raw()
            writer.write(sent)
            await ends(reader)
            writer.close()
            await until(lambda: service.held == 0)
        assert await answered(service, authority) == b"HTTP/1.1 200 OK"

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
            await until(lambda: service.held == 0)
        assert await answered(service, authority) == b"HTTP/1.1 200 OK"

    run(authority, tmp_path, work)


def test_who_speaks_plain_http_is_told_so(authority: Authority, tmp_path: Path) -> None:
    async def work(service: Service) -> None:
        reader, writer = await service.raw()
        writer.write(GET)
        answer = await ends(reader)
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
