"""Attacks on an API, each as a process of its own: ``python -m bench.attackers``.

Rules this module keeps:
- An `Attack` comes as JSON on the first line of stdin; "ready" is said when it is under way. It
  goes on until stdin ends, and then tells what became of it: answers by status, connections that
  the server ended, and those that are open and wait.
- It comes from an address of its own, goes on as fast as it is answered, and comes after the others
  where they want the same processor (`NICENESS`): measured is what it costs the server.
- Every attack is bounded in connections; nothing of it leaves loopback.
"""

from __future__ import annotations

import asyncio
import itertools
import os
import resource
import sys
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Final

import msgspec

NICENESS: Final = 10
SOURCE: Final = "127.0.0.66"
FEW, MANY = 4, 256  # connections that ask, and that only hold
PART: Final = b"a" * 2**20


class Attack(msgspec.Struct, frozen=True, kw_only=True):
    """`requests`: what `asking` sends, in turn. `connections`: how many at a time."""

    kind: str
    host: str
    port: int
    connections: int = FEW
    requests: list[bytes] = []
    parts: int = 0  # of `PART`, that follow a beginning


class Attacker:
    def __init__(self, attack: Attack) -> None:
        self.attack = attack
        self.became: Counter[str] = Counter()
        self.begun = 0  # connections that have got as far as they come
        self.waiting = 0  # of them, those that are open and wait

    async def open(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        to = self.attack
        return await asyncio.open_connection(to.host, to.port, local_addr=(SOURCE, 0))

    @contextmanager
    def waits(self) -> Iterator[None]:
        self.waiting += 1
        try:
            yield
        finally:
            self.waiting -= 1

    async def again_and_again(self, one: Callable[[Attacker], Awaitable[None]]) -> None:
        while True:
            try:
                await one(self)
            except (OSError, asyncio.IncompleteReadError):
                self.became["ended by the server"] += 1
            self.begun += 1
            await asyncio.sleep(0.001)


async def holding(attacker: Attacker) -> None:
    """Send a beginning and wait for what comes: nothing, an answer, the end."""
    reader, writer = await attacker.open()
    try:
        for request in attacker.attack.requests:
            writer.write(request)
        await writer.drain()
        attacker.begun += 1
        with attacker.waits():
            await _answer(attacker, reader)
    finally:
        writer.close()


async def pouring(attacker: Attacker) -> None:
    """Send a beginning, and then more of it than anybody wants."""
    reader, writer = await attacker.open()
    answered = asyncio.create_task(_answer(attacker, reader))
    try:
        writer.write(attacker.attack.requests[0])
        for _ in range(attacker.attack.parts):
            if answered.done():
                break
            writer.write(PART)
            await writer.drain()
        await answered
    finally:
        answered.cancel()
        await asyncio.wait([answered])
        writer.close()


async def asking(attacker: Attacker) -> None:
    """Requests that are in order, one after the other on one connection."""
    reader, writer = await attacker.open()
    try:
        for request in itertools.cycle(attacker.attack.requests):
            writer.write(request)
            await _answer(attacker, reader)
            attacker.begun += 1
    finally:
        writer.close()


async def listening(attacker: Attacker) -> None:
    """Read a stream; who is not let in comes again after a second."""
    reader, writer = await attacker.open()
    try:
        writer.write(attacker.attack.requests[0])
        status = int((await reader.readuntil(b"\r\n")).split()[1])
        attacker.became[str(status)] += 1
        attacker.begun += 1
        with attacker.waits():
            while await reader.read(1 << 16):
                pass
    finally:
        writer.close()
    await asyncio.sleep(1)


KINDS: Final = {each.__name__: each for each in (holding, pouring, asking, listening)}


async def _answer(attacker: Attacker, reader: asyncio.StreamReader) -> None:
    head = await reader.readuntil(b"\r\n\r\n")
    attacker.became[head.split(None, 2)[1].decode()] += 1
    for line in head.lower().split(b"\r\n"):
        if line.startswith(b"content-length:"):
            await reader.readexactly(int(line.partition(b":")[2]))


async def _run(attack: Attack) -> Counter[str]:
    attacker = Attacker(attack)
    one = KINDS[attack.kind]
    loop = asyncio.get_running_loop()
    ended = loop.run_in_executor(None, sys.stdin.buffer.read)
    tasks = [asyncio.create_task(attacker.again_and_again(one)) for _ in range(attack.connections)]
    while attacker.begun < attack.connections and not ended.done():  # noqa: ASYNC110 - of thousands
        await asyncio.sleep(0.01)
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    await ended
    if attacker.waiting:
        attacker.became["open"] = attacker.waiting
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)
    return attacker.became


def lines_of(attack: Attack) -> bytes:
    return msgspec.json.encode(attack) + b"\n"


def told(became: dict[str, int]) -> Iterator[str]:
    """What became of it, most first."""
    for word, times in sorted(became.items(), key=lambda each: -each[1]):
        yield f"{word}: {times:,}"


def main() -> None:
    os.nice(NICENESS)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard if soft < hard else soft, hard))
    attack = msgspec.json.decode(sys.stdin.buffer.readline(), type=Attack)
    became = asyncio.run(_run(attack))
    sys.stdout.buffer.write(msgspec.json.encode(became))


if __name__ == "__main__":
    main()
