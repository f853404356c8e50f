"""The packet pump: a process that sends and counts the packets of `landbridge.lab.traffic`.

Rules this module keeps:
- One thread, one selector, one clock. Sending keeps to its schedule: a packet is due at
  start + n / rate; after a stall of this process at most a few are sent at once and the
  rest of the schedule moves on, so that a stall never looks like a burst.
- Orders come as lines on standard input, answers go as lines to standard output; the end
  of standard input ends the pump.
- An error of sending (no route, unreachable) is a packet that was sent and lost.
"""

from __future__ import annotations

import contextlib
import selectors
import socket
import struct
import sys
import time
from array import array
from collections.abc import Iterator

import msgspec

from landbridge.lab.hosts import inside
from landbridge.lab.traffic import LOSSES, Direction, End, FlowCount, Loss, Orders

HEADER = struct.Struct("!IQ")  # counting period, number
BURST = 5


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

    def departed(self, now: float) -> int:
        """The number of the packet that is sent now."""
        self._last = self._last or now
        self._times.append(now)
        self._seen.append(0)
        return len(self._seen) - 1

    def arrived(self, number: int, now: float) -> None:
        if self._seen[number]:
            return
        self._seen[number] = 1
        self._received += 1
        if number < self._expected:
            self._reordered += 1
        else:
            self._expected = number + 1
        sent = self._times[number]
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
        self._target = sink.getsockname()
        self._padding = bytes(max(0, payload - HEADER.size))
        self.current = Count(0)
        self.previous = self.current

    def next_period(self, now: float) -> None:
        self.current.end(now)
        self.previous, self.current = self.current, Count(self.current.period + 1)

    def send(self, now: float) -> None:
        header = HEADER.pack(self.current.period, self.current.departed(now))
        with contextlib.suppress(OSError):
            self._source.sendto(header + self._padding, self._target)

    def receive(self) -> None:
        with contextlib.suppress(BlockingIOError):
            while True:
                period, number = HEADER.unpack_from(self._sink.recv(2048))
                for count in (self.current, self.previous):
                    if count.period == period:
                        count.arrived(number, time.monotonic())
                        break


class Pump:
    """All flows, and the schedule."""

    def __init__(self, orders: Orders) -> None:
        self._names = [flow.name for flow in orders.flows]
        self._period = 1 / orders.rate
        self._selector = selectors.DefaultSelector()
        self._streams: list[tuple[Stream, Stream]] = []
        self._sending = True
        for flow in orders.flows:
            left, right = _bound(flow.left), _bound(flow.right)
            pair = (
                Stream(left, right, orders.payload),
                Stream(right, left, orders.payload),
            )
            self._selector.register(right, selectors.EVENT_READ, pair[0].receive)
            self._selector.register(left, selectors.EVENT_READ, pair[1].receive)
            self._streams.append(pair)
        self._selector.register(sys.stdin, selectors.EVENT_READ, self._obey)
        self._due = time.monotonic()

    def run(self) -> None:
        """Until standard input ends."""
        with contextlib.suppress(EOFError):
            while True:
                self._step()

    def _step(self, patience: float | None = None) -> None:
        wait = patience
        if self._sending:
            self._send_due()
            wait = max(0.0, self._due - time.monotonic())
        for key, _ in self._selector.select(wait):
            key.data()

    def _send_due(self) -> None:
        now = time.monotonic()
        self._due = max(self._due, now - BURST * self._period)
        while self._due <= now:
            for forward, backward in self._streams:
                forward.send(now)
                backward.send(now)
            self._due += self._period

    def _obey(self) -> None:
        word, *arguments = sys.stdin.readline().split() or [""]
        if not word:
            raise EOFError
        if word == "count":
            self._tell([(left.current, right.current) for left, right in self._streams])
            return
        now = time.monotonic()
        for stream in self._each():
            stream.next_period(now)
        self._sending = word == "restart"
        ended = [(left.previous, right.previous) for left, right in self._streams]
        self._settle(float(arguments[0]))
        self._tell(ended)

    def _settle(self, seconds: float) -> None:
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline and not all(e.previous.settled for e in self._each()):
            self._step(0.01)

    def _each(self) -> list[Stream]:
        return [stream for pair in self._streams for stream in pair]

    def _tell(self, counts: list[tuple[Count, Count]]) -> None:
        now = time.monotonic()
        answer = [
            FlowCount(name, forward.direction(now), backward.direction(now))
            for name, (forward, backward) in zip(self._names, counts, strict=True)
        ]
        _say(msgspec.json.encode(answer))


def _bound(end: End) -> socket.socket:
    family = socket.AF_INET6 if ":" in end.address else socket.AF_INET
    bound = inside(end.namespace, lambda: socket.socket(family, socket.SOCK_DGRAM))
    bound.setblocking(False)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
    bound.bind((end.address, 0))
    return bound


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
