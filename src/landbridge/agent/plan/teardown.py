"""How SAs end: what is switched off, replaced, half-built or dead; pure.

Rules this module keeps:
- An IKE_SA is ended by the tunnel whose name it bears, and as long as it carries children of
  others, by nobody, unless they all want to leave it (they are attached to the configuration
  that is to come) or its peer is dead. Until then a tunnel ends its own children on it, one by
  one, and the IKE_SA goes with the last.
- What is replaced is retired when what carries in its place has done so for the grace; see
  `landbridge.agent.plan.planner`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from landbridge.agent.plan.attempts import AttemptState
from landbridge.agent.plan.view import FINISH, View
from landbridge.agent.tunnels import steps as do
from landbridge.agent.tunnels.observed import PROBE, Actual, ChildSa, IkeSa
from landbridge.agent.tunnels.steps import Step
from landbridge.impact.steps import Disruption

ATTEMPT_LIMIT: Final = 10.0  # seconds until a half-built IKE_SA is given up
ENDING_LIMIT: Final = 2.0  # seconds until a peer's answer to a delete is no longer waited for
_AGREE: Final = 2.0  # seconds; tunnels that change together come one after the other
_LOOK_AGAIN: Final = 0.5
_INTERRUPT: Final = Disruption.INTERRUPT


def take_down(actual: Actual, state: AttemptState, now: float) -> Iterator[Step]:
    """End all of a tunnel."""
    for sa in actual.sas:
        if not sa.unshared:
            yield from _children(sa, state)
            if sa.children:
                yield do.Wait(until=now + _LOOK_AGAIN)
            continue
        told = state.ending_ikes.get(sa.unique_id)
        if told is None or now >= told + ENDING_LIMIT:
            carries = _INTERRUPT if sa.live_children else Disruption.NONE
            force = told is not None or sa.young
            yield do.Terminate(unique_id=sa.unique_id, force=force, disruption=carries)
        yield do.Wait(until=now + _LOOK_AGAIN)


def end_for_update(view: View, sa: IkeSa) -> Iterator[Step]:
    """End an older IKE_SA, so that the peer sets up the new one. Its owner does so for all who
    want it soon. For one alone only its own children can be ended."""
    since = view.state.pending_since or 0.0
    if may_end(view, sa):
        yield do.Terminate(unique_id=sa.unique_id, forces_update=True, disruption=_INTERRUPT)
    elif view.now < since + _AGREE:
        yield do.Wait(until=since + _AGREE)
    else:
        yield from _children(sa, view.state, forces_update=True)


def may_end(view: View, sa: IkeSa) -> bool:
    """Whether nobody on this IKE_SA wants to keep it, and it is this tunnel's to end."""
    return not sa.foreign and sa.others <= view.target.attached


def end_lost(view: View, sa: IkeSa) -> Iterator[Step]:
    """End what is lost already at the peer."""
    if may_end(view, sa):
        yield do.Terminate(unique_id=sa.unique_id, force=True, disruption=_INTERRUPT)
    elif sa.tunnel_id != view.target.owner:
        yield from _children(sa, view.state)


def _children(sa: IkeSa, state: AttemptState, *, forces_update: bool = False) -> Iterator[Step]:
    for child in sa.live_children:
        if child.unique_id not in state.ending_children:
            yield do.TerminateChild(
                unique_id=child.unique_id, forces_update=forces_update, disruption=_INTERRUPT
            )


def retire(view: View) -> Iterator[Step]:
    for child in view.stale_beside:
        yield from _retire_child(view, child)
    for sa in view.older:
        yield from _retire_ike(view, sa)


def _retire_child(view: View, child: ChildSa) -> Iterator[Step]:
    if child.unique_id in view.state.ending_children:
        return
    ready = _replaced_at(view, child)
    if ready <= view.now:
        yield do.RetireChild(unique_id=child.unique_id)
    elif ready < float("inf"):
        yield do.Wait(until=ready)


def _replaced_at(view: View, child: ChildSa) -> float:
    """As `ready_at`; and a child whose successor is wanted waits for it in any case."""
    if view.is_missing(child.key):
        return float("inf")
    return view.ready_at(child)


def _retire_ike(view: View, sa: IkeSa) -> Iterator[Step]:
    if not sa.live:
        return
    told = view.state.ending_ikes.get(sa.unique_id)
    if told is not None:
        yield from _force_end(view, sa, told)
        return
    if not sa.unshared:
        for child in sa.live_children if view.fresh else ():
            yield from _retire_child(view, child)
        return
    if not sa.live_children and not (sa.version == "1" and view.carrying):
        # With IKEv1 deleting a childless IKE_SA can take another one's child along.
        yield do.RetireIke(unique_id=sa.unique_id)
        return
    ready = max((view.ready_at(child) for child in sa.live_children), default=0.0)
    if not view.fresh or ready == float("inf"):
        return
    if ready <= view.now:
        yield do.RetireIke(unique_id=sa.unique_id)
    else:
        yield do.Wait(until=ready)


def _force_end(view: View, sa: IkeSa, told: float) -> Iterator[Step]:
    if view.now >= told + ENDING_LIMIT:
        yield do.RetireIke(unique_id=sa.unique_id, force=True)
    yield do.Wait(until=max(told + ENDING_LIMIT, view.now + _LOOK_AGAIN))


def end_half_open(view: View) -> Iterator[Step]:
    """End what is being set up for an older configuration, or for too long."""
    overtaken = {sa.unique_id for sa in view.overtaken}
    for sa in view.sas:
        since = view.state.half_open_since.get(sa.unique_id)
        if since is None or sa.foreign:
            continue
        if sa.unique_id in overtaken:
            yield do.Wait(until=since + FINISH)
        elif sa.name != view.target.name or view.now >= since + ATTEMPT_LIMIT:
            yield do.RetireIke(unique_id=sa.unique_id, force=True)
        else:
            yield do.Wait(until=since + ATTEMPT_LIMIT)


def end_dead(view: View) -> Iterator[Step]:
    """End IKE_SAs whose peer has not answered for `dpd.timeout`; charon does so for IKEv1 only.

    charon asks after `interval` seconds of silence, so what is left of the time-out then is
    the difference.
    """
    dpd = view.target.dpd
    for sa in view.sas:
        if sa.foreign:
            continue
        cost = Disruption.INTERRUPT if sa.live_children else Disruption.NONE
        if sa.unique_id in view.state.dead_ikes - view.state.ending_ikes.keys():
            yield do.Terminate(unique_id=sa.unique_id, force=True, disruption=cost)
            continue
        since = view.state.unanswered_since.get(sa.unique_id)
        if since is None or sa.version != "2" or dpd.action == "disabled":
            continue
        deadline = since + (dpd.timeout - dpd.interval if PROBE in sa.tasks else dpd.timeout)
        if view.now >= deadline:
            yield do.Terminate(unique_id=sa.unique_id, force=True, dead=True, disruption=cost)
        else:
            yield do.Wait(until=min(deadline, view.now + _LOOK_AGAIN))
