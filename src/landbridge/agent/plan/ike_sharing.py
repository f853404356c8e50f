"""Which tunnels share an IKE_SA: its owner, those attached to it, and why not the others; pure.

A group is the tunnels with the same addresses, IDs and IKE version: a peer cannot tell them apart.

Rules this module keeps:
- What a group is is recomputed as a whole (`share`), from its members and from the order of
  claims that the last value had. Nothing else is remembered of it.
- The first in the order is the owner. Those of the others that fit are attached to it, the rest
  are refused. Two tunnels fit when one IKE_SA can serve both (IKE policy, dead peer detection, who
  may initiate) and no packet belongs to both.
- A tunnel that comes or changes is put behind those that run and before those that are refused,
  unless it is the owner already: of two that do not fit the one that changed last gives way.
- A tunnel that is switched off or deleted is in nobody's way. As long as its IKE_SA carries
  children of the others, and the first of them fits it, it is retained as the owner. When it is
  switched on again with the same configuration, it is the first.
- A refusal says what differs, names the other tunnel, and says what to do.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from landbridge.agent.plan.attachment import without_children
from landbridge.agent.tunnels.coverage import Cover, numbers_of
from landbridge.agent.tunnels.desired import Target
from landbridge.agent.tunnels.observed import Actual
from landbridge.impact.sharing import difference, is_same_psk
from landbridge.model.fields import Model
from landbridge.model.status import Reason, ReasonCode
from landbridge.model.tunnel import Tunnel


class Member(Model, frozen=True, kw_only=True):
    """A tunnel as it runs, or ran last, by itself (without those attached to it)."""

    tunnel: Tunnel
    target: Target
    actual: Actual = Actual()


class SharedIkeSa(Model, frozen=True, kw_only=True):
    """One group, by tunnel ids. `order`: of all that are to run, by their claims. `retained`: the
    configuration for which the owner is retained; empty: it is not. Without an owner nobody can
    run."""

    order: tuple[str, ...] = ()
    owner: str = ""
    attached: tuple[str, ...] = ()
    refused: Mapping[str, Reason] = {}
    retained: str = ""


def share(
    last: SharedIkeSa,
    members: Mapping[str, Member],
    leaving: Mapping[str, Member],
    conflicts: Mapping[str, Reason],
    changed: str = "",
) -> SharedIkeSa:
    """`members`: those that are to run. `leaving`: those that are not, as they ran last.
    `conflicts`: why members cannot run that have another PSK than others. `changed`: the one that
    has come, changed or gone; empty: none of them has."""
    order = _order(last, members, changed)
    refused = {each: conflicts[each] for each in order if each in conflicts}
    claims = [members[each] for each in order if each not in refused]
    known_first = sorted(leaving, key=lambda tunnel_id: tunnel_id != last.owner)
    retained = next((leaving[e] for e in known_first if _is_needed(leaving[e], claims)), None)
    if not claims:
        return SharedIkeSa(order=order, refused=refused)
    targets = [each.target for each in claims]
    if retained is not None:
        targets.insert(0, without_children(retained.target))
    arranged = arrange(targets)
    return SharedIkeSa(
        order=order,
        owner=arranged.owner.tunnel_id,
        attached=tuple(each.tunnel_id for each in arranged.attached),
        refused={**refused, **arranged.refused},
        retained=retained.target.name if retained else "",
    )


def _order(last: SharedIkeSa, members: Mapping[str, Member], changed: str) -> tuple[str, ...]:
    kept = [each for each in last.order if each in members]
    came = [each for each in members if each not in kept and each != changed]
    if changed not in members:
        return (*kept, *came)
    if last.owner == changed and last.retained in ("", members[changed].target.name):
        return tuple(dict.fromkeys((changed, *kept, *came)))
    others = [each for each in kept if each != changed]
    running = [each for each in others if each not in last.refused]
    refused = [each for each in others if each in last.refused]
    return (*running, changed, *refused, *came)


def _is_needed(owner: Member, claims: Sequence[Member]) -> bool:
    """Whether the IKE_SA of a tunnel that is leaving carries others of the group, and the one that
    would be the owner without it fits it."""
    if not claims:
        return False
    first, group = claims[0], {each.target.tunnel_id for each in claims}
    here = [sa for sa in owner.actual.sas if sa.live and sa.name == owner.target.name]
    elsewhere = [sa for sa in owner.actual.sas if sa.name != owner.target.name]
    return (
        any(sa.others & group for sa in here)
        and not any(sa.children for sa in elsewhere)
        and differing(first.target, owner.target) is None
        and is_same_psk(owner.tunnel, first.tunnel)
    )


class Arrangement(Model, frozen=True, kw_only=True):
    """Of tunnels with the same addresses, IDs and IKE version. `refused`: by tunnel id."""

    owner: Target
    attached: tuple[Target, ...]
    refused: dict[str, Reason]


def arrange(group: Sequence[Target]) -> Arrangement:
    """`group`: in the order of their claims, not empty. The first is the owner."""
    owner, taken, refused = group[0], [group[0]], {}
    named = owner  # the first that is wanted
    cover, among = Cover(map(_networks, group)), 1
    for number, each in enumerate(group[1:], 1):
        beside = numbers_of(cover.touching(*_networks(each)) & among)
        found = (overlapping(each, group[other]) for other in beside)
        reason = differing(each, named) or next(filter(None, found), None)
        if reason is None:
            taken.append(each)
            among |= 1 << number
            named = each if each.children and not named.children else named
        else:
            refused[each.tunnel_id] = reason
    return Arrangement(owner=owner, attached=tuple(taken[1:]), refused=refused)


def differing(late: Target, early: Target) -> Reason | None:
    """Why one IKE_SA cannot serve `late` as well as `early`; None: it can."""
    word = difference(late.once_only, early.once_only)
    if word is None:
        return None
    return _refusal(
        early,
        f"so that one IKE_SA has to serve both, but its {word} differs. Give both the same {word}, "
        "or this one other IDs or another peer.",
    )


def overlapping(late: Target, early: Target) -> Reason | None:
    """Why a packet of `late` may be one of `early`; None: it cannot be."""
    pairs, cover = early.pairs, Cover.of_pairs(early.pairs)
    for pair in late.pairs:
        if found := cover.touching((pair.local,), (pair.remote,)):
            other = pairs[next(numbers_of(found))]
            return _refusal(
                early,
                "and a pair of CIDRs of both overlaps: "
                f"{pair.local} - {pair.remote} with {other.local} - {other.remote}. Take it "
                "out of one of them.",
            )
    return None


def _networks(target: Target) -> tuple[list[str], list[str]]:
    pairs = target.pairs
    return [pair.local for pair in pairs], [pair.remote for pair in pairs]


def _refusal(other: Target, words: str) -> Reason:
    return Reason(
        code=ReasonCode.COLLISION,
        message=f"Connection {other.tunnel_id} has the same addresses, IDs and IKE version, "
        f"{words}",
    )
