"""Keeps one router: its namespace as desired, its task running, its end clean.

Rules this module keeps:
- One sequential task per router: the namespace comes first, then the task that runs its
  tunnels; both are looked at again whenever the router changes, and every `RECHECK`. A
  namespace that somebody has deleted is missed within `GLANCE`.
- A new external address comes beside the old one, which stays until no tunnel uses it any more,
  for at most `OVERLAP` seconds: it may be given to others.
- Any error of one router, expected or not, is logged, reported for it and its tunnels
  (`Worker.set_error`) and tried again with back-off here. It concerns no other router.
- Being cancelled leaves namespace, charon and tunnels as they are. Only `retire` ends them.
"""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Final, Protocol

import structlog

from landbridge.agent.dataplane.namespace import NONE, Namespaces, Retained, addresses_of
from landbridge.agent.dataplane.netlink import translated
from landbridge.agent.errors import GatewayError, in_words
from landbridge.agent.reconcile.statuses import ErrorSource
from landbridge.backoff import Backoff
from landbridge.model.diagnosis import Diagnosis
from landbridge.model.router import Router
from landbridge.model.tunnel import Tunnel

RECHECK: Final = 60.0  # seconds
GLANCE: Final = 2.0
OVERLAP: Final = 300.0

log = structlog.get_logger(__name__)


class Worker(Protocol):
    """What runs a router's tunnels; `landbridge.agent.routers.runner.RouterTask` is one."""

    def want(self, tunnel: Tunnel) -> None: ...
    def drop(self, tunnel_id: str) -> None: ...
    def replace(self, tunnels: Iterable[Tunnel]) -> None: ...
    def reconfigure(self, router: Router) -> None: ...
    def set_error(self, router: Router, source: ErrorSource, words: str | None) -> None: ...

    def addresses_are(self, addresses: frozenset[str]) -> None:
        """Those that the router has outside."""

    def addresses_in_use(self) -> frozenset[str] | None:
        """Of the router, by IKE_SAs that live; None: not known yet."""

    async def diagnose(self, tunnel_id: str) -> Diagnosis: ...
    async def initiate(self, tunnel_id: str) -> Diagnosis: ...

    async def run(self) -> None:
        """Until cancelled, which leaves charon and its SAs alone."""

    async def destroy(self) -> None:
        """End the tunnels and charon; called when `run` has ended."""


class RouterSupervisor:
    """`renewed` is called when the namespace had to be made: nothing is in it yet."""

    def __init__(
        self,
        router: Router,
        worker: Worker,
        *,
        namespaces: Namespaces,
        directory: Path,
        renewed: Callable[[str], None],
    ) -> None:
        self.router = router  # as wanted
        self.worker = worker
        self._told = router  # as the worker knows it
        self._namespaces = namespaces
        self._directory = directory
        self._renewed = renewed
        self._changed = asyncio.Event()
        self._retained: Retained = NONE
        self._retained_until = 0.0

    def want(self, router: Router) -> None:
        self.router = router
        self._changed.set()

    async def run(self) -> None:
        """Until cancelled."""
        await self._ensure_namespace()
        while True:
            async with asyncio.TaskGroup() as group:
                worker = group.create_task(self._run_worker(), name=f"router {self.router.id}")
                await self._until_renewed()
                worker.cancel()

    async def retire(self) -> None:
        """The router is deleted: nothing of it stays; tried until it is so."""
        backoff = Backoff()
        while True:
            try:
                await self.worker.destroy()
                await self._namespaces.remove(self.router.id)
                shutil.rmtree(self._directory, ignore_errors=True)
            except Exception as error:
                _note("router not removed", self.router, error)
                await asyncio.sleep(backoff.next())
            else:
                log.info("router removed", router=self.router.id)
                return

    async def _until_renewed(self) -> None:
        """Follow changes until the namespace had to be made anew: charon is not in it."""
        renewed = False
        while not renewed:
            await self._until_recheck()
            renewed = await self._ensure_namespace()

    async def _until_recheck(self) -> None:
        end = time.monotonic() + RECHECK
        while time.monotonic() < end and self._stands():
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(GLANCE):
                    await self._changed.wait()
                    return

    def _stands(self) -> bool:
        """Whether nothing is known to be wrong with the namespace, nor to be left over in it."""
        if self._retained != NONE and self._retained != self._still_used():
            return False
        return self._namespaces.stands(self.router.id)

    def _still_used(self) -> Retained:
        """What stays of addresses that are not wanted any more."""
        if time.monotonic() >= self._retained_until:
            return NONE
        used = self.worker.addresses_in_use()
        return None if used is None else used - addresses_of(self.router.uplink)

    async def _ensure_namespace(self) -> bool:
        """Retry until the namespace is as desired. True: it had to be made."""
        backoff = Backoff()
        while True:
            self._changed.clear()
            router = self.router
            try:
                made = await self._ensure(router)
            except Exception as error:
                self._tell(router, ErrorSource.NAMESPACE, error)
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(backoff.next()):
                        await self._changed.wait()
            else:
                self.worker.addresses_are(self._namespaces.outside(router.id))
                if made:
                    self._renewed(router.id)
                if router != self._told:
                    self._told = router
                    self.worker.reconfigure(router)
                self.worker.set_error(router, ErrorSource.NAMESPACE, None)
                return made

    async def _ensure(self, router: Router) -> bool:
        with translated(f"make the directory {self._directory}"):
            self._directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        if self._retained == NONE:
            self._retained_until = time.monotonic() + OVERLAP
        self._retained = self._still_used()
        return await self._namespaces.ensure(router, self._retained)

    async def _run_worker(self) -> None:
        backoff = Backoff()
        while True:
            started = time.monotonic()
            try:
                await self.worker.run()
            except Exception as error:
                self._tell(self.router, ErrorSource.TASK, error)
            if time.monotonic() - started > RECHECK:
                backoff.reset()
            await asyncio.sleep(backoff.next())

    def _tell(self, router: Router, source: ErrorSource, error: Exception) -> None:
        _note("router not ready", router, error)
        self.worker.set_error(router, source, in_words(error))


def _note(event: str, router: Router, error: Exception) -> None:
    """Expected errors are logged in one line, unexpected ones with a traceback."""
    unforeseen = None if isinstance(error, GatewayError) else error
    log.warning(event, router=router.id, reason=str(error), exc_info=unforeseen)
