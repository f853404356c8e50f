"""Samples all tunnels of a router periodically: traffic counters, one-way traffic, and whether
charon has other SAs than are known.

Rules this module keeps:
- One list-sas for all tunnels every `EVERY` seconds, on a session of its own: no command waits
  for it, and its cost does not grow with what is asked of it.
- A tunnel whose SAs are not those that are known of it is marked for a look: an event may have
  been missed.
- A tunnel is one-way when for `WINDOW` seconds packets went out (at least `LEAST`) and none came
  in. That is a warning for a tunnel that is up and no failure: some traffic is never answered. It
  ends with the first packet that comes in, and when nothing was sent for as long.
- A CHILD_SA that has carried both ways and is not heard any more is replaced
  (`landbridge.agent.reconcile.unheard`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import Final

import msgspec
import structlog

from landbridge.agent.metrics.counters import Traffic
from landbridge.agent.metrics.meters import Meters
from landbridge.agent.reconcile.tunnel import ManagedTunnel
from landbridge.agent.reconcile.unheard import Key, Listening, listen
from landbridge.agent.tunnels.observed import IkeSa, ike_sas
from landbridge.model.fields import Model
from landbridge.model.status import Reason, ReasonCode
from landbridge.vici import Message, Session

log = structlog.get_logger(__name__)

EVERY: Final = 10.0  # seconds
WINDOW: Final = 30.0
LEAST: Final = 10  # packets
_TURN: Final = 50  # entries of a list

Signature = frozenset[tuple[str, int, str]]  # kind, unique id and state of each SA


class Pace(Model, frozen=True, kw_only=True):
    """How fast measuring goes; other values are for tests."""

    every: float = EVERY
    window: float = WINDOW


NORMAL: Final = Pace()


class OneWayWatch(Model, frozen=True, kw_only=True):
    """What one tunnel has sent since a packet last came in. Times are monotonic.

    `unanswered_since`: since when packets go out and none come in; None: that is not so.
    """

    last: Traffic
    sent_at: float
    unanswered_since: float | None = None
    sent_before: int = 0

    @classmethod
    def begun(cls, now: Traffic, at: float) -> OneWayWatch:
        return cls(last=now, sent_at=at)

    def measured(self, now: Traffic, at: float, window: float) -> OneWayWatch:
        """With one more measurement, taken at `at` (seconds); pure."""
        if now.packets_in != self.last.packets_in:
            return OneWayWatch.begun(now, at)
        if now.packets_out == self.last.packets_out:
            quiet = at - self.sent_at > window
            return OneWayWatch.begun(now, self.sent_at) if quiet else self
        return msgspec.structs.replace(
            self,
            last=now,
            sent_at=at,
            unanswered_since=at if self.unanswered_since is None else self.unanswered_since,
            sent_before=self.last.packets_out
            if self.unanswered_since is None
            else self.sent_before,
        )

    def one_way(self, at: float, window: float) -> bool:
        if self.unanswered_since is None or at < self.unanswered_since + window:
            return False
        return self.last.packets_out - self.sent_before >= LEAST


class Sampler:
    """`managed_tunnels` gives all tunnels now. `mark` is called with each that wants a look.
    `losses` gives how many packets did not come, by incoming SPI."""

    def __init__(
        self,
        managed_tunnels: Callable[[], Iterable[ManagedTunnel]],
        meters: Meters,
        mark: Callable[[str], None],
        pace: Pace,
        losses: Callable[[], Awaitable[Mapping[int, int]]],
    ) -> None:
        self._managed_tunnels = managed_tunnels
        self._meters = meters
        self._mark = mark
        self._pace = pace
        self._losses = losses
        self._watches: dict[str, OneWayWatch] = {}
        self._listening: dict[Key, Listening] = {}

    async def run(self, socket: str) -> None:
        """Until cancelled, or until charon is gone (`ViciError`)."""
        async with await Session.open(socket) as session:
            while True:
                sas = await _decoded(await session.collect("list-sas", "list-sa"))
                try:
                    self._meters.measured(sas, await self._losses())
                    self._compare(_signatures(sas))
                    at = asyncio.get_running_loop().time()
                    self._find_one_way(at)
                    self._find_unheard(sas, at)
                except Exception:
                    log.exception("sample_not_taken")
                await asyncio.sleep(self._pace.every)

    def _compare(self, listed: Mapping[str, Signature]) -> None:
        for managed in self._managed_tunnels():
            if listed.get(managed.id, frozenset()) != _signature(managed):
                self._mark(managed.id)

    def _find_one_way(self, at: float) -> None:
        watches = {}
        for managed in self._managed_tunnels():
            now, watch = self._meters.traffic(managed.id), self._watches.get(managed.id)
            carrying = managed.facts.carries_traffic
            if watch is None or not carrying:
                watch = OneWayWatch.begun(now, at)
            else:
                watch = watch.measured(now, at, self._pace.window)
            watches[managed.id] = watch
            found = _one_way(managed) if watch.one_way(at, self._pace.window) else None
            if managed.reasons.set_one_way(found):
                self._mark(managed.id)
        self._watches = watches

    def _find_unheard(self, sas: Iterable[IkeSa], at: float) -> None:
        self._listening, unheard = listen(
            self._listening, sas, at, window=self._pace.window, least=LEAST
        )
        for managed in self._managed_tunnels():
            if children := unheard.get(managed.id):
                managed.unheard(children)
                self._mark(managed.id)


async def _decoded(messages: Sequence[Message]) -> tuple[IkeSa, ...]:
    """Others get a turn in between: a list may be long."""
    sas: list[IkeSa] = []
    for number, message in enumerate(messages):
        if number % _TURN == 0:
            await asyncio.sleep(0)
        try:
            sas += ike_sas([message])
        except Exception:
            log.exception("list_entry_not_read")  # whose it is, is looked at for what it lacks
    return tuple(sas)


def _signatures(sas: Iterable[IkeSa]) -> dict[str, Signature]:
    """Of each tunnel in a list-sas."""
    found: dict[str, set[tuple[str, int, str]]] = {}
    for sa in sas:
        found.setdefault(sa.tunnel_id, set()).add(("ike", sa.unique_id, sa.state))
        for child in sa.children:
            found.setdefault(child.tunnel_id, set()).add(("child", child.unique_id, child.state))
    return {tunnel_id: frozenset(signed) for tunnel_id, signed in found.items()}


def _signature(managed: ManagedTunnel) -> Signature:
    return frozenset(each for sa in managed.facts.actual.sas for each in _signed(sa, managed.id))


def _signed(sa: IkeSa, tunnel_id: str) -> Signature:
    """What of an IKE_SA is the tunnel's own."""
    ike = {("ike", sa.unique_id, sa.state)} if sa.tunnel_id == tunnel_id else set()
    children = (child for child in sa.children if child.tunnel_id == tunnel_id)
    return frozenset({*ike, *(("child", each.unique_id, each.state) for each in children)})


def _one_way(managed: ManagedTunnel) -> Reason:
    tunnel = managed.facts.wanted.tunnel
    peer = tunnel.peer_address if tunnel else "the peer"
    return Reason(
        code=ReasonCode.ONE_WAY,
        message=f"The tunnel is up and we send to {peer}, but no packet comes back: ESP (or UDP "
        "4500) from it is filtered on the way, it has lost the CHILD_SA or does not route our "
        "networks into the tunnel, its hosts do not answer, or this traffic asks for no answer.",
    )
