"""A long wire: joins two bridges with a delay, for kernels without netem.

Rules this module keeps:
- Every frame is kept for the same time, in both directions, and leaves in the order in
  which it came; none is dropped while at most `LIMIT` are under way.
- The frames are carried by a process of its own (`python -m landbridge.lab.delay`), which
  ends with its standard input, and its two TAP devices with it.
"""

from __future__ import annotations

import errno
import fcntl
import os
import selectors
import struct
import subprocess
import sys
import time
from collections import deque
from collections.abc import Callable
from functools import partial

from landbridge.lab.hosts import Ground, ip, link_exists, plug_name, wait_until

TUNSETIFF = 0x400454CA
IFF_TAP, IFF_NO_PI = 0x0002, 0x1000
LIMIT = 20_000
FRAME = 65_536


def long_wire(ground: Ground, left: str, right: str, one_way: float) -> None:
    """Join the bridges `left` and `right`; each frame takes `one_way` seconds longer."""
    names = [plug_name(left, f"to {right}"), plug_name(right, f"to {left}")]
    carrier = subprocess.Popen(
        [sys.executable, "-m", "landbridge.lab.delay", *names, str(one_way)],
        stdin=subprocess.PIPE,
        start_new_session=True,
    )
    ground.defer(lambda: _end(carrier))
    for name, bridge in zip(names, (left, right), strict=True):
        wait_until(partial(link_exists, name), 10, f"{name} appears")
        ip("link", "set", "dev", name, "master", bridge, "up")


def _end(carrier: subprocess.Popen[bytes]) -> None:
    carrier.kill()
    carrier.wait()
    if carrier.stdin is not None:
        carrier.stdin.close()


class Lane:
    """One direction: frames wait here for their time."""

    def __init__(self, source: int, sink: int, delay: float) -> None:
        self._source, self._sink, self._delay = source, sink, delay
        self._waiting: deque[tuple[float, bytes]] = deque()

    def take(self) -> None:
        while len(self._waiting) < LIMIT:
            try:
                frame = os.read(self._source, FRAME)
            except BlockingIOError:
                return
            self._waiting.append((time.monotonic() + self._delay, frame))

    def give(self, now: float) -> None:
        while self._waiting and self._waiting[0][0] <= now:
            _, frame = self._waiting.popleft()
            _write(self._sink, frame)

    @property
    def due(self) -> float | None:
        return self._waiting[0][0] if self._waiting else None


def _write(sink: int, frame: bytes) -> None:
    try:
        os.write(sink, frame)
    except OSError as error:  # the device is not up yet: a wire that is not plugged in
        if error.errno not in (errno.EIO, errno.EAGAIN):
            raise


def _tap(name: str) -> int:
    device = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    request = struct.pack("16sH", name.encode(), IFF_TAP | IFF_NO_PI)
    fcntl.ioctl(device, TUNSETIFF, request)
    return device


def carry(left: int, right: int, one_way: float) -> None:
    """Until standard input ends."""
    lanes = (Lane(left, right, one_way), Lane(right, left, one_way))
    selector = selectors.SelectSelector()  # its time-out is finer than epoll's millisecond
    takers: dict[int, Callable[[], None]] = {left: lanes[0].take, right: lanes[1].take}
    for device, take in takers.items():
        selector.register(device, selectors.EVENT_READ, take)
    selector.register(sys.stdin, selectors.EVENT_READ, sys.exit)
    while True:
        due = [lane.due for lane in lanes if lane.due is not None]
        wait = max(0.0, min(due) - time.monotonic()) if due else None
        for key, _ in selector.select(wait):
            key.data()
        now = time.monotonic()
        for lane in lanes:
            lane.give(now)


def main() -> None:
    left, right, one_way = sys.argv[1:]
    carry(_tap(left), _tap(right), float(one_way))


if __name__ == "__main__":
    main()
