"""The attempts to bring one tunnel up, change it and take it down; pure.

Rules this module keeps:
- `after_look` makes the next state from the last one and what is observed now, `after_step` the
  one after a step was taken. All times are seconds of one monotonic clock, given by the caller.
- It is never needed for correctness: to lose all of it (the agent restarts) costs a grace period
  or a back-off, no more.
- Entries about SAs and children that are gone are dropped, so nothing grows.
- An attempt is over when charon shows no sign of it any more: no event needs to be seen. A tunnel
  that is switched off has no attempts; switched on again, it is tried at once.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

import msgspec

from landbridge.agent.tunnels import steps as do
from landbridge.agent.tunnels.coverage import uncovered
from landbridge.agent.tunnels.desired import Target
from landbridge.agent.tunnels.naming import plain
from landbridge.agent.tunnels.observed import CREATING, PROBE, Actual, IkeSa, by_name
from landbridge.agent.tunnels.steps import Step
from landbridge.backoff import delay
from landbridge.impact.steps import Disruption
from landbridge.model.fields import Model

#: Before this a command may not yet show in list-sas.
SETTLE: Final = 0.25
#: Between two attempts at the least, however often somebody wants one.
APART: Final = 1.0
_FIRST_RETRY: Final = 0.5
_LAST_RETRY: Final = 15.0
#: After attempts that stay half open at the peer for 30 seconds: of these at most four at a time.
_UNREAD_RETRIES: Final = (1.0, 2.0, 9.0, 12.0)


class Attempt(Model, frozen=True, kw_only=True):
    """One child's initiations since its configuration last changed or was up."""

    started: float
    open: bool = True
    failures: int = 0
    retry_at: float = 0.0
    unread: bool = False  # neither side could read what the other said: other secrets


class AttemptState(Model, frozen=True, kw_only=True):
    """All keys of the maps are unique ids of charon, but `attempts`' (see `attempt_key`)."""

    revision: int = 0
    attempts: Mapping[str, Attempt] = {}
    live_since: Mapping[int, float] = {}  # CHILD_SAs that carry traffic
    half_open_since: Mapping[int, float] = {}  # IKE_SAs that are being set up
    exchange_took: float = 0.0  # seconds of the last exchange with the peer: a round trip or more
    unread: frozenset[int] = frozenset()  # IKE_SAs on which a peer with another secret spoke
    unanswered_since: Mapping[int, float] = {}  # IKE_SAs with an exchange that is not answered
    probed_at: Mapping[int, float] = {}  # IKE_SAs by when DPD last asked
    dead_ikes: frozenset[int] = (
        frozenset()
    )  # to be ended: another tunnel found the peer dead, or our address is gone
    unheard: frozenset[int] = frozenset()  # CHILD_SAs that are to be replaced
    ending_ikes: Mapping[int, float] = {}  # told to terminate
    ending_children: Mapping[int, float] = {}
    identity_tried: int = 0  # the revision for which an attempt was made that can end the old SA
    identity_tried_at: float = 0.0
    duplicates: int = 0  # IKE_SAs that were ended because another one did the same
    forced_for: int = 0  # the revision for which an SA was ended that we may not replace
    candidate: str = ""  # the name of the configuration that is tried, of several
    candidate_since: float = 0.0
    wanted: str = ""  # the name of the configuration that is wanted
    was_up: bool = False
    resting: bool = False  # dead by DPD with action clear: stays down until something changes
    applied_revision: int = 0
    pending_since: float | None = None  # since when an update waits while the old one carries


def attempt_key(target: Target, child: str) -> str:
    return f"{target.name}/{plain(child)}"


def back_off(failures: int, *, unread: bool = False) -> float:
    """Seconds until the next attempt after `failures` in a row."""
    if unread:
        return _UNREAD_RETRIES[failures - 1] if failures <= len(_UNREAD_RETRIES) else _LAST_RETRY
    return delay(failures, first=_FIRST_RETRY, limit=_LAST_RETRY)


def hastened(state: AttemptState) -> AttemptState:
    """With every back-off over, `APART` after the attempt before. What is remembered of failures
    stays: the next back-off goes on from there. A tunnel that rests does so no more."""
    attempts = {key: _hastened(attempt) for key, attempt in state.attempts.items()}
    return msgspec.structs.replace(state, attempts=attempts, resting=False)


def _hastened(attempt: Attempt) -> Attempt:
    """What a peer still keeps half is not tried before it is over."""
    if attempt.open or attempt.unread:
        return attempt
    return msgspec.structs.replace(attempt, retry_at=min(attempt.retry_at, attempt.started + APART))


def unread_until(state: AttemptState) -> float:
    """When an attempt may be made after those that the peer still keeps half; 0: at any time."""
    kept = (each for each in state.attempts.values() if each.unread and not each.open)
    return max((attempt.retry_at for attempt in kept), default=0.0)


def forced(state: AttemptState, target: Target) -> bool:
    """Whether the operator's deadline has ended what the update waited for: no way back."""
    return target.may_initiate and state.forced_for == target.revision


