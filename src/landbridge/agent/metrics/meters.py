"""One router's part of the agent's metrics, and what its tunnels have carried.

Rules this module keeps:
- It only counts: nothing is decided by what it holds, all of it can be lost.
- What the tunnels have carried is kept in a file beside charon's, so that a restart of the agent
  does not begin it anew; a file that cannot be read or written costs that and no more.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterable, Mapping
from pathlib import Path

import msgspec

from landbridge.agent.metrics.counters import NONE_LOST, Record, Traffic, TrafficCounters
from landbridge.agent.metrics.metrics import AgentMetrics
from landbridge.agent.metrics.recent_traffic import RecentTraffic
from landbridge.agent.tunnels.observed import IkeSa
from landbridge.model.diagnosis import TrafficSeries
from landbridge.model.status import ReasonCode, TunnelStatus


class Meters:
    """`file`: where sums are kept."""

    def __init__(self, router_id: str, metrics: AgentMetrics, file: Path) -> None:
        self.router_id = router_id
        self._metrics = metrics
        self._file = file
        self._traffic_counters = TrafficCounters()
        self._recent_traffic = RecentTraffic()
        self._statuses: dict[str, TunnelStatus] = {}
        self._wanted: dict[str, tuple[int, float]] = {}
        self._saved = b""
        with contextlib.suppress(OSError, msgspec.DecodeError, msgspec.ValidationError):
            self._traffic_counters.load(
                msgspec.json.decode(file.read_bytes(), type=dict[str, Record])
            )
        metrics.add(self)

    # For a scrape ------------------------------------------------------------------------

    def statuses(self) -> tuple[TunnelStatus, ...]:
        return tuple(self._statuses.values())

    def traffic(self, tunnel_id: str) -> Traffic:
        return self._traffic_counters.total(tunnel_id)

    def recent_traffic(self, tunnel_id: str) -> TrafficSeries:
        return self._recent_traffic.of(tunnel_id)

    # What is counted ---------------------------------------------------------------------

    def want(self, tunnel_id: str, revision: int) -> None:
        """A change has come."""
        known = self._wanted.get(tunnel_id)
        if known is None or known[0] != revision:
            self._wanted[tunnel_id] = (revision, time.monotonic())

    def tell(self, status: TunnelStatus) -> None:
        self._statuses[status.id] = status
        revision, since = self._wanted.get(status.id, (0, 0.0))
        if since and status.applied_revision == revision == status.revision:
            self._wanted[status.id] = (revision, 0.0)
            self._metrics.apply.observe(time.monotonic() - since)

    def forget(self, tunnel_id: str) -> None:
        self._statuses.pop(tunnel_id, None)
        self._wanted.pop(tunnel_id, None)
        self._traffic_counters.forget(tunnel_id)
        self._recent_traffic.forget(tunnel_id)

    def looked(self, seconds: float) -> None:
        self._metrics.reconcile.observe(seconds)

    def heard(self, sas: Iterable[IkeSa]) -> None:
        """Events of SAs have the last counts of those that go."""
        self._traffic_counters.note(sas)

    def told(self, *, ike_up: bool, child_up: bool) -> None:
        if ike_up:
            self._metrics.ike_established.labels(self.router_id).inc()
        if child_up:
            self._metrics.child_established.labels(self.router_id).inc()

    def rekeyed(self) -> None:
        self._metrics.rekeyings.labels(self.router_id).inc()

    def failed(self, code: ReasonCode) -> None:
        self._metrics.failures.labels(self.router_id, code.value).inc()

    def died(self) -> None:
        self._metrics.dpd_timeouts.labels(self.router_id).inc()

    def started(self, *, adopted: bool) -> None:
        if not adopted:
            self._metrics.charon_starts.labels(self.router_id).inc()

    def lost(self) -> None:
        self._metrics.charon_losses.labels(self.router_id).inc()

    def measured(self, sas: Iterable[IkeSa], lost: Mapping[int, int] = NONE_LOST) -> None:
        """A list of all SAs. `lost`: packets that did not come, by incoming SPI."""
        self._traffic_counters.read(sas, lost)
        now = time.time()
        for tunnel_id, record in self._traffic_counters.saved().items():
            self._recent_traffic.note(tunnel_id, now, record.total)
        self.save()

    def save(self) -> None:
        content = msgspec.json.encode(self._traffic_counters.saved())
        if content == self._saved:
            return
        beside = self._file.with_suffix(".new")
        with contextlib.suppress(OSError):
            beside.write_bytes(content)
            beside.replace(self._file)
            self._saved = content

    def close(self) -> None:
        """The router is gone."""
        self._metrics.remove(self)
        with contextlib.suppress(OSError):
            self._file.unlink()
