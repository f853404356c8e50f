"""A gateway host in memory: namespaces, and what the charons in them have, over any number of
agents; and what is done there that must never be.

`FakeNamespaces` and `FakeRouterTask` stand in for `Namespaces` and `RouterTask`. `wrong` is what a
host has seen and should not have: a test asks for it after each event.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

from landbridge.agent.dataplane.names import hex12, namespace_name
from landbridge.agent.dataplane.namespace import NONE, Retained, addresses_of
from landbridge.agent.errors import GatewayError
from landbridge.agent.reconcile.diagnosis import stranger
from landbridge.agent.reconcile.statuses import ErrorSource
from landbridge.model.diagnosis import Diagnosis
from landbridge.model.router import Router
from landbridge.model.status import RouterStatus, TunnelState, TunnelStatus
from landbridge.model.tunnel import Tunnel

Teardown = Literal["works", "hangs", "fails"]
Work = Literal["runs", "is removed"]
SHORT = 0.1  # seconds, of whatever the host does


class ScriptedHost:
    """`has_gone` says how often the server's history has let go of an object of a router."""

    def __init__(self, has_gone: Callable[[str, str], int]) -> None:
        self.namespaces: dict[str, Router] = {}  # as they were made
        self.addresses: dict[str, frozenset[str]] = {}  # of their uplinks
        self.used: frozenset[str] = frozenset()  # the addresses that tunnels have
        self.charons: dict[str, dict[str, int]] = {}  # router -> tunnel -> revision
        self.tasks: dict[str, FakeRouterTask] = {}  # the newest of each router
        self.makes: bool = True  # whether namespaces can be made
        self.teardown: Teardown = "works"
        self.wrong: list[str] = []
        self.calm = asyncio.Event()  # ends what hangs
        self._has_gone = has_gone
        self._working: dict[str, Counter[Work]] = {}
        self._removed: Counter[tuple[str, str]] = Counter()
        self._serial = 0

    def next_serial(self) -> float:
        self._serial += 1
        return float(self._serial)

    @contextmanager
    def working(self, router_id: str, work: Work) -> Iterator[None]:
        at_work = self._working.setdefault(router_id, Counter())
        at_work[work] += 1
        if at_work.total() > 1:
            self.wrong.append(f"{router_id}: {dict(+at_work)} at once")
        try:
            yield
        finally:
            at_work[work] -= 1

    def busy(self) -> set[str]:
        return {router_id for router_id, at_work in self._working.items() if +at_work}

    def removed(self, object_id: str, router_id: str) -> None:
        """Each time needs a word of the history's."""
        self._removed[object_id, router_id] += 1
        if self._removed[object_id, router_id] > self._has_gone(object_id, router_id):
            self.wrong.append(f"{object_id} of {router_id} was taken away, and nobody has said so")


class FakeNamespaces:
    def __init__(self, host: ScriptedHost) -> None:
        self._host = host

    async def ensure(self, router: Router, retained: Retained = NONE) -> bool:
        await asyncio.sleep(SHORT)
        host = self._host
        if not host.makes:
            raise GatewayError("no bridge")
        made = router.id not in host.namespaces
        before = frozenset() if made else host.addresses[router.id]
        kept = before if retained is None else before & retained
        host.namespaces[router.id] = router
        host.addresses[router.id] = kept | addresses_of(router.uplink)
        return made

    def stands(self, router_id: str) -> bool:
        return router_id in self._host.namespaces

    def outside(self, router_id: str) -> frozenset[str]:
        return self._host.addresses[router_id]

    async def remove(self, router_id: str) -> None:
        with self._host.working(router_id, "is removed"):
            await asyncio.sleep(SHORT)
            if self._host.namespaces.pop(router_id, None) is not None:
                self._host.removed(router_id, router_id)

    async def remove_named(self, name: str) -> None:
        for router_id in list(self._host.namespaces):
            if namespace_name(router_id) == name:
                await self.remove(router_id)


