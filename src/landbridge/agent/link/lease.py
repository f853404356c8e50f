"""This gateway's lease: taken, renewed, lost, taken again.

Rules this module keeps:
- The epoch is kept in the state directory, so that an agent that comes back within the
  lease's time goes on with it instead of waiting for it to run out.
- Losing the lease stops nothing on the gateway: tunnels go on, only reports wait.
- Who does not follow the server's database (`hold`) has no lease of it; it says why instead.
- A disk that does not take the epoch ends nothing: it is kept in memory and tried again.
- A new epoch is announced to whoever must say everything again.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Callable, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

import structlog

from landbridge.agent.link.client import LeaseLost, Server, ServerError
from landbridge.agent.link.statefile import StateFile
from landbridge.backoff import Backoff
from landbridge.model.gateway import Lease

RENEWALS_PER_TTL: Final = 3
EPOCH_DIGITS: Final = 18

log = structlog.get_logger(__name__)


class LeaseKeeper:
    """`on_lease` is called with each new lease before `held` lets anybody through."""

    def __init__(
        self,
        server: Server,
        epoch_file: Path,
        holder: str,
        capabilities: Mapping[str, Any],
        on_lease: Callable[[Lease], None],
    ) -> None:
        self._server = server
        self._file = StateFile(epoch_file, "the lease's epoch")
        self._holder = holder
        self._capabilities = capabilities
        self._on_lease = on_lease
        self._kept = self._epoch = _stored(self._file)
        self._holds = ""
        self._said = ""
        self._again = False  # `on_lease` is to be called, also for the same epoch
        self._lease: Lease | None = None
        self._held = asyncio.Event()
        self._hurry = asyncio.Event()

    async def held(self) -> Lease:
        """Wait until there is a lease."""
        while self._lease is None:
            await self._held.wait()
        return self._lease

    def hold(self, reason: str) -> None:
        """Why the server's database is not followed; empty: it is."""
        if reason != self._holds:
            self._holds, self._again = reason, True
            self._hurry.set()

    def lost(self) -> None:
        """The server said that our epoch is not the newest."""
        self._release()
        self._hurry.set()

    async def run(self) -> None:
        backoff = Backoff()
        while True:
            self._hurry.clear()
            try:
                lease = await self._ask()
            except LeaseLost as error:
                self._say("lease refused", str(error))
                self._release()
                await self._pause(backoff.next())
            except ServerError as error:
                self._say("lease not renewed", str(error))
                await self._pause(backoff.next())
            else:
                backoff.reset()
                self._said = ""
                self._take(lease)
                await self._pause(lease.ttl / RENEWALS_PER_TTL)

    async def _pause(self, seconds: float) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._hurry.wait()

    def _say(self, event: str, reason: str) -> None:
        """Once, however often it is tried."""
        if self._said != event + reason:
            self._said = event + reason
            log.warning(event, reason=reason)

    async def _ask(self) -> Lease:
        return await self._server.lease(
            hostname=socket.gethostname(),
            holder=self._holder,
            version=version("landbridge"),
            epoch=self._epoch,
            capabilities=self._capabilities,
            holds=self._holds,
        )

    def _take(self, lease: Lease) -> None:
        if self._holds:  # asked for before that was known
            return
        fresh = self._again or self._lease is None or self._lease.epoch != lease.epoch
        self._again = False
        if self._kept != lease.epoch and self._file.write(f"{lease.epoch}\n"):
            self._kept = lease.epoch
        self._epoch, self._lease = lease.epoch, lease
        if fresh:
            log.info("lease taken", gateway=lease.gateway_id, epoch=lease.epoch)
            self._on_lease(lease)
        self._held.set()

    def _release(self) -> None:
        self._epoch, self._lease = None, None
        self._held.clear()


def _stored(file: StateFile) -> int | None:
    """What is no number is as good as nothing: the lease is taken anew."""
    text = (file.read() or "").strip()
    return int(text) if text.isascii() and text.isdigit() and len(text) <= EPOCH_DIGITS else None
