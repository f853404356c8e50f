"""The agent of one gateway: what runs, and how it starts and stops.

Rules this module keeps:
- One task group holds everything: lease, stream, reports and one supervisor per router.
- Stopping (SIGTERM, SIGINT) ends our tasks and nothing else: charons, namespaces, filters
  and routes stay, traffic flows on, and the next agent adopts them.
- One agent per state directory: two would fight over the same charons.
"""

from __future__ import annotations

import asyncio
import contextlib
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import structlog

from landbridge.agent.charon import priority
from landbridge.agent.charon.process import Charon
from landbridge.agent.dataplane.bridges import Bridges
from landbridge.agent.dataplane.dataplane import Backend
from landbridge.agent.dataplane.kernel import choose_backend
from landbridge.agent.dataplane.names import hex12, namespace_name
from landbridge.agent.dataplane.namespace import Namespaces
from landbridge.agent.dataplane.traffic import HostDataplane
from landbridge.agent.errors import GatewayError
from landbridge.agent.link.client import Server
from landbridge.agent.link.followed import Followed
from landbridge.agent.link.installation import holder
from landbridge.agent.link.lease import LeaseKeeper
from landbridge.agent.link.reporter import Reporter
from landbridge.agent.metrics.exposition import expose
from landbridge.agent.metrics.meters import Meters
from landbridge.agent.metrics.metrics import AgentMetrics
from landbridge.agent.routers.manager import RouterManager
from landbridge.agent.routers.runner import RouterTask
from landbridge.agent.routers.supervisor import RouterSupervisor
from landbridge.agent.routers.teardown import remove_leftovers, router_directories
from landbridge.agent.routers.watcher import Watcher
from landbridge.config.settings import AgentSettings
from landbridge.filelock import FULL, Held, held
from landbridge.heartbeat import Heartbeat
from landbridge.model.router import Router
from landbridge.trustedfile import OPEN_TO_LOOKUPS, own_directory

STOP_SIGNALS: Final = (signal.SIGTERM, signal.SIGINT)
FINAL: Final = 2
PREDECESSOR_PATIENCE: Final = 5.0  # seconds: one that was told to end may still be ending

log = structlog.get_logger(__name__)


async def run(settings: AgentSettings, heartbeat: Heartbeat) -> None:
    """Run this gateway until SIGTERM or SIGINT.

    Raises:
        SystemExit: with one line for a person, where the agent cannot run at all. With code `FINAL`
            only a person can change that.
    """
    try:
        with _alone(settings.state_dir):
            backend = await choose_backend(settings.kernel)
            await _until_stopped(Agent(settings, backend), heartbeat)
    except NotToRun as error:
        sys.stderr.write(f"landbridge agent: {error}\n")
        raise SystemExit(FINAL) from error
    except GatewayError as error:
        raise SystemExit(f"landbridge agent: {error}") from error


class NotToRun(GatewayError):
    """Only a person can change it: another agent has the state directory, or it is unusable."""


