"""Hears what charon says of a router's tunnels, and tells those that it is about.

Rules this module keeps:
- It changes nothing but what a tunnel's charge remembers, and marks tunnels for a look; every
  plan is made from what that look finds.
- Nothing here waits for a peer or a command: events are taken as fast as they come.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable
from typing import Final, Protocol

from landbridge.agent.charon.event_parser import Hint, Hints
from landbridge.agent.errors import GatewayError
from landbridge.agent.metrics.meters import Meters
from landbridge.agent.plan import ikev1_half_open
from landbridge.agent.reconcile.index import Roster
from landbridge.agent.reconcile.tunnel import Charge
from landbridge.agent.status import causes
from landbridge.agent.tunnels.observed import IkeSa
from landbridge.model.objects import TunnelEventKind
from landbridge.vici import Event, Session

_TICK: Final = 1.0  # seconds between looks for what did not happen


class Doubts(Protocol):
    def doubt(self, tunnel_id: str, *, down: bool) -> None: ...


class Listener:
    """`mark` is told of each tunnel that wants a look; `saw` of every SA in an event."""

    def __init__(
        self,
        roster: Roster,
        book: Doubts,
        meters: Meters,
        mark: Callable[[str], None],
    ) -> None:
        self._roster = roster
        self._book = book
        self._meters = meters
        self._mark = mark
        self._hints = Hints()

    async def run(self, session: Session, saw: Callable[[IkeSa], None]) -> None:
        """Until the session ends, which is an error."""
        self._hints = Hints()  # the last session's were another charon's, whose ids begin again
        async with asyncio.TaskGroup() as group:
            group.create_task(self._miss())
            async for event in session.events():
                self._read(event, saw)
            raise GatewayError("charon has closed its event stream")

    def bury(self, charge: Charge) -> None:
        """Its peer is dead; so are, where that was asked for, all other tunnels to that peer."""
        charge.found_dead()
        self._meters.died()
        for guest in self._roster.aboard(charge.id):
            guest.found_dead()
            self._mark(guest.id)
        if charge.tunnel is None or charge.tunnel.dpd.action != "restart-by-peer":
            return
        for other in self._roster.with_peer(charge.tunnel.peer_address):
            if other is not charge:
                other.found_dead_with()
                self._mark(other.id)

    def _read(self, event: Event, saw: Callable[[IkeSa], None]) -> None:
        hint = self._hints.read(event)
        if hint is None:
            return
        for sa in hint.sas:
            saw(sa)
        self._meters.heard(event)
        self._take(hint)

    async def _miss(self) -> None:
        while True:
            await asyncio.sleep(_TICK)
            for hint in self._hints.stalled():
                self._take(hint)

    def _take(self, hint: Hint) -> None:
        meant = tuple(self._meant(hint))
        if meant:
            self._count(hint)
        for charge in meant:
            if hint.line:
                asked = charge.attempts_open > 0 or not any(each.attempts_open for each in meant)
                self._take_line(charge, hint, asked)
            elif not hint.owners or charge.id in {hint.tunnel_id, *hint.owners}:
                self._take_change(charge, hint)

    def _count(self, hint: Hint) -> None:
        if hint.line:
            self._meters.told(ike_up=hint.ike_up, child_up=hint.child_up)
        elif hint.happening is not None and hint.happening.kind is TunnelEventKind.REKEYED:
            self._meters.rekeyed()

    def _take_change(self, charge: Charge, hint: Hint) -> None:
        if hint.happening is not None and (not hint.owners or charge.id in hint.owners):
            charge.remarks.chronicle.note(hint.happening.kind, hint.happening.message)
        charge.remarks.stir(time.time())
        self._mark(charge.id)

    def _take_line(self, charge: Charge, hint: Hint, asked: bool) -> None:
        """`asked`: whether it can be this tunnel that has asked for a CHILD_SA."""
        charge.hear(hint)
        if hint.probed is not None:
            charge.probed(hint.probed)
        if hint.unread is not None:
            charge.memory = ikev1_half_open.noted(charge.memory, hint.unread)
            self._mark(charge.id)
        if causes.DEATH in hint.line and charge.id == hint.tunnel_id:
            self.bury(charge)
        failures = charge.remarks.blame.failures
        told = charge.blame(hint.line, established=hint.established, port=hint.port, asked=asked)
        if charge.remarks.blame.failures != failures and charge.remarks.cause_code is not None:
            self._meters.failed(charge.remarks.cause_code)
        if hint.silence:
            self._book.doubt(charge.id, down=False)
        if told or hint.silence:
            charge.remarks.stir(time.time())
            self._mark(charge.id)

    def _meant(self, hint: Hint) -> Iterable[Charge]:
        if hint.tunnel_id:
            charge = self._roster.get(hint.tunnel_id)
            return (*((charge,) if charge else ()), *self._roster.aboard(hint.tunnel_id))
        # One that was not looked at yet is not loaded: no wonder that charon does not find it.
        peers = self._roster.with_peer(hint.peer_address)
        return (charge for charge in peers if charge.status is not None)
