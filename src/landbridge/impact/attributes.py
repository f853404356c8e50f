"""Which attributes decide which parts of a gateway's configuration, and what a change costs; pure.

Rules this module keeps:
- `ROWS` has a row for every attribute that can be updated, with the facets of a tunnel that it
  decides. `FACETS` says which part of the configuration a facet belongs to, and what of it reaches
  charon; `COSTS` says what a change of a part costs.
- A change that means nothing to charon (the timeout of a disabled dead peer detection, the first
  phase's mode with IKEv2) costs nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from operator import attrgetter
from typing import Final, NamedTuple

from landbridge.impact.selectors import is_single
from landbridge.impact.steps import Disruption
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
NEW_IKE_CONFIG: Final = frozenset({Part.IKE, Part.SECRET, Part.IDENTITIES})


class Facet(NamedTuple):
    """One field of a tunnel. `felt`: what of it is in effect on the gateway."""

    part: Part
    felt: Read


def _probing(tunnel: Tunnel) -> bool:
    return tunnel.dpd.action != "disabled"


def is_ikev1(tunnel: Tunnel) -> bool:
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
        Part.IKE, _only(lambda t: _probing(t) and is_ikev1(t), attrgetter("dpd.timeout"))
    ),
    "dpd.patience": Facet(Part.AGENT, attrgetter("dpd.timeout")),
    "ike.version": Facet(Part.IKE, attrgetter("ike.version")),
    "ike.mode": Facet(Part.IKE, _only(is_ikev1, attrgetter("ike.mode"))),
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
    ("router", "admin_state_up"): ("admin_state_up",),
    ("router", "external_gateway_info"): ("local_address", "local_id"),
}
