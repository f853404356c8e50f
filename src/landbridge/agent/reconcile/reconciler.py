"""The passes over a router's tunnels while its charon serves: look, plan, take steps, tell.

Rules this module keeps:
- One pass at a time; nothing in it waits for a peer, so a dead peer delays nobody.
- Every pass reads the tunnel's actual state and plans anew, whatever has marked it. Many that are
  marked at once are seen with one list (`landbridge.agent.reconcile.sa_reader`).
- What a pass tells goes up at once, but that a tunnel is up: its routes come first.
- What was planned for a configuration is taken and remembered for that one. A change that comes
  while charon takes a step ends the pass: the next one plans anew.
- A step that charon refuses is that tunnel's trouble: told of it, and tried again after a pause.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Callable, Iterable
from functools import partial
from typing import Final

import msgspec
import structlog

from landbridge.agent.charon.client import Control
from landbridge.agent.dataplane.network import NetworkSide
from landbridge.agent.dns.addressbook import AddressBook
from landbridge.agent.errors import StepRefused
from landbridge.agent.metrics.meters import Meters
from landbridge.agent.plan.aftermath import remember
from landbridge.agent.plan.planner import plan
from landbridge.agent.plan.psk_rotation import TURN
from landbridge.agent.reconcile.index import Roster
from landbridge.agent.reconcile.listener import Listener
from landbridge.agent.reconcile.queue import Agenda
from landbridge.agent.reconcile.sa_reader import Eyes, Sight
from landbridge.agent.reconcile.tunnel import Charge
from landbridge.agent.tunnels import steps as do
from landbridge.agent.tunnels.steps import Step
from landbridge.model.objects import TunnelState, TunnelStatus

SLOW_PASS: Final = 300.0  # seconds; what events miss, the gauge sees much sooner
PASS_TIMEOUT: Final = 10.0  # no command waits for a peer
REFUSED_PAUSE: Final = 10.0
_FAILING: Final = frozenset({TunnelState.BUILDING, TunnelState.DOWN})
_CARRYING: Final = frozenset({TunnelState.UP, TunnelState.PARTIAL})

log = structlog.get_logger(__name__)


class Passes:
    """Over the tunnels of `roster` that `agenda` names. `tell` takes each status."""

    def __init__(
        self,
        roster: Roster,
        agenda: Agenda,
        book: AddressBook,
        listener: Listener,
        meters: Meters,
        *,
        tell: Callable[[TunnelStatus], None],
        update_deadline: float,
    ) -> None:
        self._roster = roster
        self._agenda = agenda
        self._book = book
        self._listener = listener
        self._meters = meters
        self._tell_status = tell
        self._update_deadline = update_deadline

    async def run(
        self, eyes: Eyes, network: NetworkSide, *, may_take_in: Callable[[], bool]
    ) -> None:
        """Until cancelled. `may_take_in`: whether what is not known is not desired either."""
        while True:
            ready = await self._agenda.next()
            known = [each for each in ready if may_take_in() or self._roster.get(each)]
            charges = [self._roster.take_in(each) for each in known]
            async with asyncio.timeout(PASS_TIMEOUT):  # charon has hung: begin again
                seen = await eyes.batch(charges, len(self._roster))
            for charge in charges:
                began = time.perf_counter()
                async with asyncio.timeout(PASS_TIMEOUT):
                    first = seen.get(charge) or await eyes.one(charge)
                    await self._pass(charge, first, eyes, network)
                self._meters.looked(time.perf_counter() - began)
                await asyncio.sleep(0)  # what it has told goes up while others have their turn
            network.follow()

    async def _pass(self, charge: Charge, seen: Sight, eyes: Eyes, network: NetworkSide) -> None:
        control, was_open = eyes.control, charge.attempts_open
        steps = self._consider(charge, seen, control)
        acts = any(not isinstance(step, do.Wait) for step in steps)
        if acts and (await network.in_step() or seen.shared):  # blocked before it is negotiated
            seen = await eyes.again(charge, seen)
            steps = self._consider(charge, seen, control)
        if charge.tunnel is None and not control.knows(charge.id):
            self._forget(charge, control)
            return
        next_look = seen.now + (TURN if charge.undecided else SLOW_PASS)
        next_look = min(next_look, await self._take_all(steps, charge, control, seen.now))
        self._roster.refresh(charge)
        before = charge.remarks.patience_left()  # it may run out while the status is told
        self._tell(charge, seen.seen_at, network)
        for patience in (before, charge.remarks.patience_left()):
            if patience is not None:
                next_look = min(next_look, seen.now + patience)
        self._agenda.at(charge.id, next_look)
        if charge.attempts_open < was_open:
            self._roster.let_others_in(charge)

    def _consider(self, charge: Charge, seen: Sight, control: Control) -> tuple[Step, ...]:
        """What to do about what is seen."""
        charge.actual = seen.actual
        self._roster.review(charge)
        if known := charge.address_in_use():
            self._book.assume(charge.id, known)
        charge.look_back(control.loaded(charge.id), seen.now)
        if not charge.plannable:
            return ()
        return plan(
            charge.trial,
            charge.actual,
            control.loaded(charge.id),
            charge.memory,
            allowed=self._roster.allowed(charge),
            now=seen.now,
            update_deadline=self._update_deadline,
        )

    async def _take_all(
        self, steps: Iterable[Step], charge: Charge, control: Control, now: float
    ) -> float:
        """When what comes of them is to be looked at."""
        charge.refusal, next_look, planned_for = "", math.inf, charge.target
        for step in steps:
            if charge.target is not planned_for:  # changed while charon took the step before
                return now
            if isinstance(step, do.Wait):
                next_look = min(next_look, step.until)
                continue
            try:
                await self._take(step, charge, control, now)
            except StepRefused as error:
                log.warning("step_refused", tunnel=charge.id, error=str(error))
                charge.refusal = str(error)
                return now + REFUSED_PAUSE
            next_look = min(next_look, now + 1.0)
        return next_look

    async def _take(self, step: Step, charge: Charge, control: Control, now: float) -> None:
        request = charge.tunnel.request_id if charge.tunnel else ""
        log.info("step", tunnel=charge.id, request_id=request, **msgspec.to_builtins(step))
        target, trial = charge.target, charge.trial
        await control.take(step, charge.trial_tunnel, trial)
        charge.memory = remember(charge.memory, step, now, target=target, trial=trial)
        if isinstance(step, do.Load):
            self._roster.let_guests_in(charge)
        if isinstance(step, do.Initiate) and trial is not None:
            self._roster.begin_attempt(charge)
        if isinstance(step, do.Terminate) and step.dead:
            self._listener.bury(charge)

    def _tell(self, charge: Charge, at: float, network: NetworkSide) -> None:
        """`at`: when what is seen became true, in seconds since the epoch."""
        status = charge.judge(at)
        if status is None:
            return
        if status.state in _CARRYING and not network.is_open(charge.id):
            network.once_applied(partial(self._tell, charge, at, network))
            return
        if status.state in _FAILING:
            self._book.doubt(charge.id, down=True)
        charge.status = status
        self._tell_status(status)

    def _forget(self, charge: Charge, control: Control) -> None:
        self._roster.forget(charge)
        self._agenda.forget(charge.id)
        control.forget(charge.id)
        self._meters.forget(charge.id)
