"""Status on its way up: the newest of each object, kept until the server has it.

Rules this module keeps:
- Putting a status in never waits. When nothing is on its way it goes at once; what comes
  while a report is on its way goes together in the next one.
- A status leaves the queue only when the report that carried it was acknowledged and
  nothing newer has come meanwhile.
- With a new epoch (a new lease, a server that was away) everything is said again; while there is
  none (`pause`) nothing is said.
- Sequences grow over restarts of the agent and over clocks that are set back: they start after the
  last one that the server has, or at the clock's milliseconds.
- A status that the server refuses costs itself: a report that is refused is divided until that one
  is alone.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from itertools import islice
from typing import Final

import structlog

from landbridge.agent.link.client import LeaseLost, Refused, Unreachable
from landbridge.backoff import Backoff
from landbridge.model.status import Report, RouterStatus, TunnelStatus

Status = TunnelStatus | RouterStatus
Send = Callable[[Report], Awaitable[None]]
LARGEST: Final = 500  # statuses in one report

log = structlog.get_logger(__name__)


class Reporter:
    """`send` raises the errors of `landbridge.agent.link.client`."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self._epoch: int | None = None
        self._sequence = 0
        self._latest: dict[str, Status] = {}
        self._pending: dict[str, Status] = {}
        self._wake = asyncio.Event()

    def put(self, status: Status) -> None:
        self._latest[status.id] = status
        self._pending[status.id] = status
        self._wake.set()

    def forget(self, object_id: str) -> None:
        """The object is gone: nothing is to be said of it any more."""
        self._latest.pop(object_id, None)
        self._pending.pop(object_id, None)

    def repeat(self) -> None:
        """Say everything again: the server may not have what it acknowledged."""
        self._pending = dict(self._latest)
        self._wake.set()

    def use_epoch(self, epoch: int, sequence: int = 0) -> None:
        """`sequence`: of the last report of this epoch that the server has."""
        self._epoch = epoch
        self._sequence = max(self._sequence, sequence)
        self.repeat()

    def pause(self) -> None:
        """Until the next epoch."""
        self._epoch = None

    async def run(self, lost: Callable[[], None]) -> None:
        """Until cancelled. `lost` is called when the server refuses our epoch."""
        backoff = Backoff()
        while True:
            await self._wake.wait()
            if self._epoch is None or not self._pending:
                self._wake.clear()
                continue
            try:
                await self._deliver(self._epoch)
            except LeaseLost:
                self._epoch = None
                lost()
            except Unreachable as error:
                log.warning("report not delivered", waiting=len(self._pending), reason=str(error))
                await asyncio.sleep(backoff.next())
            else:
                backoff.reset()

    async def _deliver(self, epoch: int) -> None:
        await self._send_whole(epoch, list(islice(self._pending.values(), LARGEST)))

    async def _send_whole(self, epoch: int, batch: list[Status]) -> None:
        """In one report, or, where that is refused, in as many as it takes."""
        try:
            await self._send(self._report(epoch, batch))
        except Refused as error:
            if len(batch) > 1:
                half = len(batch) // 2
                await self._send_whole(epoch, batch[:half])
                await self._send_whole(epoch, batch[half:])
                return
            log.error("status refused and dropped", id=batch[0].id, reason=str(error))  # noqa: TRY400
        for status in batch:
            if self._pending.get(status.id) is status:
                del self._pending[status.id]

    def _report(self, epoch: int, batch: list[Status]) -> Report:
        self._sequence = max(self._sequence + 1, int(time.time() * 1000))
        return Report(
            epoch=epoch,
            sequence=self._sequence,
            tunnels=tuple(s for s in batch if isinstance(s, TunnelStatus)),
            routers=tuple(s for s in batch if isinstance(s, RouterStatus)),
        )
