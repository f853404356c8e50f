"""One tunnel as its router manages it: one object with all that is known of it.

Rules this module keeps:
- Its state is one frozen value (`landbridge.agent.reconcile.facts.TunnelFacts`), which only the
  methods of this class replace. Others read it, or ask for the phase that it is in.
- What may be done with it, and which status is told of it, is a row of
  `landbridge.agent.reconcile.phases.PERMITS`.
- What can be told of it at any moment is put together here: what stands in its way, what charon's
  lines have told, what only time tells (`landbridge.agent.status.reasons`).
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Iterable
from typing import Any, Final

import msgspec

from landbridge.agent.charon import connection_config
from landbridge.agent.charon.event_parser import Hint
from landbridge.agent.charon.log_patterns import ANSWER
from landbridge.agent.dataplane.dataplane import Backend, TunnelNet
from landbridge.agent.dns.addressbook import Place
from landbridge.agent.plan import candidate, ikev1
from landbridge.agent.plan.attachment import attached_to, with_attached
from landbridge.agent.plan.attempts import after_look, after_step, hastened
from landbridge.agent.plan.candidate import Candidate
from landbridge.agent.plan.ike_sharing import Member
from landbridge.agent.reconcile.attachment import Attachment, alone
from landbridge.agent.reconcile.facts import TunnelFacts
from landbridge.agent.reconcile.phases import PERMITS, Permits, Phase, Told, phase_of
from landbridge.agent.reconcile.trouble import Trouble
from landbridge.agent.reconcile.wanted import Wanted, wanted
from landbridge.agent.status import causes, tunnel_status
from landbridge.agent.status.causes import Cause
from landbridge.agent.status.reasons import TunnelReasons, waiting_for_owner
from landbridge.agent.tunnels import coverage
from landbridge.agent.tunnels.desired import Target
from landbridge.agent.tunnels.loaded import Loaded
from landbridge.agent.tunnels.observed import Actual, ChildSa
from landbridge.agent.tunnels.presence import Ends, GivenUp, Presence, confirmed
from landbridge.agent.tunnels.steps import Step
from landbridge.model.router import Router
from landbridge.model.status import Reason, ReasonCode, TunnelEventKind, TunnelState, TunnelStatus
from landbridge.model.tunnel import Tunnel

#: Seconds for which a conflict may be over as soon as the other tunnel has changed, too.
LASTING: Final = 2.0
_NO_SECRET: Final = Reason(
    code=ReasonCode.PSK_UNREADABLE,
    message="The server cannot read the pre-shared key: set psk again.",
)


class ManagedTunnel:
    """`clock` gives seconds, monotonic."""

    def __init__(
        self, tunnel_id: str, backend: Backend, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.id = tunnel_id
        self._backend = backend
        self._clock = clock
        self._facts = TunnelFacts()
        self.reasons = TunnelReasons(clock)
        self._presence = Presence()
        self._last_run: tuple[Tunnel, Target] | None = None
        self._agreed: Tunnel | None = None  # the newest but the present that was in effect
        self._told: TunnelStatus | None = None
        self._told_in = Phase.REMOVING

    # What it is ---------------------------------------------------------------------------

    @property
    def facts(self) -> TunnelFacts:
        return self._facts

    @property
    def phase(self) -> Phase:
        return phase_of(self._facts, self._clock())

    @property
    def permits(self) -> Permits:
        return PERMITS[self.phase]

    @property
    def status(self) -> TunnelStatus | None:
        """As it was told last; None: it was not looked at yet."""
        return self._told

    @property
    def waits_for_others(self) -> bool:
        """Whether it wants a look when an exchange of another tunnel with its peer is over."""
        return self.permits.queues and self._told is not None and not self._facts.attempts_open

    def _set(self, **changes: Any) -> None:
        self._facts = dataclasses.replace(self._facts, **changes)

    def _set_attempts(self, **changes: Any) -> None:
        self._set(attempts=msgspec.structs.replace(self._facts.attempts, **changes))

    # What is wanted -----------------------------------------------------------------------

    def want(
        self, asked: Tunnel | None, place: Place | None = None, router: Router | None = None
    ) -> None:
        """`asked`: as the server says; None: it is to be taken away. The rest as with `wanted`."""
        before, now = self._facts.wanted, wanted(asked, place, router, backend=self._backend)
        trouble = self._facts.trouble.at_once()
        if before.running is not None and self._facts.is_applied:
            self._agreed = before.as_named
        self._set(wanted=now, attachment=alone(now.own), trouble=trouble)
        if now.running is None:
            self._set(deferred_until=0.0)
            self.reasons.last_failure.forget()
        self._last_run = self._as_run(now) or self._last_run
        if now.tunnel is None:
            return
        self.reasons.last_failure.grow_old()
        if before.tunnel and now.tunnel.revision < before.tunnel.revision:
            self._set_attempts(applied_revision=0)
        if before.own and now.own and before.own.peer_address != now.own.peer_address:
            self._set_attempts(resting=False)
            if place is not None:
                self._note_move(before.own.peer_address, now.own.peer_address)

    def _as_run(self, now: Wanted) -> tuple[Tunnel, Target] | None:
        """What it runs as from now on, or ran as before it was switched off; None: see before."""
        if now.tunnel is None or now.own is None:
            return None
        if now.running is not None:
            return now.tunnel, now.running
        if self._last_run is not None:
            return None
        was = msgspec.structs.replace(now.tunnel, admin_state_up=True)  # the agent is new
        return was, connection_config.target(was, self._backend)

    def _note_move(self, before: str, now: str) -> None:
        name = self._facts.wanted.asked.peer_address if self._facts.wanted.asked else ""
        if name not in (before, now):
            words = f"{name} has moved from {before} to {now}."
            self.reasons.event_log.note(TunnelEventKind.PEER_MOVED, words)

    # What it is to others on its IKE_SA -----------------------------------------------------

    @property
    def member(self) -> Member | None:
        """As it is to run, by itself; None: it is not to run."""
        running = self._facts.wanted.running
        if running is None or self._facts.wanted.tunnel is None:
            return None
        return Member(tunnel=self._facts.wanted.tunnel, target=running)

    @property
    def leaver(self) -> Member | None:
        """As it ran last, where it is not to run and its IKE_SA carries others."""
        if self._facts.wanted.running is not None or self._facts.wanted.unsupported is not None:
            return None
        if not any(sa.live and sa.others for sa in self._facts.actual.sas):
            return None
        if self._last_run is None:
            return None
        last, target = self._last_run
        return Member(tunnel=last, target=target, actual=self._facts.actual)

    def attach(self, attachment: Attachment) -> bool:
        """Whether it is to run otherwise than before."""
        before, until = self._facts.attachment, 0.0
        if attachment.conflict is not None:
            until = self._facts.deferred_until or self._clock() + LASTING
        self._set(attachment=attachment, deferred_until=until)
        return before.run != attachment.run

    @property
    def offered(self) -> Target | None:
        return self._facts.attachment.offered

    @property
    def offered_now(self) -> Target | None:
        offered, tried = self.offered, self._facts.candidate.target
        if offered is None or tried is None or tried.name == offered.name:
            return offered
        here = self._facts.attachment
        return offered if here.retained else with_attached(tried, here.attached)

    @property
    def served_by(self) -> tuple[str, ...]:
        """The names of the IKE_SAs that serve it though they are another tunnel's."""
        owner = self._facts.attachment.owner
        known = (owner.offered, owner.offered_now) if owner is not None else ()
        return tuple(each.name for each in known if each is not None)

    # What is observed ---------------------------------------------------------------------

    def adopt(self, actual: Actual) -> None:
        """A charon has this of it of which nothing was known before."""
        self._presence = Presence()
        self._set(actual=actual)

    def observe(self, listed: Actual, now: float) -> None:
        """charon lists this of it; the list was begun at `now`."""
        state, before = self._facts.attempts, self._facts.actual
        given_up = GivenUp(
            ikes=frozenset(state.ending_ikes), children=frozenset(state.ending_children)
        )
        actual, self._presence = confirmed(self._presence, before, listed, given_up, now)
        self._set(actual=actual)

    @property
    def unproven_until(self) -> float | None:
        """When a list can prove that what the last one has not shown is gone; None: all is
        known."""
        return self._presence.due

    def ended(self, ends: Ends) -> None:
        """charon has told what has become of CHILD_SAs."""
        self._presence = self._presence.told(ends)

    def begin_pass(self, loaded: Loaded, now: float) -> None:
        """Brings the attempts up to what is observed, and chooses the candidate. `loaded`: what
        charon has of it."""
        here, facts, own = self._facts.attachment, self._facts, self._facts.wanted.tunnel
        lacks = here.owner is None and _lacks_psk(here.target, loaded)
        last, state = facts.candidate, facts.attempts
        if here.owner is not None and self._facts.wanted.own is not None:
            there = here.owner.offered_now
            tried = attached_to(self._facts.wanted.own, there) if there is not None else here.target
            chosen = candidate.fixed(last, tried, own)
            state = after_look(state, tried, facts.actual, now)
        elif here.retained is not None or here.target is None or own is None:
            chosen = candidate.fixed(last, here.offered, here.retained or own)
            state = after_look(state, here.offered, facts.actual, now)
        else:
            chosen, state = candidate.chosen(
                last, here.target, own, here.attached, attempts=state, actual=facts.actual,
                loaded=loaded, backend=self._backend, now=now,
            )  # fmt: skip
        self._set(candidate=chosen, attempts=state, lacks_psk=lacks)

    def address_in_use(self) -> str | None:
        """Of a tunnel whose peer's name has no address yet (the agent is new): where an SA of
        exactly this configuration has its peer."""
        wanted, asked = self._facts.wanted, self._facts.wanted.asked
        if asked is None or wanted.unresolved is None or self._facts.attempts.applied_revision:
            return None
        for sa in self._facts.actual.sas:
            there = msgspec.structs.replace(asked, peer_address=sa.remote_host)
            if sa.live and connection_config.target(there, self._backend).name == sa.name:
                return sa.remote_host
        return None

    # What is done -------------------------------------------------------------------------

    def stepped(self, step: Step, now: float, target: Target | None, tried: Candidate) -> None:
        """charon has taken a step, which was planned for `target` and `tried`."""
        state = after_step(self._facts.attempts, step, now, target=target, candidate=tried.target)
        self._set(attempts=state)

    def failed(self, words: str, now: float, *, blind: bool = False) -> None:
        """charon or the host refuses what it needs, or a pass over it has failed."""
        self._set(trouble=self._facts.trouble.once_more(words, now, blind=blind))

    def recovered(self) -> None:
        """A pass has gone well."""
        self._set(trouble=Trouble())

    def hasten(self) -> None:
        """It is to be tried now, whatever pause it has come to."""
        trouble = self._facts.trouble.at_once()
        self._set(attempts=hastened(self._facts.attempts), trouble=trouble)

    def begin_attempt(self) -> None:
        """Whatever the attempt tells counts more than what is known."""
        self.reasons.last_failure.grow_old()

    # What is heard ------------------------------------------------------------------------

    def hear(self, hint: Hint) -> None:
        """Takes a log line into the event log."""
        tunnel = self._facts.wanted.tunnel
        self.reasons.event_log.hear(hint.line, tunnel.psk.value if tunnel and tunnel.psk else "")
        if hint.ike_up or hint.child_up:
            self.reasons.event_log.ended(hint.line, established=True)
        if hint.probed is not None:
            probed_at = {**self._facts.attempts.probed_at, hint.probed: self._clock()}
            self._set_attempts(probed_at=probed_at)
        if hint.unread is not None:
            self._set(attempts=ikev1.noted(self._facts.attempts, hint.unread))

    def explain(
        self, line: str, *, established: bool, port: int | None = None, asked: bool = True
    ) -> bool:
        """Takes in a log line about this tunnel's IKE_SA. Whether it told anything new. `asked`:
        whether a CHILD_SA that is refused there can be this tunnel's."""
        if ANSWER in line and self._facts.attempts.ending_children:
            return False  # the answer to a CHILD_SA that we are ending
        named = self._facts.wanted.as_named
        if named is None:
            return False
        told = causes.cause(line, named, established=established, port=port, agreed=self._agreed)
        if told is None or not (asked or told.reason.code not in causes.OF_CHILDREN):
            return False
        return self._accept(told)

    def peer_died(self) -> None:
        """The peer has not answered for its time-out. With DPD action clear the tunnel rests; an
        attached one does so with its owner."""
        tunnel, named = self._facts.wanted.tunnel, self._facts.wanted.as_named
        if tunnel is None or named is None:
            return
        self._accept(causes.dead(named))
        if tunnel.dpd.action == "clear" and self._facts.attachment.owner is None:
            self._set_attempts(resting=True)

    def peer_died_with(self) -> None:
        """Another tunnel to the same peer has found it dead, and restarts all of them."""
        named = self._facts.wanted.as_named
        if named is None:
            return
        self._accept(causes.dead(named))
        live = frozenset(sa.unique_id for sa in self._facts.actual.sas if sa.live)
        self._set_attempts(dead_ikes=live)

    def addresses_are(self, addresses: frozenset[str]) -> bool:
        """The router has these. Whether an SA ran from another one, and is to be ended."""
        live = [sa for sa in self._facts.actual.sas if sa.live and not sa.foreign]
        lost = [sa for sa in live if sa.local_host not in addresses]
        if lost:
            self._accept(causes.address_gone(lost[0].local_host))
            known = self._facts.attempts.dead_ikes
            self._set_attempts(dead_ikes=known | {sa.unique_id for sa in lost})
        return bool(lost)

    def _accept(self, told: Cause) -> bool:
        return self.reasons.accept(told, self._facts.target, self._facts.actual)

    def unheard(self, children: Iterable[ChildSa]) -> None:
        """Nothing comes back through these any more: they are to be replaced."""
        listed = tuple(children)
        for child in listed:
            networks = f"{', '.join(child.local_ts)} - {', '.join(child.remote_ts)}"
            self.reasons.event_log.note(
                TunnelEventKind.REPLACED,
                f"Nothing comes back through the CHILD_SA {networks}, which has carried both ways, "
                "though the peer answers: it is replaced.",
            )
        ids = frozenset(child.unique_id for child in listed)
        self._set_attempts(unheard=self._facts.attempts.unheard | ids)

    # What is told -------------------------------------------------------------------------

    def told(self, status: TunnelStatus) -> None:
        self._told = status

    def changes_in(self) -> float | None:
        """Seconds until its phase or its reason changes by time alone; None: they do not."""
        left = self._facts.deferred_until - self._clock()
        return left if left > 0 else self.reasons.changes_in()

    def current_status(self, at: float) -> TunnelStatus | None:
        """None when it is to be taken away. `at`: seconds since the epoch."""
        phase, facts, tunnel = self.phase, self._facts, self._facts.wanted.tunnel
        target = facts.target
        if tunnel is None:
            return None
        if PERMITS[phase].told is Told.ERROR or target is None:
            applied, reason = facts.attempts.applied_revision, self._error(phase)
            status = tunnel_status.failed(tunnel, facts.actual, applied, reason, at)
        elif PERMITS[phase].told is Told.CUT_OFF and facts.wanted.cut_off is not None:
            attempts, reason = facts.attempts, facts.wanted.cut_off
            status = tunnel_status.cut_off(target, attempts.applied_revision, reason, at)
        else:
            status = self._observed_status(phase, target, at)
        self._told_in = phase
        return msgspec.structs.replace(status, events=self.reasons.event_log.events)

    def _observed_status(self, phase: Phase, target: Target, at: float) -> TunnelStatus:
        if phase is Phase.UP:
            self.reasons.last_failure.grow_old()
        elif self._told_in is Phase.UP:
            self.reasons.last_failure.forget_unrelated()
        facts, reason = self._facts, self._reason()
        status = tunnel_status.observed(target, facts.actual, facts.attempts, reason, at)
        self._set_attempts(applied_revision=status.applied_revision)
        warning = None
        if phase is Phase.UP:
            warning = facts.wanted.obstacle or self.reasons.warning(facts.actual)
        return msgspec.structs.replace(status, reason=status.reason or warning)

    def _error(self, phase: Phase) -> Reason:
        """Why it is not tried."""
        known = {
            Phase.UNSUPPORTED: self._facts.wanted.unsupported,
            Phase.NO_PSK: _NO_SECRET,
            Phase.CONFLICTING: self._facts.attachment.conflict,
            Phase.REJECTED: self._trouble,
        }
        return known.get(phase) or Reason(code=ReasonCode.GATEWAY_ERROR, message="Not planned.")

    @property
    def _trouble(self) -> Reason:
        return Reason(code=ReasonCode.GATEWAY_ERROR, message=self._facts.trouble.words)

    def error_status(self, at: float) -> TunnelStatus | None:
        """Of a tunnel that cannot be judged: what is wrong with it, and nothing else."""
        tunnel, facts = self._facts.wanted.tunnel, self._facts
        if tunnel is None:
            return None
        return TunnelStatus(
            id=self.id,
            revision=tunnel.revision,
            applied_revision=facts.attempts.applied_revision,
            state=TunnelState.ERROR,
            reason=self._trouble,
            observed_at=at,
        )

    def _reason(self) -> Reason | None:
        facts, here = self._facts, self._facts.attachment
        told = self.reasons.reason(
            here.target, facts.actual, self._facts.wanted.lost_name or self._facts.wanted.hindrance
        )
        if self._facts.wanted.unresolved or facts.carries_traffic:
            return self._facts.wanted.unresolved or told
        if here.conflict is not None:
            words = f"Not tried yet. {here.conflict.message}"
            return Reason(code=ReasonCode.CONNECTING, message=words)
        if here.owner is not None and not any(sa.live for sa in facts.actual.sas):
            known = here.owner.status.reason if here.owner.status else None
            return waiting_for_owner(told or known, here.owner.id)
        return told

    def net(self) -> TunnelNet | None:
        """What routes and filters need to know, SAs of an older configuration included."""
        tunnel, target = self._facts.wanted.tunnel, self._facts.target
        if tunnel is None:
            return None
        pairs = target.pairs if target else ()
        carrying = self._facts.actual.carrying
        return TunnelNet(
            id=self.id,
            local_cidrs=coverage.cidrs([p.local for p in pairs], [c.local_ts for c in carrying]),
            peer_cidrs=coverage.cidrs([p.remote for p in pairs], [c.remote_ts for c in carrying]),
            up=bool(carrying),
            mtu=tunnel.mtu,
            backend=self._backend,
        )


def _lacks_psk(target: Target | None, loaded: Loaded) -> bool:
    """Whether its secret is known neither here nor to charon."""
    if target is None or target.secret_known or not target.admin_state_up:
        return False
    return target.secret_id not in loaded.secrets
