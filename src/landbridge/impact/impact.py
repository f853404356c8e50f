"""What an update costs a tunnel, told before it is made; pure.

Rules this module keeps:
- One table, `ROWS`, with a row for every attribute that can be updated: of which facets of a
  tunnel it decides. `FACETS` says of each facet what of it reaches charon, and which part of
  charon's configuration it is; `COSTS` says what a change of such a part costs.
- It promises what `landbridge.agent.plan.planner` does when the peer agrees and the tunnel is up,
  and the tests hold both against each other. It knows desired states only, so it promises nothing
  about how long the peer will take to agree: until then the old SAs go on.
- What reaches charon decides: a change that means nothing there (a time-out of a dead peer
  detection that is disabled, the first phase's mode with IKEv2) costs nothing.
- Where we may not initiate, nothing can be made before it is broken: what would be replaced
  is interrupted.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from enum import StrEnum
from operator import attrgetter
from typing import Final, NamedTuple

from landbridge.impact import steps as courses
from landbridge.impact.selectors import Network, Overlaps, children_of, is_single, networks_of
from landbridge.impact.steps import Disruption, Step, worst
from landbridge.model.fields import Model
from landbridge.model.tunnel import Tunnel

Read = Callable[[Tunnel], object]


class Part(StrEnum):
    """Which part of what a gateway runs; in words that end "changes ..."."""

    WORDS = "nothing on the gateway"
    AGENT = "what the agent does; nothing in charon"
    ROUTES = "routes and the MSS clamp; nothing in charon"
    CHILD = "the CHILD_SA's configuration"
    SELECTORS = "which CHILD_SAs there are, and their traffic selectors"
    IKE = "the IKE_SA's configuration"
    SECRET = "the secret that authenticates the IKE_SA"  # noqa: S105 - no secret, a word
    IDENTITIES = "the identities of the IKE_SA, and who owns the secret"
    STATE = "whether the tunnel runs"


class Cost(NamedTuple):
    """By the IKE version after the change. CHILD, SELECTORS and STATE: at the most."""

    v1: Disruption
    v2: Disruption


COSTS: Final[dict[Part, Cost]] = {
    Part.WORDS: Cost(Disruption.NONE, Disruption.NONE),
    Part.AGENT: Cost(Disruption.NONE, Disruption.NONE),
    Part.ROUTES: Cost(Disruption.NONE, Disruption.NONE),
    Part.CHILD: Cost(Disruption.REPLACE_CHILD, Disruption.REPLACE_CHILD),
    Part.SELECTORS: Cost(Disruption.REPLACE_CHILD, Disruption.REPLACE_CHILD),
    Part.IKE: Cost(Disruption.REPLACE_IKE, Disruption.REPLACE_IKE),
    Part.SECRET: Cost(Disruption.REPLACE_IKE, Disruption.REPLACE_IKE),
    # A peer that has not changed aborts IKEv1's exchange, which can take the old SA along.
    Part.IDENTITIES: Cost(Disruption.INTERRUPT, Disruption.REPLACE_IKE),
    Part.STATE: Cost(Disruption.INTERRUPT, Disruption.INTERRUPT),
}
_NEW_NAME: Final = frozenset({Part.IKE, Part.SECRET, Part.IDENTITIES})


class Facet(NamedTuple):
    """One field of a tunnel. `felt`: what of it is in effect on the gateway."""

    part: Part
    felt: Read


def _probing(tunnel: Tunnel) -> bool:
    return tunnel.dpd.action != "disabled"


def _ikev1(tunnel: Tunnel) -> bool:
    return tunnel.ike.version == "v1"


def _aead(tunnel: Tunnel) -> bool:
    return "-gcm-" in tunnel.esp.encryption or "-ccm-" in tunnel.esp.encryption


def _only(when: Callable[[Tunnel], bool], read: Read) -> Read:
    return lambda tunnel: read(tunnel) if when(tunnel) else None


FACETS: Final[dict[str, Facet]] = {
    "name": Facet(Part.WORDS, attrgetter("name")),
    "admin_state_up": Facet(Part.STATE, attrgetter("admin_state_up")),
    "local_address": Facet(Part.IKE, attrgetter("local_address")),
    "local_id": Facet(Part.IDENTITIES, attrgetter("local_id")),
    "peer_address": Facet(Part.IKE, attrgetter("peer_address")),
    "peer_id": Facet(Part.IDENTITIES, attrgetter("peer_id")),
    "psk": Facet(Part.SECRET, attrgetter("psk_generation")),
    "initiator": Facet(Part.AGENT, attrgetter("initiator")),
    "mtu": Facet(Part.ROUTES, attrgetter("mtu")),
    "dpd.enabled": Facet(Part.IKE, _probing),
    "dpd.action": Facet(Part.AGENT, attrgetter("dpd.action")),
    "dpd.interval": Facet(Part.IKE, _only(_probing, attrgetter("dpd.interval"))),
    "dpd.timeout": Facet(
        Part.IKE, _only(lambda t: _probing(t) and _ikev1(t), attrgetter("dpd.timeout"))
    ),
    "dpd.patience": Facet(Part.AGENT, attrgetter("dpd.timeout")),
    "ike.version": Facet(Part.IKE, attrgetter("ike.version")),
    "ike.mode": Facet(Part.IKE, _only(_ikev1, attrgetter("ike.mode"))),
    "ike.encryption": Facet(Part.IKE, attrgetter("ike.encryption")),
    "ike.integrity": Facet(Part.IKE, attrgetter("ike.integrity")),
    "ike.dh_group": Facet(Part.IKE, attrgetter("ike.dh_group")),
    "ike.lifetime": Facet(Part.IKE, attrgetter("ike.lifetime")),
    "esp.protocol": Facet(Part.CHILD, attrgetter("esp.protocol")),
    "esp.encapsulation": Facet(Part.CHILD, attrgetter("esp.encapsulation")),
    "esp.encryption": Facet(
        Part.CHILD, _only(lambda t: t.esp.protocol == "esp", attrgetter("esp.encryption"))
    ),
    "esp.integrity": Facet(
        Part.CHILD,
        _only(lambda t: t.esp.protocol == "ah" or not _aead(t), attrgetter("esp.integrity")),
    ),
    "esp.pfs_group": Facet(Part.CHILD, attrgetter("esp.pfs_group")),
    "esp.lifetime": Facet(Part.CHILD, attrgetter("esp.lifetime")),
    "local_cidrs": Facet(Part.SELECTORS, lambda t: frozenset(t.local_cidrs)),
    "peer_cidrs": Facet(Part.SELECTORS, lambda t: frozenset(t.peer_cidrs)),
    "split_selector": Facet(Part.SELECTORS, is_single),
}
_IKE: Final = tuple(name for name in FACETS if name.startswith("ike."))
_ESP: Final = tuple(name for name in FACETS if name.startswith("esp."))
# Identities and our own address may follow the peer's address.
_PEER: Final = ("peer_address", "peer_id", "local_address", "local_id")

#: Resource, attribute (members of dictionaries as ``a.b``): the facets that it decides of.
ROWS: Final[dict[tuple[str, str], tuple[str, ...]]] = {
    ("ipsec_site_connection", "name"): ("name",),
    ("ipsec_site_connection", "description"): (),
    ("ipsec_site_connection", "admin_state_up"): ("admin_state_up",),
    ("ipsec_site_connection", "local_id"): ("local_id",),
    ("ipsec_site_connection", "peer_address"): _PEER,
    ("ipsec_site_connection", "peer_id"): ("peer_id",),
    ("ipsec_site_connection", "psk"): ("psk",),
    ("ipsec_site_connection", "initiator"): ("initiator",),
    ("ipsec_site_connection", "mtu"): ("mtu",),
    ("ipsec_site_connection", "dpd.action"): ("dpd.action", "dpd.enabled"),
    ("ipsec_site_connection", "dpd.interval"): ("dpd.interval",),
    ("ipsec_site_connection", "dpd.timeout"): ("dpd.timeout", "dpd.patience"),
    ("ipsec_site_connection", "local_ep_group_id"): ("local_cidrs",),
    ("ipsec_site_connection", "peer_ep_group_id"): ("peer_cidrs",),
    ("ipsec_site_connection", "peer_cidrs"): ("peer_cidrs",),
    ("ipsec_site_connection", "split_selector"): ("split_selector",),
    ("ipsec_site_connection", "ikepolicy_id"): (*_IKE, "split_selector"),
    ("ipsec_site_connection", "ipsecpolicy_id"): _ESP,
    ("ikepolicy", "name"): (),
    ("ikepolicy", "description"): (),
    ("ikepolicy", "ike_version"): ("ike.version", "split_selector"),
    ("ikepolicy", "phase1_negotiation_mode"): ("ike.mode",),
    ("ikepolicy", "encryption_algorithm"): ("ike.encryption",),
    ("ikepolicy", "auth_algorithm"): ("ike.integrity",),
    ("ikepolicy", "pfs"): ("ike.dh_group",),
    ("ikepolicy", "lifetime.value"): ("ike.lifetime",),
    ("ikepolicy", "lifetime.units"): (),
    ("ipsecpolicy", "name"): (),
    ("ipsecpolicy", "description"): (),
    ("ipsecpolicy", "transform_protocol"): ("esp.protocol",),
    ("ipsecpolicy", "encapsulation_mode"): ("esp.encapsulation",),
    ("ipsecpolicy", "encryption_algorithm"): ("esp.encryption",),
    ("ipsecpolicy", "auth_algorithm"): ("esp.integrity",),
    ("ipsecpolicy", "pfs"): ("esp.pfs_group",),
    ("ipsecpolicy", "lifetime.value"): ("esp.lifetime",),
    ("ipsecpolicy", "lifetime.units"): (),
    ("endpoint_group", "name"): (),
    ("endpoint_group", "description"): (),
    ("endpoint_group", "endpoints"): ("local_cidrs", "peer_cidrs"),
    ("vpnservice", "name"): (),
    ("vpnservice", "description"): (),
    ("vpnservice", "admin_state_up"): ("admin_state_up",),
}


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
        return self._widens and (not self._one_each or _ikev1(self.after))

    def cost(self, facet: str) -> Disruption:
        part = FACETS[facet].part
        if not self.before.admin_state_up:
            return Disruption.NONE
        if not self.after.admin_state_up:
            return Disruption.INTERRUPT if part is Part.STATE else Disruption.NONE
        if part in (Part.CHILD, Part.SELECTORS) and not self.in_the_way:
            return Disruption.NONE  # what goes has nothing in common with what comes
        cost = COSTS[part].v1 if _ikev1(self.after) else COSTS[part].v2
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
        return courses.TAKE_DOWN if before.admin_state_up else ()
    if not before.admin_state_up:
        return courses.set_up(passive=passive)
    routes = bool({Part.SELECTORS, Part.ROUTES} & parts)
    if _NEW_NAME & parts:
        interrupts = Part.IDENTITIES in parts and _ikev1(after)
        secret = Part.SECRET in parts or "peer_id" in change.felt  # its owner is the peer
        return courses.replace_ike(
            ikev1=_ikev1(after),
            passive=passive,
            interrupts=interrupts,
            secret=secret,
            routes=routes,
        )
    return courses.change_children(
        ikev1=_ikev1(after),
        reselected=Part.SELECTORS in parts,
        replaced=len(change.in_the_way),
        removed=len(change.stale) - len(change.in_the_way),
        added=len(change.missing),
        widened=change.widens,
        passive=passive,
        routes=routes,
    )