def after_look(
    state: AttemptState, target: Target | None, actual: Actual, now: float
) -> AttemptState:
    """The state of this pass, before any step is taken."""
    carrying = actual.carrying
    ikes = {sa.unique_id for sa in actual.sas}
    children = {child.unique_id for sa in actual.sas for child in sa.children}
    changed = target is not None and target.revision != state.revision
    return msgspec.structs.replace(
        state,
        revision=target.revision if target else state.revision,
        attempts=_attempts(state, target, actual, now) if target and target.admin_state_up else {},
        exchange_took=_took(state, target, actual, now) if target else 0.0,
        live_since=_since(state.live_since, (child.unique_id for child in carrying), now),
        half_open_since=_since(
            state.half_open_since, (sa.unique_id for sa in actual.sas if sa.young), now
        ),
        unanswered_since={
            sa.unique_id: state.unanswered_since.get(sa.unique_id, _asked_at(state, sa, now))
            for sa in actual.sas
            if sa.live and sa.tasks
        },
        probed_at={k: v for k, v in state.probed_at.items() if k in ikes},
        unread=state.unread & ikes,
        dead_ikes=state.dead_ikes & ikes,
        unheard=state.unheard & children,
        ending_ikes={k: v for k, v in state.ending_ikes.items() if k in ikes},
        ending_children={k: v for k, v in state.ending_children.items() if k in children},
        was_up=state.was_up or bool(carrying),
        duplicates=0 if changed else state.duplicates,
        resting=state.resting and not changed and not carrying,
        pending_since=_pending(state, target, now) if carrying else None,
    )


def _asked_at(state: AttemptState, sa: IkeSa, now: float) -> float:
    return state.probed_at.get(sa.unique_id, now) if PROBE in sa.tasks else now


def _pending(state: AttemptState, target: Target | None, now: float) -> float | None:
    """An update is a newer revision; a peer that has only moved to another address is none."""
    if target is None or state.applied_revision == target.revision:
        return None
    if target.revision != state.revision or state.pending_since is None:
        return now
    return state.pending_since


def after_step(
    state: AttemptState, step: Step, now: float, *, target: Target | None, candidate: Target | None
) -> AttemptState:
    """`target`: the configuration that is wanted; `candidate`: the one that is tried. What comes of
    the step is read from charon later."""
    match step:
        case do.Initiate(child=child) if candidate is not None:
            if step.disruption is Disruption.INTERRUPT:
                state = msgspec.structs.replace(
                    state, identity_tried=candidate.revision, identity_tried_at=now
                )
            if step.duplicate:
                return msgspec.structs.replace(state, duplicates=state.duplicates + 1)
            return begun(state, attempt_key(candidate, child), now)
        case do.RetireIke(unique_id=sa) | do.Terminate(unique_id=sa):
            state = msgspec.structs.replace(state, ending_ikes={**state.ending_ikes, sa: now})
            if isinstance(step, do.RetireIke) and step.duplicate:
                state = msgspec.structs.replace(state, duplicates=state.duplicates + 1)
        case do.RetireChild(unique_id=sa) | do.TerminateChild(unique_id=sa):
            ending = {**state.ending_children, sa: now}
            state = msgspec.structs.replace(state, ending_children=ending)
        case do.Rekey(unique_id=sa):
            state = msgspec.structs.replace(state, unheard=state.unheard - {sa})
        case _:
            return state
    forces = isinstance(step, do.Terminate | do.TerminateChild) and step.forces_update
    if forces and target is not None:
        state = msgspec.structs.replace(state, forced_for=target.revision)
    return state


def begun(state: AttemptState, key: str, now: float) -> AttemptState:
    last = state.attempts.get(key)
    attempt = Attempt(started=now, failures=last.failures if last else 0)
    return msgspec.structs.replace(state, attempts={**state.attempts, key: attempt})


def under_way(target: Target, actual: Actual) -> bool:
    """Whether charon shows an exchange that sets up an SA of this configuration."""
    return any(sa.name == target.name and (sa.young or _creating(sa)) for sa in actual.sas)


def _creating(sa: IkeSa) -> bool:
    return sa.live and bool(CREATING & (sa.tasks | sa.queued))


def _attempts(
    state: AttemptState, target: Target, actual: Actual, now: float
) -> Mapping[str, Attempt]:
    live = by_name(
        child for sa in actual.sas if sa.name == target.name for child in sa.live_children
    )
    busy = under_way(target, actual)
    kept = {}
    for child in target.children:
        key = attempt_key(target, child.name)
        attempt = state.attempts.get(key)
        sas = live.get(child.name, [])
        if attempt is not None and (not sas or uncovered(child.pairs, sas)):
            kept[key] = _judged(attempt, busy, now)
    return kept


def _took(state: AttemptState, target: Target, actual: Actual, now: float) -> float:
    new = (c for c in actual.carrying if c.unique_id not in state.live_since)
    attempts = (state.attempts.get(attempt_key(target, child.name)) for child in new)
    return max((now - each.started for each in attempts if each), default=state.exchange_took)


def _judged(attempt: Attempt, busy: bool, now: float) -> Attempt:
    if not attempt.open or busy or now < attempt.started + SETTLE:
        return attempt
    failures = attempt.failures + 1
    pause = back_off(failures, unread=attempt.unread)
    return msgspec.structs.replace(attempt, open=False, failures=failures, retry_at=now + pause)


def _since(last: Mapping[int, float], ids: Iterable[int], now: float) -> Mapping[int, float]:
    return {unique_id: last.get(unique_id, now) for unique_id in ids}
