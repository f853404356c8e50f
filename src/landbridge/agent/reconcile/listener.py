"""Takes charon's events, finds the tunnels that they are about, and marks these for a look.

Rules this module keeps:
- An event changes reasons and the event log of a tunnel, and marks it. Every plan is made from what
  the look finds.
- What cannot be read, or not be taken by one tunnel, is only a reason to look at whoever it names.
- Nothing here waits for a peer or a command: events are taken as fast as they come.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable
from typing import Final, Protocol

import structlog

from landbridge.agent.charon.event_parser import EventParser, Hint
from landbridge.agent.errors import GatewayError
from landbridge.agent.metrics.meters import Meters
from landbridge.agent.reconcile.index import TunnelIndex
from landbridge.agent.reconcile.tunnel import ManagedTunnel
from landbridge.agent.status import causes
from landbridge.agent.tunnels.naming import ConfigName
from landbridge.agent.tunnels.observed import IkeSa
from landbridge.model.status import TunnelEventKind
from landbridge.vici import Event, Session

log = structlog.get_logger(__name__)

_TICK: Final = 1.0  # seconds between looks for what did not happen


class Doubts(Protocol):
    def doubt(self, tunnel_id: str, *, down: bool) -> None: ...


class Listener:
    """`mark` is called with each tunnel that wants a look, `saw` with every SA in an event."""

    def __init__(
        self,
        tunnel_index: TunnelIndex,
        book: Doubts,
        meters: Meters,
        mark: Callable[[str], None],
    ) -> None:
        self._tunnel_index = tunnel_index
        self._book = book
        self._meters = meters
        self._mark = mark
        self._hints = EventParser()

    async def run(self, session: Session, saw: Callable[[IkeSa], None]) -> None:
        """Until the session ends, which is an error."""
        self._hints = (
            EventParser()
        )  # the last session's were another charon's, whose ids begin again
        async with asyncio.TaskGroup() as group:
            group.create_task(self._miss())
            async for event in session.events():
                try:
                    self._read(event, saw)
                except Exception:
                    self._missed(event)
            raise GatewayError("charon has closed its event stream")

    def peer_died(self, managed: ManagedTunnel) -> None:
        """The peer of the tunnel is dead. Where that was asked for, all other tunnels to that peer
        are ended, too."""
        managed.peer_died()
        self._meters.died()
        for attached in self._tunnel_index.served_by(managed.id):
            attached.peer_died()
            self._mark(attached.id)
        tunnel = managed.facts.wanted.tunnel
        if tunnel is None or tunnel.dpd.action != "restart-by-peer":
            return
        for other in self._tunnel_index.with_peer(tunnel.peer_address):
            if other is not managed:
                other.peer_died_with()
                self._mark(other.id)

    def _read(self, event: Event, saw: Callable[[IkeSa], None]) -> None:
        hint = self._hints.read(event)
        if hint is None:
            return
        for sa in hint.sas:
            saw(sa)
        self._meters.heard(hint.sas)
        self._take(hint)

    def _missed(self, event: Event) -> None:
        """It could not be read: whoever it names is looked at, and all others go on."""
        log.exception("event_not_read", kind=event.name)
        named = (*event.message, event.message.get("ikesa-name"))
        for name in named:
            parsed = ConfigName.parse(name) if isinstance(name, str) else None
            if parsed is not None:
                self._mark(parsed.tunnel_id)

    async def _miss(self) -> None:
        while True:
            await asyncio.sleep(_TICK)
            try:
                for hint in self._hints.stalled():
                    self._take(hint)
            except Exception:
                log.exception("stalled_peers_not_told")

    def _take(self, hint: Hint) -> None:
        meant = tuple(self._meant(hint))
        attempts = any(each.facts.attempts_open for each in meant)
        if meant:
            self._count(hint)
        for managed in meant:
            asked = not attempts or managed.facts.attempts_open > 0
            try:
                self._take_for(managed, hint, asked)
            except Exception:
                log.exception("event_not_taken", tunnel=managed.id)
                self._mark(managed.id)

    def _take_for(self, managed: ManagedTunnel, hint: Hint, asked: bool) -> None:
        if hint.line:
            self._take_line(managed, hint, asked)
        elif not hint.child_tunnels or managed.id in {hint.tunnel_id, *hint.child_tunnels}:
            self._take_change(managed, hint)

    def _count(self, hint: Hint) -> None:
        if hint.line:
            self._meters.told(ike_up=hint.ike_up, child_up=hint.child_up)
        elif hint.sa_event is not None and hint.sa_event.kind is TunnelEventKind.REKEYED:
            self._meters.rekeyed()

    def _take_change(self, managed: ManagedTunnel, hint: Hint) -> None:
        managed.ended(hint.ends)
        if hint.sa_event is not None and (
            not hint.child_tunnels or managed.id in hint.child_tunnels
        ):
            managed.reasons.event_log.note(hint.sa_event.kind, hint.sa_event.message)
        managed.reasons.heard(time.time())
        self._mark(managed.id)

    def _take_line(self, managed: ManagedTunnel, hint: Hint, asked: bool) -> None:
        """`asked`: whether it can be this tunnel that has asked for a CHILD_SA."""
        managed.hear(hint)
        if hint.unread is not None:
            self._mark(managed.id)
        if causes.DEATH in hint.line and managed.id == hint.tunnel_id:
            self.peer_died(managed)
        if hint.deleted is not None and managed.facts.actual.carries_beside(*hint.deleted):
            return  # one of two that were made at once
        failures = managed.reasons.last_failure.failures
        new = managed.explain(hint.line, established=hint.established, port=hint.port, asked=asked)
        code = managed.reasons.cause_code
        if managed.reasons.last_failure.failures != failures and code is not None:
            self._meters.failed(code)
        if hint.silence:
            self._book.doubt(managed.id, down=False)
        if new or hint.silence:
            managed.reasons.heard(time.time())
            self._mark(managed.id)

    def _meant(self, hint: Hint) -> Iterable[ManagedTunnel]:
        if hint.tunnel_id:
            managed = self._tunnel_index.get(hint.tunnel_id)
            return (*((managed,) if managed else ()), *self._tunnel_index.served_by(hint.tunnel_id))
        # charon cannot find one that was not looked at yet, as it is not loaded.
        peers = self._tunnel_index.with_peer(hint.peer_address)
        return (managed for managed in peers if managed.status is not None)
