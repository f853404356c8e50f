"""From desired and actual to steps; pure. The heart of an update.

Rules this module keeps:
- Level, not edge: desired, actual, what is loaded and the state of the attempts, which may be
  lost, are all it reads.
- Make before break: an SA of an older configuration is retired only when every pair of CIDRs
  that it carries and that is still wanted has been carried by SAs of the present
  configuration for `GRACE`, or for as long as it took to set them up (a round trip or more).
  Where the peer does not agree, that never happens, and it stays.
- An IKE_SA that serves others, too, is never ended over one of them: its own children are
  (`agent.plan.teardown`). An attached tunnel leaves configuration and IKE_SA to the owner, and
  sets its children up as soon as both are there.
- Only `admin_state_up = false`, deletion, a peer that is dead, and what is marked `interrupt`
  here take down what carries traffic. `interrupt` is planned in three cases: a changed identity
  with IKEv1 (the aborted exchange can take the old SA along, whatever we do), a change
  while we may not initiate (a peer never takes a change up by rekeying), and an update that
  has waited for its peer until the operator's deadline.
- At most `MOST_AT_ONCE` exchanges per peer; the first child goes alone until its IKE_SA is up.
- charon's configuration: the new one is loaded and the old one unloaded before anything is
  initiated, so that a peer's initiation completes the change, too. The old secret stays until
  the new one has authenticated an IKE_SA; between two refused attempts IKEv1 has it alone.
- A secret that the server cannot read is left as charon has it, with all others.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from landbridge.agent.plan import duplicates, ikev1, narrowing, secrets, teardown
from landbridge.agent.plan.attempts import AttemptState, attempt_key, forced
from landbridge.agent.plan.view import View
from landbridge.agent.tunnels import steps as do
from landbridge.agent.tunnels.desired import ChildConfig, Target
from landbridge.agent.tunnels.loaded import Loaded
from landbridge.agent.tunnels.observed import Actual
from landbridge.agent.tunnels.steps import Step
from landbridge.impact.steps import Disruption

MOST_AT_ONCE: Final = 4
_LOOK_AGAIN: Final = 0.5


def plan(
    target: Target | None,
    actual: Actual,
    loaded: Loaded,
    state: AttemptState,
    *,
    allowed: int,
    now: float,
    update_deadline: float = 0.0,
) -> tuple[Step, ...]:
    """The steps to take now, in order. `allowed`: exchanges that may still be begun.
    `update_deadline`: seconds after which an update is forced on a peer that has not agreed
    (the old SA is taken down, agreed or not); 0: never.

    `state` must be that of `after_look` for the same `actual` and `now`.
    """
    if target is None or not target.admin_state_up:
        return tuple(_take_down(actual, loaded, state, now))
    view = View(target, actual, state, now)
    if target.owner and not _served(view, loaded):
        allowed = 0
    loads = _leave_to_owner(view, loaded) if target.owner else _load(view, loaded)
    if not actual.sas:
        return (*loads, *_initiate(view, allowed))
    is_v1 = target.version == "v1"
    return (
        *loads,
        *teardown.end_dead(view),
        *_force(view, update_deadline),
        *(ikev1.end_lost(view) if is_v1 else ()),
        *_initiate(view, allowed),
        *narrowing.widen(view, allowed),
        *_replace_unheard(view, allowed),
        *teardown.retire(view),
        *duplicates.end_duplicate(view, allowed),
        *(ikev1.end_unreadable(view) if is_v1 else ()),
        *teardown.end_half_open(view),
    )


def _take_down(actual: Actual, loaded: Loaded, state: AttemptState, now: float) -> Iterator[Step]:
    yield from (do.Unload(name=name) for name in loaded.connections)
    yield from teardown.take_down(actual, state, now)
    yield from (do.UnloadSecret(secret_id=secret) for secret in sorted(loaded.secrets))


def _served(view: View, loaded: Loaded) -> bool:
    """Whether the children of an attached tunnel can be set up now."""
    return view.connected and loaded.owner.get(view.target.name) == view.target.digest


def _leave_to_owner(view: View, loaded: Loaded) -> Iterator[Step]:
    """Unload what an attached tunnel had loaded for an IKE_SA of its own."""
    yield from (do.Unload(name=name) for name in loaded.connections)
    if all(sa.foreign for sa in view.sas):
        yield from (do.UnloadSecret(secret_id=secret) for secret in sorted(loaded.secrets))


def _load(view: View, loaded: Loaded) -> Iterator[Step]:
    target, own = view.target, tuple(sa for sa in view.sas if not sa.foreign)
    if not target.secret_known:
        yield from _load_connection(view, loaded)
        return
    if loaded.secrets <= {target.secret_id}:
        if not loaded.secrets:
            yield do.LoadSecret(secret_id=target.secret_id)
        yield from _load_connection(view, loaded)
        return
    if secrets.held_back(target, own, loaded.secrets, view.state, view.now):
        if target.secret_id in loaded.secrets:
            yield do.UnloadSecret(secret_id=target.secret_id)
    elif target.secret_id not in loaded.secrets:
        yield do.LoadSecret(secret_id=target.secret_id)
    yield from _load_connection(view, loaded)
    if secrets.unproven(target, own, loaded.secrets):
        yield do.Wait(until=view.now + _LOOK_AGAIN)
    spent = secrets.spent(target, own, loaded.secrets)
    if forced(view.state, target):
        spent = loaded.secrets - {target.secret_id}
    yield from (do.UnloadSecret(secret_id=secret) for secret in sorted(spent))


def _load_connection(view: View, loaded: Loaded) -> Iterator[Step]:
    target = view.target
    if loaded.connections.get(target.name) != target.digest:
        yield do.Load(name=target.name)
    yield from (do.Unload(name=name) for name in loaded.connections if name != target.name)


def _initiate(view: View, allowed: int) -> Iterator[Step]:
    if view.state.resting or not view.missing:
        return
    if not view.target.may_initiate:
        if view.state.pending_since is not None:  # else the peer has only moved: it will come
            yield from _force_update(view)
        return
    if not view.connected:
        # A second child now would make a second IKE_SA; an exchange of the peer's goes first,
        # and one that an update has overtaken ends first.
        candidates = () if view.busy or view.overtaken else view.missing[:1]
        room = min(allowed, 1)
    else:
        candidates = view.missing
        room = allowed
    attempts = view.state.attempts
    room = min(room, MOST_AT_ONCE - sum(attempt.open for attempt in attempts.values()))
    for child in candidates:
        attempt = attempts.get(attempt_key(view.target, child.name))
        if attempt is not None and attempt.open:
            continue
        if attempt is not None and view.now < attempt.retry_at:
            yield do.Wait(until=attempt.retry_at)
        elif room > 0:
            room -= 1
            cost = _cost(view, child)
            pause = ikev1.not_before(view) if view.sas else 0.0
            if view.now < pause:
                yield do.Wait(until=pause)
                continue
            yield do.Initiate(name=view.target.name, child=child.name, disruption=cost)
    if view.busy or view.overtaken or any(attempt.open for attempt in attempts.values()):
        yield do.Wait(until=view.now + _LOOK_AGAIN)


def _cost(view: View, child: ChildConfig) -> Disruption:
    carrying = [sa for sa in view.sas if sa.live_children]
    if not carrying:
        return Disruption.NONE
    ids = view.target.name.partition(".")[2][: len(carrying[0].ids)]
    if view.target.version == "v1" and any(sa.ids != ids for sa in carrying):
        return Disruption.INTERRUPT
    if not view.connected:
        return Disruption.REPLACE_IKE
    return Disruption.REPLACE_CHILD if view.succeeds(child) else Disruption.NONE


def _replace_unheard(view: View, allowed: int) -> Iterator[Step]:
    """With one beside it: the peer has lost its own, or sends elsewhere."""
    unheard = view.state.unheard - view.state.ending_children.keys()
    lost = [child.unique_id for child in view.carrying if child.unique_id in unheard]
    yield from (do.Rekey(unique_id=unique_id) for unique_id in lost[:allowed])
    if lost[allowed:]:
        yield do.Wait(until=view.now + _LOOK_AGAIN)


def _force(view: View, update_deadline: float) -> Iterator[Step]:
    since = view.state.pending_since
    if not update_deadline or since is None:
        return
    if view.now >= since + update_deadline:
        yield from _force_update(view)
    else:
        yield do.Wait(until=since + update_deadline)


def _force_update(view: View) -> Iterator[Step]:
    """We may not initiate: only the end of the old SA brings a peer to set up the new one."""
    if view.state.forced_for == view.target.revision:
        return  # the peer came back as it was before (with the old secret): leave it
    for child in view.stale_beside:
        if view.is_awaited(child) and child.unique_id not in view.state.ending_children:
            yield do.TerminateChild(unique_id=child.unique_id, disruption=Disruption.INTERRUPT)
    for sa in view.older:
        if sa.live_children and sa.unique_id not in view.state.ending_ikes:
            yield from teardown.end_for_update(view, sa)
