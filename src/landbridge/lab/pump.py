"""The packet pump: a process that sends and counts the packets of `landbridge.lab.traffic`.

Rules this module keeps:
- One thread, one selector, one clock. Sending keeps to its schedule: a packet is due at
  start + n / rate; after a stall of this process at most a few are sent at once and the
  rest of the schedule moves on, so that a stall never looks like a burst. A rate that this
  machine cannot make shows in how many were sent.
- Orders come as lines on standard input, answers go as lines to standard output, one for each
  before the next order comes; the end of standard input ends the pump.
- An error of sending (no route, unreachable) is a packet that was sent and lost.
"""

from __future__ import annotations

import contextlib
import math
import selectors
import socket
import struct
import sys
import time
from array import array
from collections.abc import Iterable, Iterator
from functools import partial
from itertools import repeat

import msgspec

from landbridge.lab.datagrams import MANY, Datagrams, opened
from landbridge.lab.hosts import inside
from landbridge.lab.traffic import LOSSES, Direction, End, FlowCount, Loss, Orders

HEADER = struct.Struct("!IQ")  # counting period, number
BURST = 5  # packets, or
BURST_TIME = 0.005  # seconds' worth of them, whichever is more


class Count:
    """What happened to the packets of one period of one stream."""

    def __init__(self, period: int) -> None:
        self.period = period
        self._times = array("d")  # of sending, by number
        self._seen = bytearray()  # by number: 1 when it has arrived
        self._received = 0
        self._expected = 0  # above all numbers that have arrived
        self._reordered = 0
        self._delays = 0.0
        self._last = 0.0
        self._gap = 0.0
        self._ended = 0.0

    @property
    def sent(self) -> int:
        return len(self._seen)

    def departed(self, count: int, now: float) -> int:
        """The number of the first of `count` packets that are sent now."""
        first = len(self._seen)
        self._last = self._last or now
        self._times.extend(repeat(now, count))
        self._seen.extend(bytes(count))
        return first

    def arrived(self, numbers: Iterable[int], now: float) -> None:
        seen, times = self._seen, self._times
        for number in numbers:
            if seen[number]:
                continue
            seen[number] = 1
            self._received += 1
            if number < self._expected:
                self._reordered += 1
            else:
                self._expected = number + 1
            sent = times[number]
            self._delays += now - sent
            # What the first one waited for is what was sent before it, not its own way.
            since = now if self._received > 1 else sent
            self._gap = max(self._gap, since - self._last)
            self._last = now

    def end(self, now: float) -> None:
        self._ended = now

    @property
    def settled(self) -> bool:
        return self._received == self.sent

    def direction(self, now: float) -> Direction:
        silence = (self._ended or now) - self._last if self.sent else 0.0
        losses = list(self._losses())
        return Direction(
            sent=self.sent,
            received=self._received,
            reordered=self._reordered,
            longest_gap=max(self._gap, silence),
            longest_run=max((loss.count for loss in losses), default=0),
            losses=tuple(losses[:LOSSES]),
            delay=self._delays / self._received if self._received else 0.0,
        )

    def _losses(self) -> Iterator[Loss]:
        first = self._seen.find(0)
        while first >= 0:
            end = self._seen.find(1, first)
            end = end if end >= 0 else self.sent
            yield Loss(first, end - first, self._times[first])
            first = self._seen.find(0, end)


class Stream:
    """One direction of one flow: the period that is counted and the one before it."""

    def __init__(self, source: socket.socket, sink: socket.socket, payload: int) -> None:
        self._source, self._sink = source, sink
        size = max(payload, HEADER.size)
        self._going = Datagrams(size, sink.getsockname())
        self._coming = Datagrams(size)
        self._headers = struct.Struct(f"{HEADER.format}{size - HEADER.size}x")
        self.current = Count(0)
        self.previous = self.current

    def next_period(self, now: float) -> None:
        self.current.end(now)
        self.previous, self.current = self.current, Count(self.current.period + 1)

    def send(self, count: int, now: float) -> None:
        """At most `MANY`."""
        period, first = self.current.period, self.current.departed(count, now)
        for place in range(count):
            self._headers.pack_into(
                self._going.buffer, place * self._going.size, period, first + place
            )
        self._going.send(self._source, count)

    def receive(self) -> None:
        taken = self._coming.receive(self._sink)
        now = time.monotonic()
        packets = memoryview(self._coming.buffer)[: taken * self._coming.size]
        headers = list(self._headers.iter_unpack(packets))
        for count in {self.current, self.previous}:
            count.arrived([number for period, number in headers if period == count.period], now)