class FakeCharon:
    """The charon of one directory, for whoever finds that left over."""

    def __init__(self, host: ScriptedHost, directory: Path) -> None:
        self._host = host
        self._directory = directory

    async def stop(self) -> None:
        for router_id in list(self._host.charons):
            if hex12(router_id) == self._directory.name:
                with self._host.working(router_id, "is removed"):
                    await asyncio.sleep(SHORT)
                    self._host.charons.pop(router_id, None)


class FakeRouterTask:
    """Like the real one it takes away what it does not know only once it knows all."""

    def __init__(
        self,
        host: ScriptedHost,
        router: Router,
        report: Callable[[TunnelStatus], None],
        report_router: Callable[[RouterStatus], None],
    ) -> None:
        self.router = router
        self.errors: dict[ErrorSource, str] = {}
        self.crash = asyncio.Event()
        self._host = host
        self._report, self._report_router = report, report_router
        self._wanted: dict[str, Tunnel] = {}
        self._dropped: set[str] = set()
        self._complete = self._serving = self._has_listed = False
        host.tasks[router.id] = self

    def want(self, tunnel: Tunnel) -> None:
        self._wanted[tunnel.id] = tunnel
        self._dropped.discard(tunnel.id)
        self._step()

    def drop(self, tunnel_id: str) -> None:
        self._wanted.pop(tunnel_id, None)
        self._dropped.add(tunnel_id)
        self._step()

    def replace(self, tunnels: Iterable[Tunnel]) -> None:
        self._wanted = {tunnel.id: tunnel for tunnel in tunnels}
        self._complete = True
        self._step()

    def reconfigure(self, router: Router) -> None:
        self.router = router

    def set_error(self, router: Router, source: ErrorSource, words: str | None) -> None:
        if words is None:
            self.errors.pop(source, None)
        else:
            self.errors[source] = words

    def addresses_are(self, addresses: frozenset[str]) -> None:
        self.addresses = addresses

    def addresses_in_use(self) -> frozenset[str] | None:
        return self._host.used if self._has_listed else None

    async def diagnose(self, tunnel_id: str) -> Diagnosis:
        await asyncio.sleep(SHORT)
        return stranger(tunnel_id, 0.0)

    async def initiate(self, tunnel_id: str) -> Diagnosis:
        return await self.diagnose(tunnel_id)

    async def run(self) -> None:
        with self._host.working(self.router.id, "runs"):
            await asyncio.sleep(SHORT)
            if self.router.id not in self._host.namespaces:
                raise GatewayError("its namespace is gone")  # deleted a moment ago
            self._serving = self._has_listed = True
            self.errors.pop(ErrorSource.TASK, None)
            try:
                self._step()
                await self.crash.wait()
                self.crash.clear()
                raise RuntimeError("a bug")
            finally:
                self._serving = False

    async def destroy(self) -> None:
        with self._host.working(self.router.id, "is removed"):
            await asyncio.sleep(SHORT)
            if self._host.teardown == "hangs":
                await self._host.calm.wait()
            if self._host.teardown == "fails":
                raise GatewayError("charon does not end")
            self._host.charons.pop(self.router.id, None)

    def _step(self) -> None:
        if not self._serving:
            return
        has = self._host.charons.setdefault(self.router.id, {})
        for tunnel in self._wanted.values():
            if has.get(tunnel.id) != tunnel.revision:
                has[tunnel.id] = tunnel.revision
                self._report(self._status(tunnel))
        for tunnel_id in set(has) - set(self._wanted):
            if self._complete or tunnel_id in self._dropped:
                self._host.removed(tunnel_id, self.router.id)
                del has[tunnel_id]

    def _status(self, tunnel: Tunnel) -> TunnelStatus:
        """`observed_at` counts all statuses of the host."""
        return TunnelStatus(
            id=tunnel.id,
            revision=tunnel.revision,
            applied_revision=tunnel.revision,
            state=TunnelState.UP,
            reason=None,
            observed_at=self._host.next_serial(),
        )
