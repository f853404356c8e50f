"""What attacks cost those who only GET: median and p99 while each goes on, beside none.

Rules this module keeps:
- A GET of one connection, one at a time, over a connection that is there already. Before each
  attack the same without it, so that every ratio is of its own moment.
- Server, load generator and attacker are processes of their own; the attacker is `bench.attackers`.
- The limits are the defaults; where an attack needs others to be one at all, a server has them.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Final

import msgspec
from rich.console import Console

from bench import load, report
from bench.attackers import FEW, MANY, Attack, lines_of, told
from bench.listeners import LIMITS as FOR_LISTENERS
from bench.listeners import PATH as EVENTS
from bench.population import CONNECTIONS, Population
from bench.service import Service, running
from landbridge.api.http.query import MOST_PARAMETERS, MOST_VALUES

POPULATION: Final = 100  # connections
LISTENERS: Final = 2_000
FLOOD: Final = 2_000  # connections
PATIENCE: Final = 120.0  # seconds
GROUPS: Final = "/v2.0/vpn/endpoint-groups"
NOWHERE: Final = "12345678-1234-4234-8234-123456789abc"
COLUMNS: Final = (
    "attack", "p50 ms", "p99 ms", "p50, of none", "p99, of none", "what became of it",
)  # fmt: skip


@dataclass(frozen=True)
class Ground:
    """A service with something in it; `group`: an endpoint group that no connection uses."""

    service: Service
    ids: list[str]
    group: str


Make = Callable[[Ground], Attack | None]


@dataclass(frozen=True)
class Case:
    """`changes`: something happens all the time meanwhile, for others to hear."""

    what: str
    make: Make
    changes: bool = False


@dataclass(frozen=True)
class Row:
    """Seconds; `base`: without the attack, just before. `became`: of the attack."""

    what: str
    base: load.Result
    beside: load.Result
    became: dict[str, int]

    def ratio(self, percent: float) -> float:
        return self.beside.percentile(percent) / self.base.percentile(percent)


def _attack(
    ground: Ground, kind: str, *requests: bytes, connections: int = FEW, parts: int = 0
) -> Attack:
    service = ground.service
    return Attack(
        kind=kind,
        host=service.host,
        port=service.port,
        requests=list(requests),
        connections=connections,
        parts=parts,
    )


def _half_heads(ground: Ground) -> Attack:
    begun = ground.service.request("GET", CONNECTIONS)[:-2]
    return _attack(ground, "holding", begun, connections=MANY)


def _half_bodies(ground: Ground) -> Attack:
    sent = ground.service.request("POST", GROUPS, b"{" + b" " * 998 + b"}")
    return _attack(ground, "holding", sent[:-900], connections=MANY)


def _header(ground: Ground) -> Attack:
    return _attack(ground, "pouring", b"GET / HTTP/1.1\r\nX: ", parts=100)


def _query(ground: Ground) -> Attack:
    return _attack(ground, "pouring", b"GET /v2.0/networks?name=", parts=20)


def _numbers(ground: Ground) -> Attack:
    body = {"ipsec_site_connection": {"peer_cidrs": list(range(18_000))}}
    path = f"{CONNECTIONS}/{ground.ids[0]}"
    return _attack(ground, "asking", ground.service.request("PUT", path, msgspec.json.encode(body)))


def _groups(ground: Ground) -> Attack:
    """As many endpoints as there may be, in turn two lists of them."""
    bodies = [
        {"endpoint_group": {"endpoints": [f"10.{turn}.{n}.0/24" for n in range(255)]}}
        for turn in (1, 2)
    ]
    request = partial(ground.service.request, "PUT", f"{GROUPS}/{ground.group}")
    return _attack(ground, "asking", *(request(msgspec.json.encode(body)) for body in bodies))


def _sort_keys(ground: Ground) -> Attack:
    """Each key that there is, from a marker on; and one of them 250 times."""
    keys = (
        "name",
        "created_at",
        "updated_at",
        "revision_number",
        "status_changed_at",
        "project_id",
    )
    page = f"&limit=100&marker={ground.ids[-1]}"
    paths = [
        "&".join(f"sort_key={key}&sort_dir=desc" for key in asked) + page
        for asked in (keys, ("name",) * 250)
    ]
    return _lists(ground, paths)


def _filters(ground: Ground) -> Attack:
    """As many values as one filter takes, of two of them; and more than that."""
    names = [f"name=n{n}" for n in range(MOST_VALUES)]
    ids = [f"peer_address=10.0.0.{n % 250}" for n in range(MOST_PARAMETERS - MOST_VALUES)]
    return _lists(ground, ["&".join([*names, *ids]), "&".join([*names, *names, *ids])])


def _lists(ground: Ground, queries: Sequence[str]) -> Attack:
    requests = [ground.service.request("GET", f"{CONNECTIONS}?{query}") for query in queries]
    return _attack(ground, "asking", *requests)


def _listeners(ground: Ground) -> Attack:
    request = ground.service.request("GET", EVENTS)
    return _attack(ground, "listening", request, connections=LISTENERS)


def _flood(ground: Ground) -> Attack:
    return _attack(ground, "holding", connections=FLOOD)


CASES: Final = (
    Case("none", lambda ground: None),
    Case("half-sent heads, 256 connections", _half_heads),
    Case("half-sent bodies, 256 connections", _half_bodies),
    Case("a header of 100 MB", _header),
    Case("a query of 20 MB", _query),
    Case("18,000 numbers as peer_cidrs", _numbers),
    Case("endpoint groups of 255", _groups),
    Case("lists by many sort keys", _sort_keys),
    Case("lists by many filters", _filters),
    Case("2,000 connections from one address", _flood),
    Case("2,000 listeners with one token, default limits", _listeners, changes=True),
)
#: On a server that lets them in.
LET_IN: Final = (
    Case("none, with changes all the time", lambda ground: None, changes=True),
    Case("2,000 listeners with one token, let in, and changes", _listeners, changes=True),
)


def measure(console: Console, seconds: float) -> list[Row]:
    rows = []
    for cases, limits in ((CASES, {}), (LET_IN, FOR_LISTENERS)):
        with running("api", limits=limits) as service:
            population = Population(service)
            population.grow(POPULATION)
            group = service.api.create("endpoint_group", type="cidr", endpoints=["10.9.0.0/24"])
            ground = Ground(service, population.ids, group["id"])
            for case in cases:
                rows.append(_measure(ground, case, seconds))
                console.print(f"{case.what}: p99 {rows[-1].ratio(99):.1f} of none", style="dim")
    return rows


def _measure(ground: Ground, case: Case, seconds: float) -> Row:
    base = _gets(ground, seconds)
    attack = case.make(ground)
    became: dict[str, int] = {}
    with _changing(ground, going=case.changes):
        if attack is None:
            return Row(case.what, base, _gets(ground, seconds), became)
        with _going_on(attack, became):
            beside = _gets(ground, seconds)
    return Row(case.what, base, beside, became)


def _gets(ground: Ground, seconds: float) -> load.Result:
    service = ground.service
    requests = [service.request("GET", f"{CONNECTIONS}/{each}") for each in ground.ids]
    return load.run(
        load.Job(
            host=service.host, port=service.port, clients=1, requests=requests, seconds=seconds
        )
    )


@contextmanager
def _going_on(attack: Attack, became: dict[str, int]) -> Iterator[None]:
    """`became` is filled at the end."""
    command = [sys.executable, "-m", "bench.attackers"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        if process.stdin is None or process.stdout is None:
            raise RuntimeError("pipes were asked for")
        process.stdin.write(lines_of(attack))
        process.stdin.flush()
        if process.stdout.readline() != b"ready\n":
            raise RuntimeError(f"the attack {attack.kind} did not come about")
        yield
        process.stdin.close()
        became |= msgspec.json.decode(process.stdout.read(), type=dict[str, int])


@contextmanager
def _changing(ground: Ground, *, going: bool) -> Iterator[None]:
    """One change after the other, as `asking` does."""
    if not going:
        yield
        return
    bodies = [{"endpoint_group": {"description": str(n)}} for n in range(2)]
    request = partial(ground.service.request, "PUT", f"{GROUPS}/{ground.group}")
    changes = _attack(
        ground, "asking", *(request(msgspec.json.encode(body)) for body in bodies), connections=1
    )
    with _going_on(changes, {}):
        yield


def cells(rows: Sequence[Row]) -> list[tuple[str, ...]]:
    return [
        (
            row.what,
            report.milliseconds(row.beside.percentile(50)),
            report.milliseconds(row.beside.percentile(99)),
            f"{row.ratio(50):.1f}",
            f"{row.ratio(99):.1f}",
            ", ".join(told(row.became)),
        )
        for row in rows
    ]


def show(console: Console, rows: Sequence[Row]) -> None:
    report.table(console, "A plain GET beside attacks", COLUMNS, cells(rows))