class Agent:
    """All parts of one agent, wired together. `serve` runs them until cancelled."""

    def __init__(self, settings: AgentSettings, backend: Backend) -> None:
        self._settings = settings
        self._backend = backend
        self._namespaces = Namespaces(Bridges(settings.bridges, settings.state_dir))
        self._dataplane = HostDataplane(backend)
        self._may_nice = priority.is_permitted()
        self.metrics = AgentMetrics()

    async def serve(self) -> None:
        settings = self._settings
        log.info("agent starts", gateway=settings.gateway_id, backend=str(self._backend))
        if not self._may_nice:
            log.warning("charons run at the ordinary priority", reason=priority.FORBIDDEN,
                        advice=priority.ADVICE)  # fmt: skip
        async with (
            Server(
                settings.server_url, settings.gateway_id, settings.token_file, settings.trust
            ) as server,
            asyncio.TaskGroup() as group,
        ):
            reporter, followed = Reporter(server.report), Followed(settings.state_dir)
            lease = LeaseKeeper(
                server,
                settings.state_dir / "epoch",
                holder(settings.state_dir),
                {"backend": str(self._backend)},
                on_lease=lambda lease: reporter.use_epoch(lease.epoch, lease.sequence),
            )

            def hold(reason: str) -> None:
                reporter.pause()
                lease.hold(reason)
                self.metrics.holds.set(bool(reason))

            router_manager = RouterManager(
                group, lambda router: self._router_supervisor(router, reporter), reporter.forget
            )
            router_watcher = Watcher(
                server,
                router_manager,
                followed,
                ready=lease.held,
                connected=reporter.repeat,
                clean=self._clean,
                present=self._strangers,
                hold=hold,
            )
            group.create_task(lease.run(), name="lease")
            group.create_task(reporter.run(lease.lost), name="report")
            group.create_task(router_watcher.run(), name="follow")
            group.create_task(followed.keep(), name="followed")
            group.create_task(expose(settings.metrics_bind, self.metrics.registry), name="metrics")

    def _router_supervisor(self, router: Router, reporter: Reporter) -> RouterSupervisor:
        directory = self._settings.state_dir / hex12(router.id)
        task = RouterTask(
            router,
            charon=Charon(
                directory,
                namespace_name(router.id),
                self._backend,
                Path(self._settings.charon),
                niced=self._may_nice,
            ),
            backend=self._backend,
            dataplane=self._dataplane,
            report=reporter.put,
            report_router=reporter.put,
            meters=Meters(router.id, self.metrics, directory / "carried.json"),
            update_deadline=self._settings.update_deadline,
        )
        return RouterSupervisor(
            router,
            task,
            namespaces=self._namespaces,
            directory=directory,
            renewed=self._dataplane.forget,
        )

    def _strangers(self, desired: frozenset[str]) -> list[str]:
        """What there is on this host of routers other than the desired."""
        known = {hex12(router_id) for router_id in desired}
        found = router_directories(self._settings.state_dir)
        return [directory.name for directory in found if directory.name not in known]

    async def _clean(self, desired: frozenset[str]) -> None:
        try:
            await remove_leftovers(self._settings.state_dir, self._namespaces, desired)
        except (GatewayError, OSError) as error:
            log.warning("leftovers not removed", reason=str(error))


async def _until_stopped(agent: Agent, heartbeat: Heartbeat) -> None:
    loop = asyncio.get_running_loop()
    serving = asyncio.create_task(agent.serve(), name="agent")
    beating = asyncio.create_task(heartbeat.run(), name="heartbeat")
    for number in STOP_SIGNALS:
        loop.add_signal_handler(number, serving.cancel)
    try:
        await asyncio.wait([serving])
    finally:
        for number in STOP_SIGNALS:
            loop.remove_signal_handler(number)
        serving.cancel()
        beating.cancel()
    if not serving.cancelled() and (error := serving.exception()):
        raise error
    log.info("agent stops; tunnels go on")


@contextlib.contextmanager
def _alone(state_dir: Path) -> Iterator[None]:
    """Raises: GatewayError."""
    lock = state_dir / "lock"
    with contextlib.ExitStack() as stack:
        try:
            own_directory(state_dir, OPEN_TO_LOOKUPS)
            stack.enter_context(held(lock, patience=PREDECESSOR_PATIENCE))
        except Held as error:
            which = f" (process {error.pid})" if error.pid else ""
            raise NotToRun(
                f"another agent{which} runs with the state directory {state_dir}: stop it first"
            ) from error
        except OSError as error:
            raise _unusable(lock if state_dir.is_dir() else state_dir, error) from error
        yield


def _unusable(path: Path, error: OSError) -> GatewayError:
    if error.errno in FULL:
        return GatewayError(f"the disk with {path} is full")
    return NotToRun(f"{path} cannot be used ({error.strerror}): remove it; it is made anew")