class Schedule:
    """When packets are due: every `1 / rate` seconds."""

    def __init__(self, rate: float, now: float) -> None:
        self.rate = rate
        self.next = now

    def due(self, now: float) -> int:
        """How many are due now, at most `MANY`; they count as sent."""
        allowed = max(BURST, self.rate * BURST_TIME)
        self.next = max(self.next, now - allowed / self.rate)
        count = min(MANY, math.floor((now - self.next) * self.rate) + 1) if self.next <= now else 0
        self.next += count / self.rate
        return count


class Pump:
    """All flows, and their schedules."""

    def __init__(self, orders: Orders) -> None:
        now = time.monotonic()
        self._selector = selectors.DefaultSelector()
        self._streams: dict[str, tuple[Stream, Stream]] = {}
        self._schedules = {flow.name: Schedule(orders.rate, now) for flow in orders.flows}
        self._sending = True
        for flow in orders.flows:
            left, right = _bound(flow.left), _bound(flow.right)
            pair = (
                Stream(left, right, orders.payload),
                Stream(right, left, orders.payload),
            )
            self._selector.register(right, selectors.EVENT_READ, pair[0].receive)
            self._selector.register(left, selectors.EVENT_READ, pair[1].receive)
            self._streams[flow.name] = pair
        self._selector.register(sys.stdin, selectors.EVENT_READ, self._obey)

    def run(self) -> None:
        """Until standard input ends."""
        with contextlib.suppress(EOFError):
            while True:
                self._step()

    def _step(self, patience: float | None = None) -> None:
        wait = patience
        if self._sending:
            self._send_due()
            due = min(schedule.next for schedule in self._schedules.values())
            wait = max(0.0, due - time.monotonic())
        for key, _ in self._selector.select(wait):
            key.data()

    def _send_due(self) -> None:
        for name, schedule in self._schedules.items():
            now = time.monotonic()
            count = schedule.due(now)
            for stream in self._streams[name] if count else ():
                stream.send(count, now)

    def _obey(self) -> None:
        word, *arguments = sys.stdin.readline().split() or [""]
        if not word:
            raise EOFError
        if word == "count":
            self._tell([(left.current, right.current) for left, right in self._streams.values()])
            return
        if word == "pace":
            name, rate = arguments
            self._schedules[name] = Schedule(float(rate), time.monotonic())
            _say(b"{}")
            return
        now = time.monotonic()
        for stream in self._each():
            stream.next_period(now)
        self._sending = word == "restart"
        ended = [(left.previous, right.previous) for left, right in self._streams.values()]
        self._settle(float(arguments[0]))
        self._tell(ended)

    def _settle(self, seconds: float) -> None:
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline and not all(e.previous.settled for e in self._each()):
            self._step(0.01)

    def _each(self) -> list[Stream]:
        return [stream for pair in self._streams.values() for stream in pair]

    def _tell(self, counts: list[tuple[Count, Count]]) -> None:
        now = time.monotonic()
        answer = [
            FlowCount(name, forward.direction(now), backward.direction(now))
            for name, (forward, backward) in zip(self._streams, counts, strict=True)
        ]
        _say(msgspec.json.encode(answer))


def _bound(end: End) -> socket.socket:
    return inside(end.namespace, partial(opened, end.address))


def _say(line: bytes) -> None:
    sys.stdout.buffer.write(line + b"\n")
    sys.stdout.buffer.flush()


def main() -> None:
    orders = msgspec.json.decode(sys.stdin.readline(), type=Orders)
    pump = Pump(orders)
    _say(b"{}")
    pump.run()


if __name__ == "__main__":
    main()
