"""Which tunnels share an IKE_SA: its owner, those attached to it, and why not the others; pure.

Rules this module keeps:
- Two tunnels fit when one IKE_SA can serve both (IKE policy, dead peer detection, who may
  initiate) and no packet belongs to both. PSKs are compared where they are known
  (`landbridge.agent.reconcile.ike_sharing`): a `Target` has none.
- A refusal says what differs, names the other tunnel, and says what to do.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from landbridge.agent.tunnels.coverage import Cover, numbers_of
from landbridge.agent.tunnels.desired import Target
from landbridge.model.objects import Model, Reason, ReasonCode

#: By its word: what one IKE_SA has once only. Lifetimes show in the time of rekeying.
_SHARED: Final[tuple[tuple[str, Callable[[Target], object]], ...]] = (
    (
        "IKE policy",
        lambda t: [t.connection[each] for each in ("proposals", "aggressive", "rekey_time")],
    ),
    ("dpd", lambda t: t.dpd),
    ("initiator", lambda t: t.may_initiate),
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
    for word, read in _SHARED:
        if read(late) != read(early):
            return _refusal(
                early,
                f"so that one IKE_SA has to serve both, but its {word} differs. Give both the "
                f"same {word}, or this one other IDs or another peer.",
            )
    return None


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
