"""What the console costs others: a PUT while many browsers look at the overview and tunnels flap,
beside the same without them; and the time of a list on the server.

Rules this module keeps:
- With and without take turns within one run, so that what the machine does to both is the same;
  the ratio of each turn is told, and their median counts.
- The API has a processor of its own where there are two, and all clients share the other one: what
  browsers cost themselves is not what they cost the API.
- Browsers are real HTTP clients that behave as the page does (`bench.visitors`); some are Chromium.
"""

from __future__ import annotations

import contextlib
import os
import statistics
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Final

import httpx2
import msgspec
from rich.console import Console

from bench import load, processes, report
from bench.flapping import Flapping
from bench.load import Job, Result
from bench.population import CONNECTIONS, Population
from bench.service import Service, running
from bench.visitors import Seen, Visit

CHROMIUM: Final = "/usr/bin/chromium"
FLAGS: Final = ("--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking")
TOKENS: Final = 5
WRITTEN: Final = 100  # connections that are changed, beside those that flap
PAUSE: Final = 0.02  # between PUTs: the API is not to be kept busy by these
LISTED: Final = 1000
LISTS: Final = 60  # times
COLUMNS: Final = ("turn", "PUT p50 ms", "beside browsers", "ratio", "mean ms", "beside browsers",
                  "ratio", "p99 ms", "beside browsers", "API busy", "beside browsers")  # fmt: skip


@dataclass(frozen=True)
class Scope:
    browsers: int = 100
    chromium: int = 3
    tunnels: int = 500
    turns: int = 7
    seconds: float = 6.0


@dataclass(frozen=True)
class Half:
    """`busy`: the share of a processor that the API used."""

    result: Result
    busy: float
    seen: Seen | None = None

    @property
    def mean(self) -> float:
        return statistics.fmean(self.result.latencies)


@dataclass(frozen=True)
class Measured:
    """`halves`: without and with browsers, in turn; `flapped`: changes of tunnels; `lists`: seconds
    of each; `place`: where all of it ran."""

    scope: Scope
    halves: list[tuple[Half, Half]]
    flapped: int
    lists: dict[str, list[float]]
    place: str


def measure(scope: Scope) -> Measured:
    apart = _apart()
    with running("api") as service, contextlib.closing(Flapping(service)) as gateway:
        population = Population(service)
        population.grow(scope.tunnels + WRITTEN)
        tunnels = gateway.take_all()
        if apart:
            os.sched_setaffinity(service.pid, {apart[0]})
            _pin_threads(service.pid, apart[0])
        cookies = [_signed_in(service, number) for number in range(TOKENS)]
        flapping, written = tunnels[: scope.tunnels], tunnels[scope.tunnels :]
        puts = _puts(service, written)
        halves = []
        with gateway.flapping(flapping), _chromium(service, scope.chromium) as pages:
            _half(service, puts, scope.seconds / 2)
            for _ in range(scope.turns):
                pages.away()
                alone = _half(service, puts, scope.seconds)
                pages.back()
                with _visitors(service, cookies, scope.browsers) as visitors:
                    beside = _half(service, puts, scope.seconds)
                halves.append((alone, Half(beside.result, beside.busy, visitors.seen)))
        population.grow(LISTED)
        gateway.take_all()
        return Measured(scope, halves, gateway.sent, _lists(service, cookies[0]), _place(apart))


def _apart() -> tuple[int, ...]:
    """A processor for the API and one for all others; none where there is but one."""
    mine = tuple(sorted(os.sched_getaffinity(0)))
    if len(mine) < 2:
        return ()
    os.sched_setaffinity(0, set(mine[1:]))
    return mine


def _place(apart: tuple[int, ...]) -> str:
    if apart:
        return "The API has one processor, all clients share the other."
    first = os.sched_getscheduler(0) in (os.SCHED_RR, os.SCHED_FIFO)
    before = ", before all else that ran on it (`chrt -r`)" if first else ""
    return f"The API and all clients share one processor{before}."


