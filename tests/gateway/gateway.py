"""The gateway under test: a real router task with a real charon, driven from plain tests.

The task runs in a thread with an event loop of its own, so that a test may block in `ping`
or in the lab while the agent goes on.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import threading
import time
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any, TypeVar
from uuid import uuid4

import msgspec

from landbridge.agent.charon.process import BINARY, Charon
from landbridge.agent.dataplane.bridges import Bridges
from landbridge.agent.dataplane.dataplane import Backend
from landbridge.agent.dataplane.kernel import choose_backend
from landbridge.agent.dataplane.names import namespace_name
from landbridge.agent.dataplane.namespace import Namespaces
from landbridge.agent.dataplane.traffic import HostDataplane
from landbridge.agent.dns.resolver import Lookup
from landbridge.agent.metrics.meters import Meters
from landbridge.agent.metrics.metrics import AgentMetrics
from landbridge.agent.reconcile.sampler import NORMAL, Pace
from landbridge.agent.routers.runner import RouterTask
from landbridge.agent.tunnels.observed import Actual, IkeSa, actual, ike_sas
from landbridge.lab.hosts import Host
from landbridge.lab.patience import patient
from landbridge.model.diagnosis import Diagnosis, TrafficSeries
from landbridge.model.initiation import Initiation
from landbridge.model.router import Router
from landbridge.model.status import RouterStatus, TunnelState, TunnelStatus
from landbridge.model.tunnel import Dpd, EspProposal, IkeProposal, Secret, Tunnel
from landbridge.vici import Message, Session
from tests import dataplane
from tests.gateway.conftest import (
    LOCAL_CIDRS,
    PEER_CIDRS,
    PEER_OUTSIDE,
    PSK,
    ROUTER_OUTSIDE,
    Surroundings,
)
from tests.gateway.routers import router

T = TypeVar("T")
PATIENCE = patient(20.0)  # seconds


def tunnel(version: str = "v2", **changes: Any) -> Tunnel:
    """What `tests.gateway.conftest.peer_connection` is the other end of."""
    made = Tunnel(
        id=str(uuid4()),
        name="",
        router_id="",
        revision=1,
        admin_state_up=True,
        local_address=ROUTER_OUTSIDE,
        local_id=ROUTER_OUTSIDE,
        peer_address=PEER_OUTSIDE,
        peer_id=PEER_OUTSIDE,
        psk=Secret(value=PSK),
        psk_generation=1,
        initiator="bi-directional",
        mtu=1500,
        dpd=Dpd(action="hold", interval=30, timeout=120),
        ike=IkeProposal(
            version="v1" if version == "v1" else "v2",
            mode="main",
            encryption="aes-128",
            integrity="sha256",
            dh_group="group14",
            lifetime=3600,
        ),
        esp=EspProposal(
            protocol="esp",
            encapsulation="tunnel",
            encryption="aes-128",
            integrity="sha256",
            pfs_group="group14",
            lifetime=3600,
        ),
        local_cidrs=LOCAL_CIDRS[:1],
        peer_cidrs=PEER_CIDRS[:1],
        split_selector=False,
    )
    return msgspec.structs.replace(made, **changes)


def changed(old: Tunnel, **changes: Any) -> Tunnel:
    return msgspec.structs.replace(old, revision=old.revision + 1, **changes)


class Gateway:
    """`start` and `stop` are those of an agent: `stop` leaves charon and tunnels alone."""

    def __init__(
        self,
        around: Surroundings,
        directory: Path,
        *,
        lookup: Lookup | None = None,
        update_deadline: float = 0.0,
        binary: Path = BINARY,
        pace: Pace = NORMAL,
        charon_patience: float | None = None,
    ) -> None:
        self._pace = pace
        self.metrics = AgentMetrics()
        self.history: list[tuple[float, TunnelStatus]] = []
        self._lookup = lookup
        self._update_deadline = update_deadline
        self.statuses: dict[str, TunnelStatus] = {}
        self.routers: list[RouterStatus] = []
        self.tunnels: dict[str, Tunnel] = {}
        self.router = router()
        self._directory = directory
        uplink, inner = self.router.uplink, self.router.inside[0]
        assert uplink is not None
        self._namespaces = Namespaces(
            Bridges({uplink.network_id: around.uplink, inner.network_id: around.inside}, directory)
        )
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._thread.start()
        self.backend: Backend = self._run(choose_backend(dataplane.wanted()))
        self._run(self._namespaces.ensure(self.router))
        self.charon = Charon(
            directory / "agent",
            namespace_name(self.router.id),
            self.backend,
            binary,
            patience=charon_patience,
        )
        self._task: RouterTask | None = None
        self._running: asyncio.Task[None] | None = None

    # As the agent's main does it ----------------------------------------------------------

    def start(self) -> None:
        async def begin() -> None:
            task = RouterTask(
                self.router,
                charon=self.charon,
                backend=self.backend,
                dataplane=HostDataplane(self.backend),
                report=self._take,
                report_router=self.routers.append,
                meters=Meters(self.router.id, self.metrics, self._directory / "carried.json"),
                pace=self._pace,
                lookup=self._lookup,
                update_deadline=self._update_deadline,
            )
            task.replace(self.tunnels.values())
            self._task, self._running = task, asyncio.create_task(task.run())

        self._run(begin())

    def stop(self) -> None:
        async def end() -> None:
            if self._running is not None:
                self._running.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await self._running

        self._run(end())
        self._task = self._running = None

    def want(self, *tunnels: Tunnel) -> None:
        for each in tunnels:
            self.tunnels[each.id] = each
            if self._task is not None:
                self._loop.call_soon_threadsafe(self._task.want, each)

    def drop(self, tunnel_id: str) -> None:
        del self.tunnels[tunnel_id]
        assert self._task is not None
        self._loop.call_soon_threadsafe(self._task.drop, tunnel_id)

    def reconfigure(self, router: Router) -> None:
        self.router = router
        self._run(self._namespaces.ensure(router))
        if self._task is not None:
            self._loop.call_soon_threadsafe(self._task.reconfigure, router)

    @property
    def namespace(self) -> Host:
        return Host(namespace_name(self.router.id))

    # What a test sees -----------------------------------------------------------------------

    def wait(
        self, what: Tunnel, holds: Callable[[TunnelStatus], bool], patience: float = PATIENCE
    ) -> TunnelStatus:
        end = time.monotonic() + patience
        while True:
            status = self.statuses.get(what.id)
            if status is not None and status.revision == what.revision and holds(status):
                return status
            assert time.monotonic() < end, f"last seen: {status}"
            time.sleep(0.01)

    def wait_applied(self, *whats: Tunnel, patience: float = PATIENCE) -> None:
        for each in whats:
            self.wait(each, is_applied, patience)

    def recent_traffic(self, what: Tunnel) -> TrafficSeries:
        assert self._task is not None
        return self._run(self._task.diagnose(what.id)).traffic

    def sas(self, what: Tunnel) -> tuple[IkeSa, ...]:
        """Those that bear its name or carry children of it, with those only."""
        return actual(ike_sas(self._list()), what.id).sas

    def all_sas(self) -> tuple[IkeSa, ...]:
        return tuple(ike_sas(self._list()))

    def _list(self) -> list[Message]:
        async def look() -> list[Message]:
            async with await Session.open(self.charon.socket) as session:
                return list(await session.collect("list-sas", "list-sa"))

        return self._run(look())

    def children(self, what: Tunnel) -> set[int]:
        return {child.unique_id for child in Actual(sas=self.sas(what)).carrying}

    def command(self, name: str, message: Message) -> None:
        """As somebody with swanctl on the gateway would."""

        async def ask() -> None:
            async with await Session.open(self.charon.socket) as session:
                await session.request(name, message)

        self._run(ask())

    def secrets(self) -> list[str]:
        """The ids of those that charon knows."""

        async def ask() -> Message:
            async with await Session.open(self.charon.socket) as session:
                return await session.request("get-shared")

        keys = self._run(ask()).get("keys", [])
        return sorted(keys) if isinstance(keys, list) else []

    def diagnose(self, what: Tunnel) -> Diagnosis:
        assert self._task is not None
        return self._run(self._task.diagnose(what.id))

    def initiate(self, what: Tunnel) -> Initiation:
        assert self._task is not None
        told = self._run(self._task.initiate(what.id)).initiation
        assert told is not None
        return told

    def trim_log(self) -> None:
        self._run(self.charon.trim_log())

    def kill_charon(self) -> int:
        pid = self.charon.pid()
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        return pid

    def close(self) -> None:
        self.stop()
        self._run(self.charon.stop())
        self._run(self._namespaces.remove(self.router.id))
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _take(self, status: TunnelStatus) -> None:
        self.statuses[status.id] = status
        self.history.append((time.time(), status))

    def _run(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(30)


def is_applied(status: TunnelStatus) -> bool:
    return status.state is TunnelState.UP and status.applied_revision == status.revision
