"""What listeners to events cost: memory of one API process, and how soon all of them hear.

Rules this module keeps:
- Listeners are plain connections of one process beside the server, all with one token; the server's
  limits are raised, so that it lets them in.
- The time is from the update's being sent to each listener's having read its event.
"""

from __future__ import annotations

import asyncio
import resource
from dataclasses import dataclass
from time import perf_counter

from rich.console import Console

from bench import report
from bench.processes import resident
from bench.service import Service, running

PATH = "/landbridge/v1/events"
COUNTS = (0, 500, 2000)
ROUNDS = 20
PATIENCE = 60.0  # seconds
IDLE = 5.0  # seconds
LIMITS = {
    "connections": 4096,
    "connections_per_address": 4096,
    "listeners": 4096,
    "listeners_per_project": 4096,
    "listeners_per_token": 4096,
}


@dataclass(frozen=True)
class Measured:
    listeners: int
    resident: float  # MiB
    heard: list[float]  # seconds, per listener and round, sorted
    put: list[float]  # seconds, per round, sorted


def measure(console: Console) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, max(soft, 2 * max(COUNTS) + 500)), hard))
    with running("api", limits=LIMITS) as service:
        policy = service.api.create("ikepolicy", name="0")["id"]
        measured = [asyncio.run(_measure(service, policy, count)) for count in COUNTS]
    idle = measured[0].resident
    rows = [
        (
            str(each.listeners),
            f"{each.resident:.0f}",
            f"{(each.resident - idle) * 1024 / each.listeners:.0f}" if each.listeners else "",
            *(_told(each.heard, part) for part in (0.5, 0.99)),
            *(_told(each.put, part) for part in (0.5, 0.99)),
        )
        for each in measured
    ]
    columns = ("listeners", "resident MiB", "KiB each", "heard p50 ms", "heard p99 ms",
               "PUT p50 ms", "PUT p99 ms")  # fmt: skip
    report.table(console, "Listeners to events, one API process", columns, rows)


async def _measure(service: Service, policy: str, count: int) -> Measured:
    readers = []
    for _ in range(count):
        reader, writer = await asyncio.open_connection(service.host, service.port)
        writer.write(service.request("GET", PATH))
        readers.append((reader, writer))
    for reader, _ in readers:
        await _until(reader, b"retry:")
    await asyncio.sleep(IDLE if count else 0)
    size = resident(service.pid)
    heard: list[float] = []
    puts: list[float] = []
    for number in range(ROUNDS):
        waiting = [asyncio.create_task(_until(reader, b"event: updated")) for reader, _ in readers]
        await asyncio.sleep(0)
        began = perf_counter()
        name = f"{count} {number}"
        await asyncio.to_thread(service.api.update, "ikepolicy", policy, name=name)
        puts.append(perf_counter() - began)
        heard += [at - began for at in await asyncio.gather(*waiting)]
    for _, writer in readers:
        writer.close()
    return Measured(count, size / 2**20, sorted(heard), sorted(puts))


async def _until(reader: asyncio.StreamReader, mark: bytes) -> float:
    async with asyncio.timeout(PATIENCE):
        while mark not in (line := await reader.readline()):
            if not line:
                raise ConnectionError("the event stream has ended")
    return perf_counter()


def _told(seconds: list[float], part: float) -> str:
    return report.milliseconds(seconds[int(part * (len(seconds) - 1))]) if seconds else ""
