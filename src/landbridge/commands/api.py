"""One API process: state directory, database, door and application behind uvicorn.

Rules this module keeps:
- Everything is made here, in this order, and handed on; the application finds nothing by
  itself: schema, key, database, first tokens, door, routes.
- The listening socket may be inherited from the supervisor, so that no request is refused
  while a killed API starts anew: it waits in the socket's queue.
- What was made at the start stays for good: the garbage collector does not look at it again,
  so no request waits while it does.
"""

from __future__ import annotations

import asyncio
import gc
import socket
from contextlib import closing

import uvicorn

from landbridge.access import firsttokens
from landbridge.access.door import open_door
from landbridge.api.app import create_app
from landbridge.api.patience import PatientProtocol
from landbridge.api.watch import Watch
from landbridge.commands import preflight
from landbridge.commands.storage import open_database
from landbridge.settings import Settings
from landbridge.store.database import Database

COLLECT_AFTER = 50_000  # new objects: those of some hundred requests
GRACE = 2  # seconds for open requests at the end; streams of agents never end by themselves


def run(settings: Settings, listen_fd: int | None) -> None:
    """Serve until SIGTERM or SIGINT. Raises: NotReady and what the parts raise."""
    listener = socket.socket(fileno=listen_fd) if listen_fd else preflight.listen(settings)
    with listener, closing(open_database(settings)) as db:
        firsttokens.ensure(db, settings.state_dir, settings.agent.gateway_id)
        with closing(open_door(settings, db)) as door:
            server = uvicorn.Server(_config(create_app(settings, db, door)))
            _settle()
            with asyncio.Runner(loop_factory=_new_loop) as runner:
                runner.run(_serve(server, listener, db))


async def _serve(server: uvicorn.Server, listener: socket.socket, db: Database) -> None:
    """Serve, hear of what other processes commit, and watch the gateways meanwhile."""
    async with asyncio.TaskGroup() as tasks:
        beside = [tasks.create_task(db.follow()), tasks.create_task(Watch(db).run())]
        try:
            await server.serve(sockets=[listener])
        finally:
            for task in beside:
                task.cancel()


def _settle() -> None:
    gc.collect()
    gc.freeze()
    gc.set_threshold(COLLECT_AFTER, 20, 20)


def _new_loop() -> asyncio.AbstractEventLoop:
    import uvloop

    return uvloop.new_event_loop()


def _config(app: object) -> uvicorn.Config:
    return uvicorn.Config(
        app,  # type: ignore[arg-type]  # an ASGI application
        http=PatientProtocol,
        loop="none",
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=GRACE,
        timeout_keep_alive=65,
    )
