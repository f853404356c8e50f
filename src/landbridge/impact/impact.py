"""Predicts what an update costs a tunnel, before it is made; pure.

Rules this module keeps:
- It predicts what `landbridge.agent.plan.planner` does when the peer agrees and the tunnel is up;
  the tests compare both. It knows desired states only, so it predicts nothing about how long the
  peer takes to agree: until then the old SAs stay.
- Where we may not initiate, a replacement cannot be set up before the old SA is taken down: it is
  an interruption.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import NamedTuple

from landbridge.impact.attributes import COSTS, FACETS, NEW_IKE_CONFIG, ROWS, Part, is_ikev1
from landbridge.impact.selectors import Network, Overlaps, children_of, is_single, networks_of
from landbridge.impact.steps import (
    TAKE_DOWN,
    Disruption,
    Step,
    change_children,
    replace_ike,
    set_up,
    worst,
)
from landbridge.model.fields import Model
from landbridge.model.tunnel import Tunnel


class Effect(Model, frozen=True, kw_only=True):
    """What the change of one attribute does to one tunnel, taken by itself."""

    resource: str
    attribute: str
    changes: str
    disruption: Disruption


class Impact(Model, frozen=True, kw_only=True):
    attributes: tuple[Effect, ...]
    disruption: Disruption
    steps: tuple[Step, ...]


def impact(
    before: Tunnel, after: Tunnel, asked: Collection[tuple[str, str]] | None = None
) -> Impact:
    """What becomes of a tunnel that is up as `before` when it is to be as `after`.

    `asked`: the rows that the update names; None: all that could have made the difference.
    """
    change = _Change(before, after)
    effects = (
        _effect(change, row)
        for row in (ROWS if asked is None else sorted(asked))
        if change.felt.intersection(ROWS[row]) or (asked is not None and not ROWS[row])
    )
    return Impact(
        attributes=tuple(effects),
        disruption=worst(change.cost(facet) for facet in change.felt),
        steps=tuple(_steps(change)),
    )


class _Change:
    """The difference of two tunnels, as the gateway feels it."""

    def __init__(self, before: Tunnel, after: Tunnel) -> None:
        self.before, self.after = before, after
        self.felt = frozenset(
            name for name, facet in FACETS.items() if facet.felt(before) != facet.felt(after)
        )
        self.parts = frozenset(FACETS[name].part for name in self.felt)
        old, new = children_of(before), children_of(after)
        self._one_each = len(old) == len(new) == 1
        changed = Part.CHILD in self.parts
        self.stale = {k: pairs for k, pairs in old.items() if changed or new.get(k) != pairs}
        self.missing = {k: pairs for k, pairs in new.items() if changed or old.get(k) != pairs}
        meets = _Meets(before, after, all_anew=changed or is_single(before) or is_single(after))
        self.in_the_way = {
            key: pairs
            for key, pairs in self.stale.items()
            if key in self.missing or any(meets.partly(*pair) for pair in pairs)
        }
        self._widens = any(
            meets.within(*pair) for pairs in self.in_the_way.values() for pair in pairs
        )

    @property
    def widens(self) -> bool:
        """Whether a new child has a pair of networks that is wider than one of before, and cannot
        take its packets over: with IKEv2 the only CHILD_SA can, from the only one before."""
        return self._widens and (not self._one_each or is_ikev1(self.after))

    def cost(self, facet: str) -> Disruption:
        part = FACETS[facet].part
        if not self.before.admin_state_up:
            return Disruption.NONE
        if not self.after.admin_state_up:
            return Disruption.INTERRUPT if part is Part.STATE else Disruption.NONE
        if part in (Part.CHILD, Part.SELECTORS) and not self.in_the_way:
            return Disruption.NONE  # what goes has nothing in common with what comes
        cost = COSTS[part].v1 if is_ikev1(self.after) else COSTS[part].v2
        passive = self.after.initiator == "response-only"
        return Disruption.INTERRUPT if passive and cost is not Disruption.NONE else cost


class _Meets:
    """Whether a pair of networks of before has something in common with a new one.

    Each side is asked by itself: the new pairs are all of the local networks with all of the
    peer's, but for those that were there before (`all_anew`: not even those).
    """

    def __init__(self, before: Tunnel, after: Tunnel, *, all_anew: bool) -> None:
        self._all_anew = all_anew and bool(children_of(after))
        self._local = _Side(before.local_cidrs, after.local_cidrs)
        self._peer = _Side(before.peer_cidrs, after.peer_cidrs)

    def partly(self, local: Network, peer: Network) -> bool:
        """A new pair overlaps it."""
        return self._has_new(self._local.overlapping(local), self._peer.overlapping(peer))

    def within(self, local: Network, peer: Network) -> bool:
        """A new pair is wider and has all of it."""
        found = self._local.around(local), self._peer.around(peer)
        if self._all_anew:
            return all(side.any for side in found) and any(side.other for side in found)
        return self._has_new(*found)

    def _has_new(self, local: _Found, peer: _Found) -> bool:
        found = local.any and peer.any
        return found and (self._all_anew or local.new or peer.new)


class _Found(NamedTuple):
    """Of networks of after: are there any, any that were not there before, any but the one that
    was asked for?"""

    any: bool
    new: bool
    other: bool


class _Side:
    """The networks of one side, each looked for once."""

    def __init__(self, before: Iterable[str], after: Iterable[str]) -> None:
        known = set(networks_of(before))
        self._after = Overlaps(networks_of(after))
        self._new = Overlaps(each for each in networks_of(after) if each not in known)
        self._kept: dict[tuple[Network, bool], _Found] = {}

    def overlapping(self, network: Network) -> _Found:
        return self._found(network, wider=False)

    def around(self, network: Network) -> _Found:
        return self._found(network, wider=True)

    def _found(self, network: Network, *, wider: bool) -> _Found:
        if (network, wider) not in self._kept:
            look = Overlaps.around if wider else Overlaps.of
            others = (each for each in look(self._after, network) if each != network)
            self._kept[network, wider] = _Found(
                any=next(look(self._after, network), None) is not None,
                new=next(look(self._new, network), None) is not None,
                other=next(others, None) is not None,
            )
        return self._kept[network, wider]


def _effect(change: _Change, row: tuple[str, str]) -> Effect:
    felt = sorted(change.felt.intersection(ROWS[row]), key=list(FACETS).index)
    costs = [change.cost(facet) for facet in felt]
    heaviest = max(felt, key=lambda each: change.cost(each).weight) if felt else "name"
    return Effect(
        resource=row[0],
        attribute=row[1],
        changes=FACETS[heaviest].part.value,
        disruption=worst(costs),
    )


def _steps(change: _Change) -> Iterable[Step]:
    before, after, parts = change.before, change.after, change.parts
    passive = after.initiator == "response-only"
    if not after.admin_state_up:
        return TAKE_DOWN if before.admin_state_up else ()
    if not before.admin_state_up:
        return set_up(passive=passive)
    routes = bool({Part.SELECTORS, Part.ROUTES} & parts)
    if NEW_IKE_CONFIG & parts:
        interrupts = Part.IDENTITIES in parts and is_ikev1(after)
        secret = Part.SECRET in parts or "peer_id" in change.felt  # its owner is the peer
        return replace_ike(
            ikev1=is_ikev1(after),
            passive=passive,
            interrupts=interrupts,
            secret=secret,
            routes=routes,
        )
    return change_children(
        ikev1=is_ikev1(after),
        reselected=Part.SELECTORS in parts,
        replaced=len(change.in_the_way),
        removed=len(change.stale) - len(change.in_the_way),
        added=len(change.missing),
        widened=change.widens,
        passive=passive,
        routes=routes,
    )
