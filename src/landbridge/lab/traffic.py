"""Numbered packets both ways between hosts: how many were sent, lost, how long a gap.

Rules this module keeps:
- The packets are sent and counted by a process of their own
  (`landbridge.lab.pump`), so that a busy test or demo neither delays nor loses one.
- A packet counts as lost when it was sent and has not arrived when the flow has settled.
- Time is one clock for both ends: both run on this machine.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from types import TracebackType
from typing import Final, Self

import msgspec

from landbridge.lab.hosts import LabError

LOSSES: Final = 20


class End(msgspec.Struct, frozen=True):
    """A host (namespace) and the address of it that packets go to."""

    namespace: str
    address: str


class Flow(msgspec.Struct, frozen=True):
    """Packets from `left` to `right` and from `right` to `left`."""

    name: str
    left: End
    right: End


class Orders(msgspec.Struct, frozen=True):
    """What a pump is started with: `rate` in packets a second and direction."""

    flows: tuple[Flow, ...]
    rate: float
    payload: int


class Loss(msgspec.Struct, frozen=True):
    """`count` packets lost in a row, from the number `first` on, which was sent at `at`
    (`time.monotonic`)."""

    first: int
    count: int
    at: float


class Direction(msgspec.Struct, frozen=True):
    """Counts of one direction; `longest_gap` in seconds between two arrivals.

    `reordered`: how many arrived after one that was sent later (RFC 4737). `longest_run` is the
    greatest number of packets lost in a row; `losses` are such rows, the first `LOSSES` of them.
    """

    sent: int
    received: int
    reordered: int
    longest_gap: float
    longest_run: int
    losses: tuple[Loss, ...]
    delay: float  # mean, seconds, one way

    @property
    def lost(self) -> int:
        return self.sent - self.received


class FlowCount(msgspec.Struct, frozen=True):
    """`forward` is left to right."""

    name: str
    forward: Direction
    backward: Direction

    @property
    def lost(self) -> int:
        return self.forward.lost + self.backward.lost

    @property
    def sent(self) -> int:
        return self.forward.sent + self.backward.sent

    @property
    def both_ways(self) -> bool:
        """Whether something arrived in each direction."""
        return bool(self.forward.received and self.backward.received)


class Traffic:
    """Packets flow from `start` (or ``with``) to `stop`.

    `count` tells the numbers so far, where packets on their way still count as lost;
    `restart` waits until the packets so far have settled, gives their numbers and counts
    from nought, without a pause in sending.
    """

    def __init__(
        self, flows: Sequence[Flow], *, rate: float = 500, payload: int = 64, settle: float = 1.0
    ) -> None:
        self._orders = Orders(tuple(flows), rate, payload)
        self._settle = settle
        self._pump: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.abort()

    def start(self) -> None:
        self._pump = subprocess.Popen(
            [sys.executable, "-m", "landbridge.lab.pump"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=True,
        )
        self._say(msgspec.json.encode(self._orders))
        self._hear()

    def pace(self, flow: str, rate: float) -> None:
        """From now on `rate` packets a second in this flow, each way."""
        self._say(b"pace %s %.3f" % (flow.encode(), rate))
        self._hear()

    def count(self) -> dict[str, FlowCount]:
        return self._ask(b"count")

    def restart(self) -> dict[str, FlowCount]:
        return self._ask(b"restart %.3f" % self._settle)

    def stop(self) -> dict[str, FlowCount]:
        """Stop sending, wait for what is on its way (at most `settle` seconds), count."""
        counts = self._ask(b"stop %.3f" % self._settle)
        self.abort()
        return counts

    def abort(self) -> None:
        pump, self._pump = self._pump, None
        if pump is None:
            return
        pump.kill()
        pump.wait()
        for stream in (pump.stdin, pump.stdout):
            if stream is not None:
                stream.close()

    def _ask(self, order: bytes) -> dict[str, FlowCount]:
        self._say(order)
        counts = msgspec.json.decode(self._hear(), type=list[FlowCount])
        return {count.name: count for count in counts}

    def _say(self, line: bytes) -> None:
        if self._pump is None or self._pump.stdin is None:
            raise LabError("traffic is not running")
        self._pump.stdin.write(line + b"\n")
        self._pump.stdin.flush()

    def _hear(self) -> bytes:
        if self._pump is None or self._pump.stdout is None:
            raise LabError("traffic is not running")
        line = self._pump.stdout.readline()
        if not line:
            raise LabError("the packet pump has ended; its complaint is on standard error")
        return line
