"""The passes over a router's tunnels while its charon serves: look, plan, take steps, tell.

Rules this module keeps:
- One pass at a time. Nothing in it waits for a peer, so a dead peer delays no tunnel.
- Every pass reads what charon has of the tunnel and plans anew, whatever has marked it. Many
  tunnels that are marked at once are seen with one list (`landbridge.agent.reconcile.sa_reader`).
- What may be planned, and what is told, depends on the tunnel's phase
  (`landbridge.agent.reconcile.phases`).
- A status is reported at once, unless it says that a tunnel is up: its routes come first.
- The steps that were planned for a configuration are taken for that one. A change that comes while
  charon takes a step ends the pass; the next one plans anew.
- What goes wrong for one tunnel is that tunnel's trouble (`landbridge.agent.reconcile.trouble`):
  told of it, and tried again after its own back-off; who is to be taken away goes on with the rest.
- A pass takes at most `MOST_STEPS` steps, and a tunnel whose pass was dear rests for a multiple of
  what it cost, before an event makes it look again: a busy tunnel delays no other.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Final

import msgspec
import structlog

from landbridge.agent.charon.client import ViciClient
from landbridge.agent.dataplane.network import NetworkSide
from landbridge.agent.dns.addressbook import AddressBook
from landbridge.agent.errors import StepRefused, in_words
from landbridge.agent.metrics.meters import Meters
from landbridge.agent.plan.planner import plan
from landbridge.agent.plan.psk_rotation import TURN
from landbridge.agent.reconcile.index import TunnelIndex
from landbridge.agent.reconcile.listener import Listener
from landbridge.agent.reconcile.phases import Steps
from landbridge.agent.reconcile.queue import WorkQueue
from landbridge.agent.reconcile.sa_reader import Observation, SaReader
from landbridge.agent.reconcile.trouble import concerns_all
from landbridge.agent.reconcile.tunnel import ManagedTunnel
from landbridge.agent.status.tunnel_status import CARRYING
from landbridge.agent.tunnels import steps as do
from landbridge.agent.tunnels.steps import Step
from landbridge.model.status import TunnelStatus

SLOW_PASS: Final = 300.0  # seconds; what events miss, the sampler sees much sooner
PASS_TIMEOUT: Final = 10.0  # no command waits for a peer
MOST_STEPS: Final = 32  # in one pass; the next one takes up what is left
DEAR: Final = 0.002  # seconds of processor time that a pass takes for a few dozen pairs
RESTS: Final = 10  # times what it took
LONGEST_REST: Final = 0.5  # seconds

log = structlog.get_logger(__name__)


class Reconciler:
    """Over the tunnels of `tunnel_index` that `work_queue` names. `tell` takes each status."""

    def __init__(
        self,
        tunnel_index: TunnelIndex,
        work_queue: WorkQueue,
        book: AddressBook,
        listener: Listener,
        meters: Meters,
        *,
        tell: Callable[[TunnelStatus], None],
        update_deadline: float,
    ) -> None:
        self._tunnel_index = tunnel_index
        self._work_queue = work_queue
        self._book = book
        self._listener = listener
        self._meters = meters
        self._tell_status = tell
        self._update_deadline = update_deadline
        self._spent = 0.0  # seconds of processor time, of the present pass

    async def run(
        self, reader: SaReader, network: NetworkSide, *, may_add: Callable[[], bool]
    ) -> None:
        """Until cancelled. `may_add`: whether what is not known is not desired either."""
        while True:
            ready = await self._work_queue.next()
            known = [each for each in ready if may_add() or self._tunnel_index.get(each)]
            managed_tunnels = [self._tunnel_index.get_or_add(each) for each in known]
            async with asyncio.timeout(PASS_TIMEOUT):  # charon has hung: begin again
                seen = await reader.batch(managed_tunnels, len(self._tunnel_index))
            for managed in managed_tunnels:
                began = time.perf_counter()
                async with asyncio.timeout(PASS_TIMEOUT):
                    await self._contained(managed, seen.get(managed), reader, network)
                self._meters.looked(time.perf_counter() - began)
                self._let_rest(managed)
                await asyncio.sleep(0)  # what it has told goes up while others have their turn
            network.follow()

    def _let_rest(self, managed: ManagedTunnel) -> None:
        spent, self._spent = self._spent, 0.0
        if spent > DEAR:
            rest = min(RESTS * spent, LONGEST_REST)
            self._work_queue.rest(managed.id, asyncio.get_running_loop().time() + rest)

    @contextmanager
    def _counted(self) -> Iterator[None]:
        """Nothing else runs meanwhile: what it takes is the tunnel's, on a busy machine as well."""
        began = time.thread_time()
        try:
            yield
        finally:
            self._spent += time.thread_time() - began

    async def _contained(
        self,
        managed: ManagedTunnel,
        seen: Observation | None,
        reader: SaReader,
        network: NetworkSide,
    ) -> None:
        """A pass; what goes wrong in it for this tunnel alone is told of it alone."""
        trouble = managed.facts.trouble
        if trouble.blind and trouble.waits(asyncio.get_running_loop().time()):
            self._work_queue.at(managed.id, trouble.retry_at)
            return
        try:
            await self._pass(managed, seen or await reader.one(managed), reader, network)
        except Exception as error:
            if concerns_all(error):
                raise
            log.exception("tunnel_failed", tunnel=managed.id)
            now = asyncio.get_running_loop().time()
            managed.failed(in_words(error), now, blind=True)
            self._work_queue.at(managed.id, managed.facts.trouble.retry_at)
            self._tell_trouble(managed)

    def _tell_trouble(self, managed: ManagedTunnel) -> None:
        if (status := managed.error_status(time.time())) is not None:
            managed.told(status)
            self._tell_status(status)

    async def _pass(
        self, managed: ManagedTunnel, seen: Observation, reader: SaReader, network: NetworkSide
    ) -> None:
        control, was_open = reader.control, managed.facts.attempts_open
        troubled = managed.facts.trouble.waits(seen.now) and managed.facts.wanted.tunnel is not None
        with self._counted():
            steps = self._plan(managed, seen, control)
        if troubled:
            steps = (do.Wait(until=managed.facts.trouble.retry_at),)
        elif managed.facts.trouble.words and network.refusal(managed.id):
            network.try_again()
        acts = any(not isinstance(step, do.Wait) for step in steps)
        if acts and (await network.in_step() or seen.shared):  # blocked before it is negotiated
            seen = await reader.again(managed, seen)
            with self._counted():
                steps = self._plan(managed, seen, control)
        if managed.facts.wanted.tunnel is not None and (words := network.refusal(managed.id)):
            if not managed.facts.trouble.waits(seen.now):
                managed.failed(words, seen.now)
            steps = (do.Wait(until=managed.facts.trouble.retry_at),)
        if managed.facts.wanted.tunnel is None and not control.knows(managed.id):
            self._forget(managed, control)
            return
        next_look = seen.now + (TURN if managed.facts.candidate.undecided else SLOW_PASS)
        next_look = min(next_look, await self._take_all(steps, managed, control, seen.now))
        before = managed.changes_in()  # it may run out while the status is told
        with self._counted():
            self._tunnel_index.refresh(managed)
            self._tell(managed, seen.seen_at, network)
        if managed.unproven_until is not None:
            next_look = min(next_look, managed.unproven_until)
        for seconds in (before, managed.changes_in()):
            if seconds is not None:
                next_look = min(next_look, seen.now + seconds)
        self._work_queue.at(managed.id, next_look)
        if managed.facts.attempts_open < was_open:
            self._tunnel_index.mark_those_with_its_peer(managed)

    def _plan(
        self, managed: ManagedTunnel, seen: Observation, control: ViciClient
    ) -> tuple[Step, ...]:
        """The steps for what is seen, as far as the tunnel's phase permits any."""
        self._tunnel_index.observe(managed, seen.actual, seen.now)
        if known := managed.address_in_use():
            self._book.assume(managed.id, known)
        loaded = control.loaded(managed.id)
        managed.begin_pass(loaded, seen.now)
        permitted, facts = managed.permits.steps, managed.facts
        if permitted is Steps.NONE:
            return ()
        return plan(
            facts.candidate.target if permitted is Steps.RUN else None,
            facts.actual,
            loaded,
            facts.attempts,
            allowed=self._tunnel_index.allowed(managed),
            now=seen.now,
            update_deadline=self._update_deadline,
        )

    async def _take_all(
        self, steps: Iterable[Step], managed: ManagedTunnel, control: ViciClient, now: float
    ) -> float:
        """When what comes of them is to be looked at."""
        next_look, planned_for, taken = math.inf, managed.facts.target, 0
        refused = False
        for step in steps:
            if managed.facts.target is not planned_for or taken == MOST_STEPS:
                return now  # it has changed while charon took the step before, or others wait
            if isinstance(step, do.Wait):
                next_look = min(next_look, step.until)
                continue
            try:
                taken += 1
                await self._take(step, managed, control, now)
            except StepRefused as error:
                log.warning("step_refused", tunnel=managed.id, error=str(error))
                refused = True
                managed.failed(str(error), now)
                if managed.facts.wanted.tunnel is not None:
                    return managed.facts.trouble.retry_at
            next_look = min(next_look, now + 1.0)
        if refused:
            return managed.facts.trouble.retry_at
        if not managed.facts.trouble.waits(now):
            managed.recovered()
        return next_look

    async def _take(
        self, step: Step, managed: ManagedTunnel, control: ViciClient, now: float
    ) -> None:
        facts = managed.facts
        wanted, target, tried = facts.wanted.tunnel, facts.target, facts.candidate
        request = wanted.request_id if wanted else ""
        log.info("step", tunnel=managed.id, request_id=request, **msgspec.to_builtins(step))
        await control.take(step, tried.tunnel, tried.target)
        managed.stepped(step, now, target, tried)
        if isinstance(step, do.Load):
            self._tunnel_index.mark_attached(managed)
        if isinstance(step, do.Initiate) and tried.target is not None:
            self._tunnel_index.begin_attempt(managed)
        if isinstance(step, do.Terminate) and step.dead:
            self._listener.peer_died(managed)

    def _tell(self, managed: ManagedTunnel, at: float, network: NetworkSide) -> None:
        """`at`: when what is seen became true, in seconds since the epoch."""
        status = managed.current_status(at)
        if status is None:
            return
        if status.state in CARRYING and not network.is_open(managed.id):
            network.once_applied(partial(self._tell_late, managed, at, network))
            return
        if managed.permits.doubts:
            self._book.doubt(managed.id, down=True)
        managed.told(status)
        self._tell_status(status)

    def _tell_late(self, managed: ManagedTunnel, at: float, network: NetworkSide) -> None:
        """Called by who has applied what others want as well."""
        try:
            self._tell(managed, at, network)
        except Exception:
            log.exception("tunnel_not_told", tunnel=managed.id)
            self._work_queue.mark(managed.id)

    def _forget(self, managed: ManagedTunnel, control: ViciClient) -> None:
        self._tunnel_index.forget(managed)
        self._work_queue.forget(managed.id)
        control.forget(managed.id)
        self._meters.forget(managed.id)
