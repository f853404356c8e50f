"""One router's routes and filters, kept in step with its tunnels beside the task that runs them.

Rules this module keeps:
- Level, not edge: whatever is wanted by the time is applied, whole, and what was wanted in
  between is not.
- The dataplane is never called concurrently.
- Who takes a step waits until all that is wanted by then is applied: what is new is blocked
  before it is negotiated. Who only looks waits for nothing here.
- Who has a tunnel to call up is called back (`once_applied`): until then its packets are blocked.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping

from landbridge.agent.dataplane.dataplane import Dataplane, TunnelNet
from landbridge.model.router import Router

Wanted = tuple[Router, Mapping[str, TunnelNet]]


class NetworkSide:
    """While one charon serves. `wanted` gives what is wanted now."""

    def __init__(self, dataplane: Dataplane, wanted: Callable[[], Wanted]) -> None:
        self._dataplane = dataplane
        self._wanted = wanted
        self._applied: Wanted | None = None
        self._lock = asyncio.Lock()
        self._wake = asyncio.Event()
        self._waiting: list[Callable[[], None]] = []
        self._refused: Mapping[str, str] = {}

    def follow(self) -> None:
        """Something may have changed: apply it soon."""
        self._wake.set()

    def is_open(self, tunnel_id: str) -> bool:
        """Whether what is wanted for the tunnel now is what is applied."""
        router, nets = self._wanted()
        if self._applied is None or self._applied[0] != router:
            return False
        return self._applied[1].get(tunnel_id) == nets.get(tunnel_id)

    def refusal(self, tunnel_id: str) -> str:
        """Why the host did not take what the tunnel needs; empty: it did."""
        return self._refused.get(tunnel_id, "")

    def try_again(self) -> None:
        """What was refused may be taken by now."""
        self._applied = None

    def once_applied(self, call: Callable[[], None]) -> None:
        """Call back when what is wanted by now is applied; not, if it cannot be."""
        self._waiting.append(call)
        self._wake.set()

    async def in_step(self) -> bool:
        """Returns when what is wanted now is applied: True when that took time.

        Raises: GatewayError.
        """
        waited = self._lock.locked()
        async with self._lock:
            waiting, self._waiting = self._waiting, []
            router, nets = self._wanted()
            late = self._applied != (router, nets)
            if late:
                nets = dict(nets)
                self._refused = await self._dataplane.apply(router, nets)
                self._applied = (router, nets)
            for call in waiting:
                call()
            return waited or late

    async def run(self) -> None:
        """Until cancelled. Raises: GatewayError."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            await self.in_step()