def _pin_threads(pid: int, core: int) -> None:
    for thread in Path(f"/proc/{pid}/task").iterdir():
        os.sched_setaffinity(int(thread.name), {core})


def _half(service: Service, puts: list[bytes], seconds: float) -> Half:
    busy, began = processes.busy(service.pid), perf_counter()
    job = Job(
        host=service.host, port=service.port, clients=1, requests=puts, seconds=seconds, pause=PAUSE
    )
    result = load.run(job)
    return Half(result, (processes.busy(service.pid) - busy) / (perf_counter() - began))


def _puts(service: Service, ids: Sequence[str]) -> list[bytes]:
    """Each changes what the gateway has to run."""
    bodies = [
        msgspec.json.encode(
            {"ipsec_site_connection": {"dpd": {"interval": 10 + n, "timeout": 120}}}
        )
        for n in range(20)
    ]
    return [
        service.request("PUT", f"{CONNECTIONS}/{each}", body) for body in bodies for each in ids
    ]


def _signed_in(service: Service, number: int) -> str:
    """A session of the console, for a token of its own; the cookie."""
    command = ("token", "create", f"--name=browser-{number}", "--project=admin", "--role=admin",
               f"--state-dir={service.state}")  # fmt: skip
    token = subprocess.check_output([sys.executable, "-m", "landbridge", *command], text=True)
    with httpx2.Client(base_url=service.api.base, trust_env=False) as http:
        page = http.get("/console/sign-in").text
        csrf = page.partition('name="csrf" value="')[2].partition('"')[0]
        fields = {"csrf": csrf, "token": token.strip(), "next": "/console/"}
        answer = http.post("/console/sign-in", data=fields, headers={"Origin": service.api.base})
        assert answer.status_code == 303, answer.text
        return "; ".join(f"{name}={value}" for name, value in answer.cookies.items() if value)


class _Visitors:
    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self.process = process
        self.seen: Seen | None = None


@contextlib.contextmanager
def _visitors(service: Service, cookies: list[str], browsers: int) -> Iterator[_Visitors]:
    visit = Visit(host=service.host, port=service.port, browsers=browsers, cookies=cookies)
    pipe = subprocess.PIPE
    process = subprocess.Popen([sys.executable, "-m", "bench.visitors"], stdin=pipe, stdout=pipe)
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        process.stdin.write(msgspec.json.encode(visit) + b"\n")
        process.stdin.flush()
        assert process.stdout.readline() == b"ready\n", "the browsers could not begin"
        made = _Visitors(process)
        yield made
        told, _ = process.communicate(timeout=60)
        made.seen = msgspec.json.decode(told, type=Seen)
    finally:
        process.kill()
        process.wait()


class _Pages:
    """Windows of Chromium, which look while the other browsers do."""

    def __init__(self, base: str, pages: Sequence[object]) -> None:
        self._base = base
        self._pages = pages

    def away(self) -> None:
        for page in self._pages:
            page.goto("about:blank")  # type: ignore[attr-defined]

    def back(self) -> None:
        for page in self._pages:
            page.goto(f"{self._base}/console/")  # type: ignore[attr-defined]
            page.wait_for_selector('#live[data-state="live"]')  # type: ignore[attr-defined]


@contextlib.contextmanager
def _chromium(service: Service, number: int) -> Iterator[_Pages]:
    if not number or not Path(CHROMIUM).exists():
        yield _Pages(service.api.base, [])
        return
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
        cookie = _signed_in(service, TOKENS)
        name, _, value = cookie.partition("=")
        pages = []
        for _ in range(number):
            context = browser.new_context()
            url = f"{service.api.base}/console/"
            context.add_cookies([{"name": name, "value": value, "url": url}])
            pages.append(context.new_page())
        yield _Pages(service.api.base, pages)
        browser.close()


