"""The metrics of an API process, for Prometheus.

Rules this module keeps:
- Label values are few and known in advance: templates of routes, existing methods and statuses.
  Nothing that a caller types becomes a label.
- The connections by status are counted at the scrape, in one statement for any number of them; a
  status without connections shows 0.
- The registry belongs to its `ApiMetrics`; nothing is counted at import.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from sqlalchemy import Connection, func, select

from landbridge.model.status import TunnelState
from landbridge.store import tables as t
from landbridge.store.columns import database_clock
from landbridge.telemetry import LATENCY_BUCKETS

METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH"})
STATUSES: Final = (
    "ACTIVE", "DOWN", "BUILD", "ERROR", "PENDING_CREATE", "PENDING_UPDATE", "PENDING_DELETE",
)  # fmt: skip
EVENT_BUCKETS: Final = (*LATENCY_BUCKETS, 10.0, 30.0, 60.0)

_c = t.ipsec_site_connections.c
_UP: Final = _c.observed_state.in_([TunnelState.UP.value, TunnelState.PARTIAL.value]) & (
    _c.status_reason.is_(None) | (_c.status_reason != "gateway-silent")
)
_COUNT: Final = select(
    _c.status, _c.status_reason, _UP.is_(True).label("up"), func.count()
).group_by(_c.status, _c.status_reason, "up")
_GATEWAYS: Final = select(
    (t.gateways.c.lease_expires >= database_clock()).label("alive"), func.count()
).group_by("alive")


class Share(NamedTuple):
    """The number of connections with these statuses."""

    status: str
    reason: str | None
    up: bool
    number: int


class Census(NamedTuple):
    connections: list[Share]
    gateways: dict[bool, int]  # by whether they report


def shares(tx: Connection, project: str | None = None) -> list[Share]:
    """The connections of a project, or all of them (None), by what they are."""
    query = _COUNT if project is None else _COUNT.where(_c.project_id == project)
    return [
        Share(status, reason, bool(up), number) for status, reason, up, number in tx.execute(query)
    ]


def census(tx: Connection) -> Census:
    return Census(shares(tx), {bool(alive): number for alive, number in tx.execute(_GATEWAYS)})


class ApiMetrics:
    """The metrics; `page` renders them."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.requests = self._histogram(
            "landbridge_http_request_seconds",
            "Time to the answer's beginning.",
            ("method", "route", "code"),
        )
        self.refused = self._counter(
            "landbridge_http_refused", "What was too much, too slow or no HTTP.", ("code",)
        )
        self.database = self._histogram(
            "landbridge_database_seconds",
            "Time of a transaction, with waiting for its turn.",
            ("kind",),
        )
        self.reported = self._histogram(
            "landbridge_event_to_api_seconds",
            "From what a gateway observed to the API showing it.",
            (),
            EVENT_BUCKETS,
        )
        self.reports = self._counter(
            "landbridge_agent_reports", "Reports of gateways.", ("outcome",)
        )
        self.diagnoses = self._counter(
            "landbridge_diagnoses", "Questions to gateways.", ("outcome",)
        )
        self.events = self._counter("landbridge_events", "Events read by this process.", ("kind",))
        self.dropped = self._counter(
            "landbridge_event_listeners_dropped", "Listeners that were too slow.", ()
        )
        self.streams = self._gauge("landbridge_agent_streams", "Gateways that listen now.")
        self.listeners = self._gauge("landbridge_event_listeners", "Who listens to events now.")
        self.held_back = self._gauge(
            "landbridge_events_held_back_seconds",
            "For how long a transaction that still runs has held back what came after it.",
        )
        self._configured = self._gauge(
            "landbridge_connections_configured", "Connections that there are."
        )
        self._up = self._gauge("landbridge_connections_up", "Connections that carry traffic.")
        self._connections = self._gauge(
            "landbridge_connections", "Connections by status and reason.", ("status", "reason")
        )
        self._gateways = self._gauge(
            "landbridge_gateways", "Gateways by whether they report.", ("state",)
        )

    def page(self, counted: Census) -> bytes:
        """The exposition, with the connections as they are now."""
        shares = counted.connections
        self._configured.set(sum(share.number for share in shares))
        self._up.set(sum(share.number for share in shares if share.up))
        self._gateways.labels("reporting").set(counted.gateways.get(True, 0))
        self._gateways.labels("silent").set(counted.gateways.get(False, 0))
        self._connections.clear()
        for status in STATUSES:
            self._connections.labels(status, "").set(0)
        for share in shares:
            self._connections.labels(share.status, share.reason or "").inc(share.number)
        return generate_latest(self.registry)

    def request(self, method: str, route: str, code: int, seconds: float) -> None:
        known = method if method in METHODS else "other"
        self.requests.labels(known, route, code).observe(seconds)

    def transaction(self, kind: str, seconds: float) -> None:
        self.database.labels(kind).observe(seconds)

    def _histogram(
        self,
        name: str,
        about: str,
        labels: Iterable[str],
        buckets: Sequence[float] = LATENCY_BUCKETS,
    ) -> Histogram:
        return Histogram(name, about, tuple(labels), buckets=buckets, registry=self.registry)

    def _counter(self, name: str, about: str, labels: Iterable[str]) -> Counter:
        return Counter(name, about, tuple(labels), registry=self.registry)

    def _gauge(self, name: str, about: str, labels: Iterable[str] = ()) -> Gauge:
        return Gauge(name, about, tuple(labels), registry=self.registry)
