"""`landbridge serve`: which processes run on a host of its own, their order, and readiness.

Rules this module keeps:
- All checks that are possible run before the first process starts.
- One `serve` runs per state directory, whatever its address.
- The API's socket is opened here and outlives every API process.
- Without ``--lab`` charons and tunnels continue after the end; with it everything is removed.
"""

from __future__ import annotations

import asyncio
import http.client
import ssl

import structlog

from landbridge.cli import preflight
from landbridge.cli.notify import tell_systemd, watchdog
from landbridge.cli.supervisor import Child, supervise
from landbridge.config.settings import Settings
from landbridge.heartbeat import Heartbeat

READY_POLL = 0.1  # seconds
LAB_LOG = "landbridge.log"  # in the state directory: the terminal is for the lab's own words


def run(settings: Settings, *, lab: bool) -> int:
    """Until SIGTERM or SIGINT; the exit code. Raises: NotReady."""
    warnings = preflight.for_gateway(settings)
    preflight.state_dir(settings, may_be_full=True)
    with preflight.only_serve(settings), preflight.listen(settings) as listener:
        preflight.own_directories(settings, lab=lab)
        preflight.warn(warnings)
        code = asyncio.run(_run(settings, listener.fileno(), lab))
    if lab:
        from landbridge.agent.routers.teardown import teardown

        teardown(settings)
        from landbridge.lab import banner

        print(banner.kept(settings.state_dir), flush=True)
    return code


async def _run(settings: Settings, listen_fd: int, lab: bool) -> int:
    options = _options(settings)
    api = ("api", *options, "--listen-fd", str(listen_fd))
    log = settings.state_dir / LAB_LOG if lab else None
    patience = settings.frozen_after
    children = [
        Child("api", api, stop_rank=2, pass_fds=(listen_fd,), log=log, frozen_after=patience),
        Child(
            "agent",
            ("agent", *options),
            stop_rank=1,
            waits=True,
            log=log,
            frozen_after=patience,
        ),
    ]
    if lab:
        children.append(Child("lab", ("lab", *options), stop_rank=0))
    ready = asyncio.Event()
    saying = [
        asyncio.create_task(_say_when_ready(settings, ready)),
        asyncio.create_task(_keep_watchdog(ready)),
    ]
    try:
        return await supervise(children, ready)
    finally:
        for task in saying:
            task.cancel()


def _options(settings: Settings) -> tuple[str, ...]:
    where = (
        f"--state-dir={settings.state_dir}",
        f"--bind={settings.bind_host}:{settings.bind_port}",
    )
    return (f"--config={settings.config_file}", *where) if settings.config_file else where


async def _say_when_ready(settings: Settings, ready: asyncio.Event) -> None:
    """One line once the API can do its work (``/readyz``)."""
    while True:
        if await asyncio.to_thread(_ready, settings):
            break
        await asyncio.sleep(READY_POLL)
    ready.set()
    structlog.get_logger("landbridge.serve").info(
        "ready", url=settings.agent.server_url, admin_file=str(settings.state_dir / "admin-token")
    )
    tell_systemd("READY=1")


async def _keep_watchdog(ready: asyncio.Event) -> None:
    await ready.wait()
    await Heartbeat(None, watchdog()).run()


def _ready(settings: Settings) -> bool:
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(settings.bind_host, settings.bind_host)  # noqa: S104 - compared
    connection = http.client.HTTPConnection(host, settings.bind_port, timeout=5)
    if settings.api.tls_certificate:  # our own socket, by an address that is not in the certificate
        context = ssl._create_unverified_context()  # noqa: S323
        connection = http.client.HTTPSConnection(
            host, settings.bind_port, timeout=5, context=context
        )
    try:
        connection.request("GET", "/readyz")
        return connection.getresponse().status == http.client.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
