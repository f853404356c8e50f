"""How long an update takes on a live tunnel, from the PUT to the new SA, in the lab.

Rules this module keeps:
- Real charons at both ends, and a peer that takes whatever we offer: what is measured is our
  own way (API, agent, charon) and the exchanges, with next to no round-trip time.
- charon itself is asked: its log event tells what was loaded, ``child-updown`` what was
  installed. The API's status is polled beside that.
- A round begins when the last one has settled: one IKE_SA with one CHILD_SA.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from rich.console import Console

from bench import processes, report
from bench.service import Service, running
from landbridge.client import Resource
from landbridge.lab.peer import DataPlane
from landbridge.vici import Event, Session

DEADLINE = 30.0  # seconds, for one update
START = 90.0  # seconds, for the lab
POLL = 0.005  # seconds between looks at the API
CONNECTION, SIBLING = "demo", "sibling"
COLUMNS = (
    "change",
    "rounds",
    "answered",
    "loaded in charon",
    "new SA installed",
    "API says ACTIVE",
    "events about the sibling",
)
LOADED = ("added vici connection:", "updated vici connection:")


@dataclass(frozen=True)
class Times:
    """Seconds from the moment the PUT was sent; None: it did not happen."""

    answered: float
    loaded: float | None
    installed: float | None
    active: float


@dataclass(frozen=True)
class Change:
    """An update that can be made again and again: `body` differs from round to round."""

    what: str
    body: Callable[[int], Resource]
    new_sa: bool = True


@dataclass(frozen=True)
class Row:
    """`disturbed`: how many of charon's events were about the other connection."""

    change: Change
    times: list[Times]
    disturbed: int


@dataclass
class Watch:
    """What charon tells, with the time when it was told."""

    events: list[tuple[float, Event]] = field(default_factory=list)

    async def run(self, session: Session) -> None:
        async for event in session.events():
            self.events.append((time.perf_counter(), event))

    def first(self, since: float, matches: Callable[[Event], bool]) -> float | None:
        """Seconds after `since`."""
        for at, event in self.events:
            if at >= since and matches(event):
                return at - since
        return None


class Lab:
    """The running lab: its API, and the charon of its router."""

    def __init__(self, service: Service, commands: Session, watch: Watch) -> None:
        self.api = service.api
        self.watch = watch
        self._commands = commands
        found = self.api.list("ipsec_site_connection")
        self.connections: dict[str, Resource] = {each["name"]: each for each in found}

    @property
    def id(self) -> str:
        return str(self.connections[CONNECTION]["id"])

    async def update(self, change: Change, turn: int) -> Times:
        """One PUT, until the API says ACTIVE and charon has done what belongs to it."""
        self.watch.events.clear()
        began = time.perf_counter()
        body = change.body(turn)
        answer = await asyncio.to_thread(self.api.update, "ipsec_site_connection", self.id, **body)
        answered = time.perf_counter() - began
        while answer["status"] != "ACTIVE":
            await asyncio.sleep(POLL)
            answer = await asyncio.to_thread(self.api.show, "ipsec_site_connection", self.id)
        active = time.perf_counter() - began
        if change.new_sa:
            await self._until(lambda: self.watch.first(began, self._installed) is not None)
        loaded = self.watch.first(began, self._loaded)
        installed = self.watch.first(began, self._installed)
        await self._settled()
        return Times(answered, loaded, installed, active)

    def sibling_events(self) -> int:
        """How many of charon's events in this round were about the other connection."""
        other = str(self.connections[SIBLING]["id"])
        return sum(other in str(event.message) for _, event in self.watch.events)

    def _loaded(self, event: Event) -> bool:
        text = str(event.message.get("msg", ""))
        return event.name == "log" and text.startswith(LOADED) and self.id in text

    def _installed(self, event: Event) -> bool:
        up = event.name == "child-updown" and event.message.get("up") == "yes"
        return up and any(name.startswith(self.id) for name in event.message)

    async def _settled(self) -> None:
        while True:
            listed = await self._commands.collect("list-sas", "list-sa")
            ours = [sa for each in listed for name, sa in each.items() if name.startswith(self.id)]
            if len(ours) == 1 and _children(ours[0]) == 1:
                return
            await asyncio.sleep(POLL)

    async def _until(self, condition: Callable[[], bool]) -> None:
        while True:
            if condition():
                return
            await asyncio.sleep(POLL)