def _lists(service: Service, cookie: str) -> dict[str, list[float]]:
    """Seconds of each: one client, and nobody else asks."""
    paths = {
        "the API's list of all": CONNECTIONS,
        "the console's page of the list": "/console/connections",
        "its fragment": "/console/connections ",
        "a page of it with a search": "/console/connections?search=connection-9",
    }
    found: dict[str, list[float]] = {}
    with httpx2.Client(base_url=service.api.base, trust_env=False) as http:
        for what, path in paths.items():
            headers = {"Cookie": cookie, "X-Auth-Token": service.api.token}
            if path.endswith(" "):
                headers |= {"HX-Request": "true", "HX-Request-Type": "partial"}
            times = []
            for _ in range(LISTS):
                began = perf_counter()
                answer = http.get(path.strip(), headers=headers)
                times.append(perf_counter() - began)
                assert answer.status_code == 200, answer.text
            found[what] = sorted(times)
    return found


def show(console: Console, measured: Measured) -> None:
    scope = measured.scope
    title = (
        f"A PUT beside {scope.browsers} browsers on the overview and {scope.chromium} of Chromium, "
        f"while {scope.tunnels} tunnels flap"
    )
    report.table(console, title, COLUMNS, cells(measured.halves))
    told = [*facts(measured), ("ratio of the p50s, median", f"{ratio(measured.halves):.2f}")]
    report.facts(console, "Browsers", told)
    report.table(console, "Lists, one client", list_columns(), list_cells(measured.lists))


def facts(measured: Measured) -> list[tuple[str, str]]:
    seen = [each.seen for _, each in measured.halves if each.seen is not None]
    pages = sorted(one for each in seen for one in each.pages)
    seconds = measured.scope.seconds * measured.scope.turns
    return [
        ("changes of tunnels", f"{measured.flapped:,} in all"),
        ("pages", f"{len(pages):,} ({len(pages) / seconds:.0f} a second), "
                  f"p50 {_ms(pages, 50)} ms, p99 {_ms(pages, 99)} ms"),
        ("events heard", f"{sum(each.events for each in seen):,}"),
        ("answers by status", str(_summed([each.statuses for each in seen]))),
        ("streams that ended", str(sum(each.ended for each in seen))),
    ]  # fmt: skip


def ratio(halves: Sequence[tuple[Half, Half]]) -> float:
    return statistics.median(
        beside.result.percentile(50) / alone.result.percentile(50) for alone, beside in halves
    )


def cells(halves: Sequence[tuple[Half, Half]]) -> list[tuple[str, ...]]:
    rows: list[tuple[str, ...]] = []
    for number, (alone, beside) in enumerate(halves, 1):
        one, two = alone.result, beside.result
        rows.append(
            (
                str(number),
                report.milliseconds(one.percentile(50)),
                report.milliseconds(two.percentile(50)),
                f"{two.percentile(50) / one.percentile(50):.2f}",
                report.milliseconds(alone.mean),
                report.milliseconds(beside.mean),
                f"{beside.mean / alone.mean:.2f}",
                report.milliseconds(one.percentile(99)),
                report.milliseconds(two.percentile(99)),
                f"{alone.busy:.0%}",
                f"{beside.busy:.0%}",
            )
        )
    return rows


def list_columns() -> tuple[str, ...]:
    return (f"with {LISTED:,} connections", "p50 ms", "p99 ms")


def list_cells(lists: dict[str, list[float]]) -> list[tuple[str, ...]]:
    return [(what, _ms(times, 50), _ms(times, 99)) for what, times in lists.items()]


def _ms(times: Sequence[float], percent: int) -> str:
    return report.milliseconds(times[len(times) * percent // 100]) if times else ""


def _summed(every: Sequence[dict[int, int]]) -> dict[int, int]:
    found: dict[int, int] = {}
    for each in every:
        for status, number in each.items():
            found[status] = found.get(status, 0) + number
    return found
