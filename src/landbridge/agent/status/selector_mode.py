"""Over which CHILD_SAs a tunnel's networks are divided, as observed; pure.

Rules this module keeps:
- The mode in effect is read from what was negotiated: a peer may narrow one CHILD_SA, or
  begin one for each pair where we would have had one for all.
- While both kinds are up, a switch of the mode is not complete: the mode of before goes on.
- A single pair is the same CHILD_SA in either mode: then it is the one that is wanted.
- What is missing is told by CHILD_SA: of one that is not up, all its networks; of one that was
  narrowed, each pair that it lacks.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator

from landbridge.agent.tunnels.coverage import Cover, uncovered
from landbridge.agent.tunnels.desired import ChildConfig, Target
from landbridge.agent.tunnels.observed import ChildSa, by_name
from landbridge.model.status import SelectorMode, Selectors

_OTHER = {
    SelectorMode.SINGLE: SelectorMode.SPLIT,
    SelectorMode.SPLIT: SelectorMode.SINGLE,
}


def in_effect(wanted: SelectorMode, pairs: int, carrying: Iterable[ChildSa]) -> SelectorMode | None:
    """`pairs`: so many are wanted. None: nothing is up."""
    seen = {(child.local_ts, child.remote_ts) for child in carrying}
    broad = {each for each in seen if len(each[0]) * len(each[1]) > 1}
    if not seen:
        return None
    if broad:
        return SelectorMode.SINGLE if broad == seen else _OTHER[wanted]
    if len(seen) == 1 or pairs == 1:
        return wanted
    return SelectorMode.SPLIT


def missing(target: Target, carrying: Collection[ChildSa]) -> tuple[Selectors, ...]:
    """What of the wanted CHILD_SAs is not up, whichever configuration carries the rest."""
    cover = Cover.of_children(carrying)
    return tuple(each for child in target.children for each in _missing(child, cover))


def _missing(child: ChildConfig, carrying: Cover) -> Iterator[Selectors]:
    lacking = carrying.uncovered(child.pairs)
    if lacking and len(lacking) == len(child.pairs):
        yield Selectors(
            local=tuple(dict.fromkeys(pair.local for pair in child.pairs)),
            remote=tuple(dict.fromkeys(pair.remote for pair in child.pairs)),
        )
        return
    yield from (Selectors(local=(pair.local,), remote=(pair.remote,)) for pair in lacking)


def narrowed(target: Target, fresh: Collection[ChildSa]) -> bool:
    """Whether a CHILD_SA of the wanted configuration is up and lacks what the peer left out."""
    named = by_name(fresh)
    return any(
        instances and uncovered(child.pairs, instances)
        for child in target.children
        if (instances := named.get(child.name))
    )
