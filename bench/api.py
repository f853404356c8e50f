"""What the API does: requests a second at 1, 8 and 32 clients, beside the database's floor.

Rules this module keeps:
- One service, grown from 100 to 1,000 to 10,000 connections; a gateway listens all the time.
- Every measurement is preceded by a short one that is not counted.
"""

from __future__ import annotations

from dataclasses import dataclass

import msgspec
from rich.console import Console

from bench import admission, floor, load, processes, report
from bench.floor import Floor
from bench.population import CONNECTIONS, Population
from bench.service import Service, following, running

CLIENTS = (1, 8, 32)
WARM_UP = 0.3  # of the measured time
PAGE = 100
ALL_AT_ONCE = 1_000  # connections that are also listed without a page


@dataclass(frozen=True)
class Case:
    """Requests of one kind. `writes`: to be told beside the floor."""

    what: str
    requests: list[bytes]
    writes: bool = False


@dataclass(frozen=True)
class Scope:
    """How much: connections in the end, seconds for each measurement."""

    connections: int = 10_000
    seconds: float = 3.0


def measure(console: Console, scope: Scope) -> None:
    with running("api") as service:
        memory = [("api, just started", processes.resident(service.pid))]
        with following(service, "bench"):
            population = Population(service)
            for count in _sizes(scope.connections):
                _grow(console, service, population, count)
                _measure_at(console, service, population, scope)
                memory.append((f"after the requests at {count:,}", processes.resident(service.pid)))
            _tell_admission(console, admission.measure(service, population.ids))
        memory.append(("peak", processes.resident_peak(service.pid)))
        rows = [(name, report.megabytes(size)) for name, size in memory]
        report.facts(console, "Resident memory of the API", rows)


def _tell_admission(console: Console, times: list[float]) -> None:
    """Token and policy of one request, where both are remembered."""
    parts = [(f"p{part}, ms", f"{times[len(times) * part // 100] * 1e3:.4f}") for part in (50, 99)]
    report.facts(console, "Token and policy together, on a hit", parts)


def _sizes(most: int) -> list[int]:
    return [size for size in (100, 1_000, 10_000, 100_000) if size <= most] or [most]


def _grow(console: Console, service: Service, population: Population, count: int) -> None:
    busy = processes.busy(service.pid)
    result = population.grow(count)
    console.print(
        f"{count:,} connections: the last {result.answers:,} built at {result.rate:,.0f} POST/s"
        f" (p99 {report.milliseconds(result.percentile(99))} ms, server"
        f" {report.milliseconds((processes.busy(service.pid) - busy) / result.answers)} ms each)"
    )


def _measure_at(console: Console, service: Service, population: Population, scope: Scope) -> None:
    count = len(population.ids)
    with floor.beside(service.database, population.ids) as beneath:
        rows = [
            _load(service, case, clients, scope.seconds, beneath)
            for case in _cases(service, population)
            for clients in CLIENTS
        ]
    report.requests(console, f"Requests with {count:,} connections", rows)


def requests_of(service: Service, population: Population) -> list[Case]:
    """PUTs and GETs of single connections."""
    paths = [f"{CONNECTIONS}/{each}" for each in population.ids]
    counted = load.COUNTED.decode()
    return [
        Case("PUT name", _puts(service, paths, [{"name": f"n{counted}"}]), writes=True),
        Case("PUT dpd, to the gateway", _puts(service, paths, _dpd_changes()), writes=True),
        Case("GET one", [service.request("GET", path) for path in paths]),
    ]


def _cases(service: Service, population: Population) -> list[Case]:
    cases, paths = requests_of(service, population), population.ids
    if len(paths) <= ALL_AT_ONCE:
        cases.append(Case(f"GET all {len(paths):,}", [service.request("GET", CONNECTIONS)]))
    if len(paths) > PAGE:
        markers = population.ids[PAGE - 1 :: PAGE][:-1]
        pages = [f"{CONNECTIONS}?limit={PAGE}&marker={marker}" for marker in markers]
        requests = [service.request("GET", page) for page in pages]
        cases.append(Case(f"GET {PAGE} of {len(paths):,}", requests))
    return cases


def _dpd_changes() -> list[dict[str, object]]:
    return [{"dpd": {"interval": 10 + n, "timeout": 120}} for n in range(50)]


def _puts(service: Service, paths: list[str], changes: list[dict[str, object]]) -> list[bytes]:
    """Every connection in turn, so that in the next round each gets another value."""
    bodies = [msgspec.json.encode({"ipsec_site_connection": change}) for change in changes]
    rounds = range(len(bodies) if len(bodies) > 1 else 1)
    return [
        service.request("PUT", path, bodies[(number + turn) % len(bodies)])
        for turn in rounds
        for number, path in enumerate(paths[: max(PAGE, 5000 // len(rounds))])
    ]


def _load(service: Service, case: Case, clients: int, seconds: float, beneath: Floor) -> report.Row:
    def job(duration: float) -> load.Job:
        return load.Job(
            host=service.host,
            port=service.port,
            clients=clients,
            requests=case.requests,
            seconds=duration,
        )

    load.run(job(seconds * WARM_UP))
    before = beneath.rate(seconds * WARM_UP) if case.writes else None
    busy = processes.busy(service.pid)
    result = load.run(job(seconds))
    busy = processes.busy(service.pid) - busy
    after = beneath.rate(seconds * WARM_UP) if case.writes else None
    mean = (before + after) / 2 if before and after else None
    return report.Row(case.what, clients, result, busy, mean)
