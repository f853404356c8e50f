"""How soon the API tells what happens to a tunnel, with 1, 100 and 500 tunnels on a gateway.

Rules this module keeps:
- The clock starts when charon's event reaches a listener of ours beside the agent, and stops when
  the API's event (Server-Sent Events) has been read: both by this process, with one clock.
- One at a time: the peer ends a tunnel and sets it up again, many times over, each in turn.
  Together: the peer ends all, then sets all up; the last is told when the gateway has got there.
- Status of all tunnels at once is one list-sas; its time is told beside.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import msgspec
from rich.console import Console

from bench import report
from bench.crowd import PATIENCE, Crowd, PeerHand, standing
from bench.service import Service
from landbridge.lab.peer import DataPlane
from landbridge.vici import Session

COUNTS = (1, 100, 500)
ROUNDS = 50
SETTLED = 5.0  # seconds
GROUP = 8  # that are set up at the same time
LISTS = 5
PATH = "/landbridge/v1/events"


@dataclass
class Heard:
    """When something was first heard of each connection since `clear`, by its id."""

    at: dict[str, float] = field(default_factory=dict)
    _news: asyncio.Event = field(default_factory=asyncio.Event)

    def note(self, tunnel_id: str) -> None:
        self.at.setdefault(tunnel_id, time.perf_counter())
        self._news.set()

    def clear(self) -> None:
        self.at = {}

    async def all_of(self, ids: Sequence[str]) -> None:
        async with asyncio.timeout(PATIENCE + len(ids)):
            while any(each not in self.at for each in ids):
                self._news.clear()
                await self._news.wait()


@dataclass(frozen=True)
class Ears:
    """charon's events and the API's, of tunnels that go up and down."""

    charon: dict[bool, Heard]
    api: dict[bool, Heard]

    @classmethod
    def new(cls) -> Ears:
        return cls({way: Heard() for way in (True, False)}, {way: Heard() for way in (True, False)})

    def clear(self) -> None:
        for heard in (*self.charon.values(), *self.api.values()):
            heard.clear()

    async def settle(self, ids: Sequence[str]) -> None:
        """Until all of them have come up at charon and in the API, or for a while."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(SETTLED + len(ids) / 20):
                await self.charon[True].all_of(ids)
                await self.api[True].all_of(ids)

    def stays_up(self, tunnel_id: str) -> bool:
        """If not, what was heard of it is forgotten."""
        if tunnel_id in self.api[True].at and tunnel_id not in self.charon[False].at:
            return True
        for heard in (*self.charon.values(), *self.api.values()):
            heard.at.pop(tunnel_id, None)
        return False

    async def latencies(self, ids: Sequence[str], *, up: bool) -> list[float]:
        """Seconds from charon's event to the API's, when both are there for all."""
        await self.charon[up].all_of(ids)
        await self.api[up].all_of(ids)
        return [self.api[up].at[each] - self.charon[up].at[each] for each in ids]


@dataclass(frozen=True)
class Row:
    tunnels: int
    one: dict[bool, list[float]]
    together: dict[bool, list[float]]
    listing: list[float]


def measure(console: Console, data_plane: DataPlane) -> None:
    with standing(max(COUNTS), data_plane) as crowd:
        rows = []
        for count in COUNTS:
            rows.append(asyncio.run(_measure(crowd, count)))
            console.print(f"{count} tunnels measured", style="dim")
    _print(console, rows)


async def _measure(crowd: Crowd, count: int) -> Row:
    new = await asyncio.to_thread(crowd.grow, count)
    everyone = range(count)
    async with _listening(crowd) as ears, await Session.open(_path(crowd)) as peer:
        hand = PeerHand(peer)
        await _set_up(crowd, hand, ears, new)
        one: dict[bool, list[float]] = {True: [], False: []}
        for turn in range(ROUNDS):
            number = turn % count
            one[False] += await _down(crowd, hand, ears, [number])
            one[True] += await _up(crowd, hand, ears, [number])
        together = {
            False: await _down(crowd, hand, ears, everyone),
            True: await _up(crowd, hand, ears, everyone),
        }
        return Row(count, one, together, await _list_times(crowd))


async def _set_up(crowd: Crowd, hand: PeerHand, ears: Ears, numbers: range) -> None:
    for start in range(numbers.start, numbers.stop, GROUP):
        await _up(crowd, hand, ears, range(start, min(start + GROUP, numbers.stop)))


async def _up(crowd: Crowd, hand: PeerHand, ears: Ears, numbers: Sequence[int]) -> list[float]:
    ears.clear()
    missing = list(numbers)
    while missing:  # a busy peer may lose one that has just come up
        for number in missing:
            await hand.initiate(number)
        await ears.settle([crowd.ids[number] for number in missing])
        missing = [number for number in missing if not ears.stays_up(crowd.ids[number])]
    return await ears.latencies([crowd.ids[number] for number in numbers], up=True)


async def _down(crowd: Crowd, hand: PeerHand, ears: Ears, numbers: Sequence[int]) -> list[float]:
    ears.clear()
    await hand.terminate(numbers)
    return await ears.latencies([crowd.ids[number] for number in numbers], up=False)


async def _list_times(crowd: Crowd) -> list[float]:
    times = []
    async with await Session.open(str(crowd.socket)) as session:
        for _ in range(LISTS):
            began = time.perf_counter()
            await session.collect("list-sas", "list-sa")
            times.append(time.perf_counter() - began)
    return times


@asynccontextmanager
async def _listening(crowd: Crowd) -> AsyncIterator[Ears]:
    ears = Ears.new()
    async with (
        await Session.open(str(crowd.socket)) as events,
        asyncio.TaskGroup() as group,
    ):
        await events.subscribe("child-updown")
        tasks = [
            group.create_task(_hear_charon(events, ears.charon)),
            group.create_task(_hear_api(crowd.service, ears.api)),
        ]
        yield ears
        for task in tasks:
            task.cancel()


async def _hear_charon(events: Session, heard: dict[bool, Heard]) -> None:
    async for event in events.events():
        up = event.message.get("up") == "yes"
        for name, section in event.message.items():
            if isinstance(section, dict):
                heard[up].note(name.partition(".")[0])


async def _hear_api(service: Service, heard: dict[bool, Heard]) -> None:
    reader, writer = await asyncio.open_connection(service.host, service.port)
    try:
        writer.write(service.request("GET", PATH))
        kind = ""
        while line := await reader.readline():
            if line.startswith(b"event: "):
                kind = line[7:].strip().decode()
            elif line.startswith(b"data: ") and kind in ("up", "down"):
                heard[kind == "up"].note(msgspec.json.decode(line[6:])["id"])
    finally:
        writer.close()


def _path(crowd: Crowd) -> str:
    return crowd.peer.uri.removeprefix("unix://")


def _print(console: Console, rows: Sequence[Row]) -> None:
    columns = (
        "tunnels",
        "one goes down",
        "one comes up",
        "all go down",
        "all come up",
        "one list-sas of all, p50",
    )
    report.table(
        console,
        "From charon's event to the API's event, p50 / p99 in ms",
        columns,
        [
            (
                str(row.tunnels),
                *(_spread(times[up]) for times in (row.one, row.together) for up in (False, True)),
                f"{_part(row.listing, 50) * 1000:.1f}",
            )
            for row in rows
        ],
    )


def _spread(times: Sequence[float]) -> str:
    return f"{_part(times, 50) * 1000:.1f} / {_part(times, 99) * 1000:.1f}"


def _part(times: Sequence[float], percent: int) -> float:
    ordered = sorted(times)
    return ordered[min(len(ordered) - 1, len(ordered) * percent // 100)]
