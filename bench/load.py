"""The load generator: many clients, each with one request under way, in a process of its own.

Rules this module keeps:
- It costs little: raw sockets, requests made beforehand, httptools for the answers. What it
  did cost is part of the result.
- A client sends its next request when the last one is answered, over the same connection.
- After the time is up nothing more is sent; what is under way is waited for and counted.

Runs as ``python -m bench.load``: a `Job` as JSON on stdin, a `Result` on stdout.
"""

from __future__ import annotations

import asyncio
import itertools
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from time import perf_counter
from typing import cast

import httptools
import msgspec
import uvloop

COUNTED = b"@@@@@@@@@@@@"  # in a request: replaced by a number that never repeats

PATIENCE = 300.0  # seconds, beyond the measured ones


class Job(msgspec.Struct, frozen=True, kw_only=True):
    """`seconds` of requests, again and again in this order; None: each of them once. `pause`:
    seconds between an answer and the client's next request."""

    host: str
    port: int
    clients: int
    requests: list[bytes]
    seconds: float | None = None
    pause: float = 0.0


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """Times in seconds; `cost` is the generator's own processor time."""

    answers: int
    statuses: dict[int, int]
    elapsed: float
    latencies: list[float]  # sorted
    cost: float

    @property
    def rate(self) -> float:
        return self.answers / self.elapsed

    def percentile(self, percent: float) -> float:
        return self.latencies[min(self.answers - 1, int(self.answers * percent / 100))]


def run(job: Job) -> Result:
    """Runs `job` in a process of its own. Raises RuntimeError when an answer was no success."""
    done = subprocess.run(
        [sys.executable, "-m", "bench.load"],
        input=msgspec.json.encode(job),
        stdout=subprocess.PIPE,
        check=True,
        timeout=(job.seconds or 0) + PATIENCE,
    )
    result = msgspec.json.decode(done.stdout, type=Result)
    if failed := {status: n for status, n in result.statuses.items() if status >= 300}:
        raise RuntimeError(f"answers that are no success, by status: {failed}")
    return result


class _Client(asyncio.Protocol):
    """One keep-alive connection."""

    def __init__(self, feed: Iterator[bytes], tally: _Tally, pause: float) -> None:
        self._feed = feed
        self._pause = pause
        self._tally = tally
        self._sent = 0.0
        self._parser = httptools.HttpResponseParser(self)
        self._transport: asyncio.WriteTransport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.WriteTransport, transport)
        self._next()

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def on_message_complete(self) -> None:
        self._tally.add(self._parser.get_status_code(), perf_counter() - self._sent)
        if self._pause:
            asyncio.get_running_loop().call_later(self._pause, self._next)
        else:
            self._next()

    def connection_lost(self, exc: Exception | None) -> None:
        self._tally.gone()

    def _next(self) -> None:
        request = next(self._feed, None)
        if request is None:
            self._transport.close()
            return
        self._sent = perf_counter()
        self._transport.write(request)


class _Tally:
    """What came back; done when all clients are."""

    def __init__(self, clients: int) -> None:
        self.statuses: Counter[int] = Counter()
        self.latencies: list[float] = []
        self.done = asyncio.Event()
        self._clients = clients

    def add(self, status: int, latency: float) -> None:
        self.statuses[status] += 1
        self.latencies.append(latency)

    def gone(self) -> None:
        self._clients -= 1
        if not self._clients:
            self.done.set()


def _requests(job: Job) -> Iterator[bytes]:
    numbers = itertools.count(int(perf_counter() * 1e6))
    halves = [request.partition(COUNTED)[::2] for request in job.requests]
    order = halves if job.seconds is None else itertools.cycle(halves)
    deadline = perf_counter() + (job.seconds or float("inf"))
    for head, tail in order:
        if perf_counter() > deadline:
            return
        yield head + b"%012d" % next(numbers) + tail if tail else head


async def _run(job: Job) -> Result:
    loop = asyncio.get_running_loop()
    tally, feed = _Tally(job.clients), _requests(job)
    began, cost = perf_counter(), sum(os.times()[:2])
    for _ in range(job.clients):
        await loop.create_connection(lambda: _Client(feed, tally, job.pause), job.host, job.port)
    await tally.done.wait()
    return Result(
        answers=len(tally.latencies),
        statuses=dict(tally.statuses),
        elapsed=perf_counter() - began,
        latencies=sorted(tally.latencies),
        cost=sum(os.times()[:2]) - cost,
    )


def main() -> None:
    job = msgspec.json.decode(sys.stdin.buffer.read(), type=Job)
    sys.stdout.buffer.write(msgspec.json.encode(uvloop.run(_run(job))))


if __name__ == "__main__":
    main()
