"""One API process: state directory, database, authentication and application behind uvicorn.

Rules this module keeps:
- Everything is made here, in this order, and passed on: schema, key, database, first tokens,
  authentication, routes.
- The listening socket may be inherited from the supervisor, so that requests wait in its queue
  while an API process restarts.
- With a certificate it speaks TLS on that socket, and follows the certificate's files.
- A process that cannot write any more, or whose database was replaced, ends with one line; its
  supervisor starts it again.
- A requested end is orderly: the log of an SQLite database is written into its file.
- Objects made at the start are excluded from garbage collection, so that no request waits for it.
"""

from __future__ import annotations

import asyncio
import gc
import resource
import signal
import socket
from collections.abc import Awaitable, Iterator
from contextlib import closing, contextmanager
from functools import partial
from typing import Any

import msgspec
import structlog
import uvicorn

from landbridge.api.app import create_app
from landbridge.api.http.certificate import Certificate, CertificateError
from landbridge.api.http.metrics import ApiMetrics
from landbridge.api.http.protocol import BoundedProtocol, SharedLimits
from landbridge.api.http.tls import TlsProtocol
from landbridge.api.jobs.housekeeping import DatabaseReplaced, Housekeeping, tell
from landbridge.auth import first_tokens
from landbridge.auth.authentication import open_authentication
from landbridge.cli import preflight
from landbridge.cli.notify import tell_systemd
from landbridge.cli.storage import alone, is_shared, open_database, told
from landbridge.config.settings import LimitSettings, Settings
from landbridge.console.mount import console_pages
from landbridge.heartbeat import Heartbeat
from landbridge.store import identity
from landbridge.store.database import Database
from landbridge.store.databasefile import WriterEnded
from landbridge.vpn.status import unreadable_psks

SPARE_FILES = 128  # for the database, its server, the log, and those that are told to go
COLLECT_AFTER = 50_000  # new objects: those of some hundred requests
STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT)
GRACE = 2  # seconds for open requests at the end; streams of agents never end by themselves


def run(settings: Settings, listen_fd: int | None, heartbeat: Heartbeat) -> None:
    """Serve until SIGTERM or SIGINT. Raises: NotReady, TryLater and what the parts raise."""
    certificate = _certificate(settings)
    listener = socket.socket(fileno=listen_fd) if listen_fd else preflight.listen(settings)
    _notice_who_has_gone(listener, settings.limits.gone_seconds)
    with listener, _alone(settings), closing(open_database(settings)) as db:
        with told(settings):
            _ensure_tokens(db, settings)
            first_tokens.doubt(db, settings.state_dir, shared=is_shared(settings))
            opening = db.write_sync(identity.opened)
            tell(db.write_sync(unreadable_psks.review))
        with closing(open_authentication(settings, db)) as auth:
            metrics = ApiMetrics()
            shared = SharedLimits(_reachable(settings.limits), metrics)
            pages = console_pages(settings, auth, db.sealer)
            app = create_app(settings, db, auth, metrics, pages)
            server = _Server(_config(app, shared, certificate))
            _settle()
            with asyncio.Runner(loop_factory=_new_loop) as runner:
                watch = Housekeeping(db, opening=opening, metrics=metrics)
                serving = _serve(server, listener, db, watch, heartbeat, certificate=certificate)
                if ended := runner.run(serving):
                    raise preflight.TryLater(ended)


class _Server(uvicorn.Server):
    """Notifies systemd when it serves, if it is a unit of its own. It does not raise the ending
    signal again, as uvicorn's own class does, so that the code after it runs."""

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            tell_systemd("READY=1")

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        for number in STOP_SIGNALS:
            signal.signal(number, self.handle_exit)
        yield


def _certificate(settings: Settings) -> Certificate | None:
    """Raises: NotReady."""
    certificate, key = settings.api.tls_certificate, settings.api.tls_key
    if certificate is None or key is None:
        return None
    try:
        return Certificate(certificate, key)
    except CertificateError as error:
        raise preflight.NotReady(str(error)) from None


@contextmanager
def _alone(settings: Settings) -> Iterator[None]:
    """The lock lies beside the database, in a directory that may have to be made."""
    preflight.state_dir(settings)
    with alone(settings):
        yield


def _ensure_tokens(db: Database, settings: Settings) -> None:
    try:
        first_tokens.ensure(
            db, settings.state_dir, settings.agent.gateway_id, shared=is_shared(settings)
        )
    except OSError as error:
        raise preflight.unwritable(settings, error) from None


async def _serve(
    server: uvicorn.Server,
    listener: socket.socket,
    db: Database,
    watch: Housekeeping,
    heartbeat: Heartbeat,
    *,
    certificate: Certificate | None,
) -> str:
    """Serve, with the wake-ups of other processes and housekeeping. Returns the error that ended
    it, or None if it was asked to end."""
    ended: list[str] = []

    async def or_end(work: Awaitable[None]) -> None:
        try:
            await work
        except (WriterEnded, DatabaseReplaced) as error:
            ended.append(str(error))
            server.should_exit = True

    async with asyncio.TaskGroup() as tasks:
        beside = [
            tasks.create_task(heartbeat.run()),
            tasks.create_task(db.follow()),
            tasks.create_task(or_end(watch.run())),
            tasks.create_task(or_end(db.until_broken())),
        ]
        if certificate is not None:
            beside.append(tasks.create_task(certificate.follow()))
        try:
            await server.serve(sockets=[listener])
        finally:
            for task in beside:
                task.cancel()
    return "; ".join(ended)


def _notice_who_has_gone(listener: socket.socket, seconds: int) -> None:
    """For all connections that come in by it: without this the kernel goes on for a quarter of an
    hour to send to a host that has vanished, and a stream keeps its place as long."""
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, seconds * 1000)


def _settle() -> None:
    gc.collect()
    gc.freeze()
    gc.set_threshold(COLLECT_AFTER, 20, 20)


def _new_loop() -> asyncio.AbstractEventLoop:
    import uvloop

    return uvloop.new_event_loop()


def _reachable(limits: LimitSettings) -> LimitSettings:
    """Limit the connections by the number of files that the process may open."""
    _, files = resource.getrlimit(resource.RLIMIT_NOFILE)
    if files == resource.RLIM_INFINITY:
        files = limits.connections + SPARE_FILES
    resource.setrlimit(resource.RLIMIT_NOFILE, (files, files))
    possible = max(1, files - SPARE_FILES)
    if possible < limits.connections:
        structlog.get_logger("landbridge.api").warning(
            "fewer connections than configured: the process may open too few files",
            files=files,
            connections=possible,
        )
    return msgspec.structs.replace(limits, connections=min(limits.connections, possible))


def _config(app: object, shared: SharedLimits, certificate: Certificate | None) -> uvicorn.Config:
    http: Any = partial(BoundedProtocol, shared=shared)
    if certificate is not None:
        http = partial(
            TlsProtocol,
            http=http,
            certificate=certificate,
            admit=shared.admit,
            handshake_seconds=shared.limits.handshake_seconds,
        )
    return uvicorn.Config(
        app,  # type: ignore[arg-type]  # an ASGI application
        http=http,
        ws="none",
        loop="none",
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=GRACE,
        timeout_keep_alive=shared.limits.idle_seconds,
    )
