"""What the API does on PostgreSQL: with 1, 8 and 32 clients, with one process and with two.

Rules this module keeps:
- SQLite and PostgreSQL take the same requests, on the same machine, in one run.
- A PUT on PostgreSQL is told as a part of what the same server does bare, with as many threads,
  just before and just after; and beside one client's.
- Two processes share one database, and the clients go to both.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from rich.console import Console

from bench import load, processes, report
from bench.api import CLIENTS, Case, requests_of
from bench.population import Population
from bench.postgres import Server, postgres
from bench.service import Service, beside, following, running

CONNECTIONS = 200
WARM_UP = 0.3  # of the measured time
PAIR = (8, 32)  # clients of two processes together
COLUMNS = ("engine", "request", "clients", "per second", "of one client", "bare", "of bare",
           "p50 ms", "p99 ms", "server ms each")  # fmt: skip


@dataclass(frozen=True)
class Rate:
    """`busy`: the API's processor time for each request; `bare`: the server's own rate, 0: none."""

    engine: str
    what: str
    clients: int
    result: load.Result
    rate: float
    busy: float
    bare: float = 0.0


@dataclass(frozen=True)
class Engine:
    """What is measured: the processes of one database. `server`: whose bare rate is told beside."""

    name: str
    services: Sequence[Service]
    clients: Sequence[int] = CLIENTS
    server: Server | None = None


def measure(console: Console, seconds: float) -> None:
    rates: list[Rate] = []
    with running("api") as service, following(service, "bench"):
        rates += _rates(Engine("SQLite", [service]), _cases(service), seconds)
    with (
        postgres() as server,
        running("api", database=server.database()) as service,
        following(service, "bench"),
    ):
        cases = _cases(service)
        rates += _rates(Engine("PostgreSQL", [service], server=server), cases, seconds)
        with beside(service) as second:
            pair = Engine("PostgreSQL, 2 processes", [service, second], PAIR, server)
            rates += _rates(pair, cases, seconds)
    report.table(console, f"SQLite and PostgreSQL, {CONNECTIONS} connections", COLUMNS,
                 [_row(each, rates) for each in rates])  # fmt: skip


def _cases(service: Service) -> list[Case]:
    population = Population(service)
    population.grow(CONNECTIONS)
    return requests_of(service, population)


def _rates(engine: Engine, cases: Sequence[Case], seconds: float) -> Iterator[Rate]:
    for case in cases:
        for clients in engine.clients:
            yield _rate(engine, case, clients, seconds)


def _rate(engine: Engine, case: Case, clients: int, seconds: float) -> Rate:
    services = engine.services
    server = engine.server if case.writes else None
    _together(services, case, clients, seconds * WARM_UP)
    before = server.bare(clients, seconds * WARM_UP) if server else 0.0
    busy = sum(processes.busy(each.pid) for each in services)
    results = _together(services, case, clients, seconds)
    busy = sum(processes.busy(each.pid) for each in services) - busy
    after = server.bare(clients, seconds * WARM_UP) if server else 0.0
    answers = sum(each.answers for each in results)
    rate = sum(each.rate for each in results)
    bare = (before + after) / 2
    return Rate(engine.name, case.what, clients, results[0], rate, busy / answers, bare)


def _together(
    services: Sequence[Service], case: Case, clients: int, seconds: float
) -> list[load.Result]:
    """All services at once, each with its part of the clients and of the objects."""

    def one(number: int) -> load.Result:
        service = services[number]
        requests = [service.addressed(each) for each in case.requests[number :: len(services)]]
        return load.run(
            load.Job(
                host=service.host,
                port=service.port,
                clients=clients // len(services),
                requests=requests,
                seconds=seconds,
            )
        )

    with ThreadPoolExecutor(len(services)) as pool:
        return list(pool.map(one, range(len(services))))


def _row(each: Rate, rates: Sequence[Rate]) -> tuple[str, ...]:
    alone = next(r for r in rates if (r.engine, r.what, r.clients) == _one_client(each))
    return (
        each.engine,
        each.what,
        str(each.clients),
        f"{each.rate:,.0f}",
        f"{each.rate / alone.rate:.1f}",
        f"{each.bare:,.0f}" if each.bare else "",
        f"{each.rate / each.bare:.2f}" if each.bare else "",
        report.milliseconds(each.result.percentile(50)),
        report.milliseconds(each.result.percentile(99)),
        report.milliseconds(each.busy),
    )


def _one_client(each: Rate) -> tuple[str, str, int]:
    return each.engine.partition(",")[0], each.what, 1