def _children(sa: object) -> int:
    children = sa.get("child-sas", {}) if isinstance(sa, dict) else {}
    return len(children)


def measure(console: Console, rounds: int, data_plane: DataPlane) -> None:
    with running("serve", "--lab", data_plane=data_plane) as service:
        asyncio.run(_measure(console, service, rounds))


async def _measure(console: Console, service: Service, rounds: int) -> None:
    async with _lab(service) as lab:
        rows = [await _repeat(lab, change, rounds) for change in _changes(lab)]
        _print(console, rows)
    report.facts(console, "Resident memory in the lab", _memory(service))


async def _repeat(lab: Lab, change: Change, rounds: int) -> Row:
    times, disturbed = [], 0
    for turn in range(rounds + 1):  # the first one is not counted
        async with asyncio.timeout(DEADLINE):
            times.append(await lab.update(change, turn))
        disturbed += lab.sibling_events()
    return Row(change, times[1:], disturbed)


def _print(console: Console, rows: list[Row]) -> None:
    report.table(
        console,
        "From the PUT to the tunnel, p50 / p99 in ms",
        COLUMNS,
        [
            (
                row.change.what,
                str(len(row.times)),
                _spread([each.answered for each in row.times]),
                _spread([each.loaded for each in row.times]),
                _spread([each.installed for each in row.times]),
                _spread([each.active for each in row.times]),
                str(row.disturbed),
            )
            for row in rows
        ],
    )


def _spread(values: list[float | None]) -> str:
    """Nothing where it did not happen in every round."""
    times = sorted(value for value in values if value is not None)
    if len(times) < len(values):
        return f"{len(times)} times" if times else "none"
    middle, late = times[len(times) // 2], times[min(len(times) - 1, len(times) * 99 // 100)]
    return f"{middle * 1000:.1f} / {late * 1000:.1f}"


def _changes(lab: Lab) -> list[Change]:
    given = lab.connections[CONNECTION]
    other = lab.api.create(
        "ipsecpolicy",
        name="bench",
        encryption_algorithm="aes-128",
        auth_algorithm="sha256",
        pfs="group14",
    )
    policies = (other["id"], given["ipsecpolicy_id"])
    return [
        Change("name", lambda turn: {"name": f"demo-{turn}"}, new_sa=False),
        Change("mtu", lambda turn: {"mtu": 1400 + turn % 2}, new_sa=False),
        Change(
            "ipsecpolicy_id (new CHILD_SA)", lambda turn: {"ipsecpolicy_id": policies[turn % 2]}
        ),
        Change("dpd interval (new IKE_SA)", lambda turn: {"dpd": {"interval": 20 + turn % 2}}),
    ]


def _memory(service: Service) -> list[tuple[str, str]]:
    (charon,) = service.state.glob("agent/*/vici")
    of = {"serve": service.pid} | processes.commands(service.pid)
    of["charon of the router, 2 tunnels"] = processes.listener(charon)
    return [(name, report.megabytes(processes.resident(pid))) for name, pid in of.items()]


@asynccontextmanager
async def _lab(service: Service) -> AsyncIterator[Lab]:
    """When both tunnels are up."""
    await asyncio.to_thread(_until_all_active, service)
    (path,) = service.state.glob("agent/*/vici")
    watch = Watch()
    async with await Session.open(str(path)) as commands, await Session.open(str(path)) as events:
        await events.subscribe("log", "child-updown")
        watching = asyncio.create_task(watch.run(events))
        yield Lab(service, commands, watch)
        await events.close()
        await watching


def _until_all_active(service: Service) -> None:
    deadline = time.monotonic() + START
    while True:
        found = service.api.list("ipsec_site_connection")
        if len(found) > 1 and all(each["status"] == "ACTIVE" for each in found):
            return
        if time.monotonic() > deadline:
            raise TimeoutError(f"the lab's tunnels are not up after {START:.0f} s")
        time.sleep(0.1)
