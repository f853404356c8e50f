"""This gateway's lease: taken, renewed, lost, taken again.

Rules this module keeps:
- The epoch is kept in the state directory, so that an agent that comes back within the
  lease's time goes on with it instead of waiting for it to run out.
- Losing the lease stops nothing on the gateway: tunnels go on, only reports wait.
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

from landbridge.agent.backoff import Backoff
from landbridge.agent.server import LeaseLost, Server, ServerError
from landbridge.model import Lease

RENEWALS_PER_TTL: Final = 3

log = structlog.get_logger(__name__)


class LeaseKeeper:
    """`on_epoch` is called with each new epoch before `held` lets anybody through."""

    def __init__(
        self,
        server: Server,
        epoch_file: Path,
        holder: str,
        capabilities: Mapping[str, Any],
        on_epoch: Callable[[int], None],
    ) -> None:
        self._server = server
        self._file = epoch_file
        self._holder = holder
        self._capabilities = capabilities
        self._on_epoch = on_epoch
        self._epoch = _stored(epoch_file)
        self._lease: Lease | None = None
        self._held = asyncio.Event()
        self._hurry = asyncio.Event()

    async def held(self) -> Lease:
        """Wait until there is a lease."""
        while self._lease is None:
            await self._held.wait()
        return self._lease

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
                log.warning("lease refused", reason=str(error))
                self._release()
                await asyncio.sleep(backoff.next())
            except ServerError as error:
                log.warning("lease not renewed", reason=str(error))
                await asyncio.sleep(backoff.next())
            else:
                backoff.reset()
                self._take(lease)
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(lease.ttl / RENEWALS_PER_TTL):
                        await self._hurry.wait()

    async def _ask(self) -> Lease:
        return await self._server.lease(
            hostname=socket.gethostname(),
            holder=self._holder,
            version=version("landbridge"),
            epoch=self._epoch,
            capabilities=self._capabilities,
        )

    def _take(self, lease: Lease) -> None:
        fresh = self._lease is None or self._lease.epoch != lease.epoch
        if self._epoch != lease.epoch:
            self._file.write_text(f"{lease.epoch}\n")
        self._epoch, self._lease = lease.epoch, lease
        if fresh:
            log.info("lease taken", gateway=lease.gateway_id, epoch=lease.epoch)
            self._on_epoch(lease.epoch)
        self._held.set()

    def _release(self) -> None:
        self._epoch, self._lease = None, None
        self._held.clear()


def _stored(path: Path) -> int | None:
    try:
        return int(path.read_text())
    except (OSError, ValueError):
        return None
