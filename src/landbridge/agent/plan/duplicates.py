"""A second IKE_SA of the same configuration: both ends have begun at once; pure.

Rules this module keeps:
- One goes when the others carry all that it carries, nothing is under way on any of them, and
  they have been there together for a while. It goes whole, as what an update has replaced does.
- It is the one that we have not sent on for the longest: what is under way from us is safe then,
  and what the peer still sends on it is taken until the peer has agreed.
- With IKEv1 each end sends on its newest CHILD_SA, and nothing any more when that one ends; and
  each end may have it on another IKE_SA. So a new one is set up first, which is the newest for both
  and on the same IKE_SA for both; that IKE_SA stays.
- Two ends that both do so must not end one each. Of the IKE_SAs that both ends see, the one with
  the lowest SPI decides: the end that has initiated it acts first, the other one only when that
  has not helped.
- A peer that makes a second one again and again is let have it: each time takes twice as long.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Final

from landbridge.agent.plan.view import View
from landbridge.agent.tunnels import steps as do
from landbridge.agent.tunnels.coverage import Cover
from landbridge.agent.tunnels.desired import Pair
from landbridge.agent.tunnels.observed import ESTABLISHED, ChildSa, IkeSa, by_name
from landbridge.agent.tunnels.steps import Step
from landbridge.impact.steps import Disruption

FIRST: Final = 3.0  # seconds that two stand beside each other until the first end acts
SECOND: Final = 12.0  # and until the other one does
MOST_DOUBLINGS: Final = 10
_LOOK_AGAIN: Final = 0.5
_LATER: Final = 1  # charon tells ages in whole seconds
_SETTLED: Final = frozenset({"INSTALLED", "REKEYED"})  # the latter with IKEv1: there is a newer one


def end_duplicate(view: View, allowed: int) -> Iterator[Step]:
    """`allowed`: exchanges that may still be begun."""
    group = tuple(sa for sa in view.current if sa.live and not sa.foreign)
    if len(group) <= 1 or view.missing or not view.carrying:
        return
    if any(sa.unique_id in view.state.ending_ikes for sa in group) or not _is_quiet(view, group):
        yield do.Wait(until=view.now + _LOOK_AGAIN)
        return
    beside = min(sa.age for sa in group)
    if view.target.version == "v1":
        new = [child for child in _newest(view) if child.age + _LATER < beside]
        if len(new) == len(view.target.children):
            yield from _leave(view, group, new)
            return
    doubled = 2 ** min(view.state.duplicates, MOST_DOUBLINGS)
    due = (FIRST if _acts_first(group) else SECOND) * doubled
    if beside < due:
        yield do.Wait(until=view.now + due - beside)
    elif view.target.version == "v1":
        yield from _renew(view, beside, allowed)
    else:
        spare = [sa for sa in group if _is_spare(sa, group)]
        if spare:
            sa = min(spare, key=_sent_lately)
            yield do.RetireIke(unique_id=sa.unique_id, duplicate=True)


def _newest(view: View) -> list[ChildSa]:
    instances = by_name(view.wanted).values()
    return [max(each, key=lambda child: child.unique_id) for each in instances]


def _renew(view: View, beside: int, allowed: int) -> Iterator[Step]:
    """IKEv1: set up what is not newer than the IKE_SAs, the younger of which has that age."""
    old = [child for child in _newest(view) if child.age + _LATER >= beside]
    for child in old[:allowed] if view.target.may_initiate else ():
        yield do.Initiate(
            name=view.target.name,
            child=child.name,
            disruption=Disruption.REPLACE_CHILD,
            duplicate=True,
        )


def _leave(view: View, group: tuple[IkeSa, ...], newest: Collection[ChildSa]) -> Iterator[Step]:
    """IKEv1: end an IKE_SA that has none of what both ends send on."""
    since = view.state.live_since
    ready = max(since.get(child.unique_id, view.now) for child in newest) + view.grace
    used = {child.unique_id for child in newest}
    spare = [sa for sa in group if sa.unshared and not used & {c.unique_id for c in sa.children}]
    if spare and view.now < ready:
        yield do.Wait(until=ready)
    elif spare:
        yield do.RetireIke(unique_id=spare[0].unique_id, duplicate=True)


def _is_quiet(view: View, group: tuple[IkeSa, ...]) -> bool:
    """Nothing is being set up, replaced or asked for."""
    return not view.busy and all(
        sa.state == ESTABLISHED
        and not (sa.tasks or sa.queued)
        and all(child.state in _SETTLED for child in sa.children)
        for sa in group
    )


def _acts_first(group: tuple[IkeSa, ...]) -> bool:
    return min(group, key=lambda sa: sa.listed.initiator_spi).initiator


def _is_spare(sa: IkeSa, group: tuple[IkeSa, ...]) -> bool:
    """Whether nobody else is on it and the others carry what it carries."""
    others = Cover.of_children(
        child for other in group if other is not sa for child in other.live_children
    )
    pairs = (
        Pair(local=local, remote=remote)
        for child in sa.live_children
        for local in child.local_ts
        for remote in child.remote_ts
    )
    return sa.unshared and not others.uncovered(pairs)


def _sent_lately(sa: IkeSa) -> tuple[float, int, int]:
    """Grows with how lately we have sent on it."""
    used = [child.listed.use_out for child in sa.live_children if child.listed.use_out is not None]
    packets = sum(child.listed.packets_out for child in sa.live_children)
    return -min(used, default=float("inf")), packets, sa.unique_id
