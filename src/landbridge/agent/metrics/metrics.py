"""What an agent counts, and how it is told to Prometheus.

Rules this module keeps:
- Everything is in a registry that the agent makes; nothing is counted at import.
- What is known of each tunnel (up, reason, bytes) is read when it is asked for, from what the
  agent has in memory: a scrape costs charon nothing. A tunnel that is down has its series, too.
- Labels are ids and codes, never names or addresses that a user typed.
- Scrapes are answered by a thread of their own; it reads copies that are taken in one step.
"""

from __future__ import annotations

from collections import Counter as Tally
from collections.abc import Iterable, Iterator
from typing import Final, Protocol

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from landbridge.agent.metrics.counters import Traffic
from landbridge.agent.status.causes import REFUSALS
from landbridge.model.status import ReasonCode, TunnelState, TunnelStatus
from landbridge.telemetry import LATENCY_BUCKETS

#: What negotiations commonly fail for; others are counted, too, once they happen.
FAILURES: Final = REFUSALS | {
    ReasonCode.PEER_UNREACHABLE,
    ReasonCode.NAT_PORT_BLOCKED,
    ReasonCode.DPD_TIMEOUT,
    ReasonCode.PEER_CLOSED,
}
UP: Final = frozenset({TunnelState.UP, TunnelState.PARTIAL})
_SWITCHED_OFF: Final = frozenset({ReasonCode.ADMIN_DOWN, ReasonCode.SERVICE_DOWN})
_TUNNEL: Final = ("connection", "router")


class Source(Protocol):
    """One router's tunnels, as last seen."""

    router_id: str

    def statuses(self) -> tuple[TunnelStatus, ...]: ...

    def traffic(self, tunnel_id: str) -> Traffic: ...


class AgentMetrics:
    """All metrics of one agent."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._sources: dict[str, Source] = {}
        self.ike_established = self._counter(
            "landbridge_ike_established", "IKE_SAs that were established.", "router"
        )
        self.child_established = self._counter(
            "landbridge_child_established", "CHILD_SAs that were established.", "router"
        )
        self.rekeyings = self._counter(
            "landbridge_rekeyings", "IKE_SAs and CHILD_SAs that were rekeyed.", "router"
        )
        self.failures = self._counter(
            "landbridge_negotiation_failures",
            "Attempts to set up an IKE_SA or CHILD_SA that failed, by what was told of it.",
            "router",
            "cause",
        )
        self.dpd_timeouts = self._counter(
            "landbridge_dpd_timeouts", "Peers that were found dead.", "router"
        )
        self.charon_starts = self._counter(
            "landbridge_charon_starts", "Starts of a router's daemon.", "router"
        )
        self.charon_losses = self._counter(
            "landbridge_charon_losses", "Ends of a router's daemon that nobody asked for.", "router"
        )
        self.reconcile = self._histogram(
            "landbridge_reconcile_seconds", "One look at one tunnel, and the steps that it took."
        )
        self.apply = self._histogram(
            "landbridge_apply_seconds", "From a change's coming to its being in effect."
        )
        self.holds = Gauge(
            "landbridge_agent_holds",
            "1: the server's database is not followed, everything stays as it is.",
            registry=self.registry,
        )
        self._of_router = (
            self.ike_established,
            self.child_established,
            self.rekeyings,
            self.dpd_timeouts,
            self.charon_starts,
            self.charon_losses,
        )
        self.registry.register(_Tunnels(self._sources))
        ProcessCollector(registry=self.registry)

    def add(self, source: Source) -> None:
        """Its counters begin with 0: a first 1 out of nothing is no increase."""
        self._sources[source.router_id] = source
        for counter in self._of_router:
            counter.labels(source.router_id)
        for code in FAILURES:
            self.failures.labels(source.router_id, code.value)

    def remove(self, source: Source) -> None:
        """The same router may have come back meanwhile, with another source."""
        if self._sources.get(source.router_id) is not source:
            return
        del self._sources[source.router_id]
        for counter in self._of_router:
            counter.remove(source.router_id)
        self.failures.remove_by_labels({"router": source.router_id})

    def _counter(self, name: str, words: str, *labels: str) -> Counter:
        return Counter(name, words, labels, registry=self.registry)

    def _histogram(self, name: str, words: str) -> Histogram:
        return Histogram(name, words, buckets=LATENCY_BUCKETS, registry=self.registry)


class _Tunnels:
    """Makes the series of all tunnels when a scrape asks for them."""

    def __init__(self, sources: dict[str, Source]) -> None:
        self._sources = sources

    def collect(self) -> Iterator[Metric]:
        seen = [
            (source, status)
            for source in tuple(self._sources.values())
            for status in source.statuses()
        ]
        yield from _states(status for _, status in seen)
        up = GaugeMetricFamily(
            "landbridge_tunnel_up", "1: all or a part of it carries traffic.", labels=_TUNNEL
        )
        wanted = GaugeMetricFamily(
            "landbridge_tunnel_wanted", "1: it is to be up; 0: it is switched off.", labels=_TUNNEL
        )
        reason = GaugeMetricFamily(
            "landbridge_tunnel_reason",
            "1: what is told of the tunnel now.",
            labels=(*_TUNNEL, "reason"),
        )
        pending = GaugeMetricFamily(
            "landbridge_tunnel_pending", "1: its newest change is not in effect.", labels=_TUNNEL
        )
        moved = CounterMetricFamily(
            "landbridge_tunnel_bytes", "Through the tunnel.", labels=(*_TUNNEL, "direction")
        )
        packets = CounterMetricFamily(
            "landbridge_tunnel_packets", "Through the tunnel.", labels=(*_TUNNEL, "direction")
        )
        for source, status in seen:
            labels = (status.id, source.router_id)
            code = status.reason.code if status.reason else None
            up.add_metric(labels, status.state in UP)
            wanted.add_metric(labels, code not in _SWITCHED_OFF)
            if code is not None:
                reason.add_metric((*labels, code.value), 1)
            pending.add_metric(labels, status.applied_revision != status.revision)
            gone = source.traffic(status.id)
            for direction, much, many in (
                ("in", gone.bytes_in, gone.packets_in),
                ("out", gone.bytes_out, gone.packets_out),
            ):
                moved.add_metric((*labels, direction), much)
                packets.add_metric((*labels, direction), many)
        yield from (up, wanted, reason, pending, moved, packets)


def _states(statuses: Iterable[TunnelStatus]) -> Iterator[Metric]:
    states: Tally[str] = Tally()
    reasons: Tally[str] = Tally()
    for status in statuses:
        states[status.state.value] += 1
        if status.reason is not None:
            reasons[status.reason.code.value] += 1
    by_state = GaugeMetricFamily("landbridge_tunnels", "Tunnels by state.", labels=("state",))
    for state in TunnelState:
        by_state.add_metric((state.value,), states[state.value])
    by_reason = GaugeMetricFamily(
        "landbridge_tunnels_by_reason", "Tunnels that carry a reason.", labels=("reason",)
    )
    for code, number in sorted(reasons.items()):
        by_reason.add_metric((code,), number)
    yield from (by_state, by_reason)
