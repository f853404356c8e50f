"""The attribute table of the five VPN resources.

Rules this module keeps:
- Those of `resource`. Names, order, defaults and flags are the reference's (neutron-lib
  ``api/definitions/vpn*.py``); attributes of our own are marked (`OWN`).
"""

from __future__ import annotations

from typing import Final

from landbridge.api.schema.address_types import Cidrs, Endpoints
from landbridge.api.schema.field_types import (
    Boolean,
    Choice,
    Dictionary,
    Flavor,
    MemberNumber,
    Mtu,
    PeerIdentity,
    ReadOnly,
    Record,
    Text,
    Uuid,
)
from landbridge.api.schema.resource import (
    OWN,
    Attribute,
    Resource,
    description,
    identifier,
    moment,
    name,
    project,
    project_id,
    shown,
    standard,
)
from landbridge.model.status import ReasonCode, SelectorMode
from landbridge.vpn.resources.selectors import MINIMUM_MTU

AUTH_ALGORITHMS: Final = ("sha1", "sha256", "sha384", "sha512", "aes-xcbc", "aes-cmac")
ENCRYPTION_ALGORITHMS: Final = (
    "3des",
    "aes-128",
    "aes-192",
    "aes-256",
    *(f"aes-{bits}-{mode}-{icv}" for mode in ("ccm", "gcm") for icv in (8, 12, 16)
      for bits in (128, 192, 256)),
    *(f"aes-{bits}-ctr" for bits in (128, 192, 256)),
)  # fmt: skip
PFS_GROUPS: Final = tuple(f"group{number}" for number in (2, 5, *range(14, 32)))
STATUSES: Final = ("ACTIVE", "BUILD", "DOWN", "ERROR", "PENDING_CREATE", "PENDING_UPDATE")
_STATUS: Final = ReadOnly(values=STATUSES)
_ADDRESS: Final = ReadOnly(format="ip-address")
_REASON: Final = ReadOnly(values=tuple(each.value for each in ReasonCode))
_NETWORKS: Final = ReadOnly(type="array", item=ReadOnly(format="cidr"))
_CHILD_SA: Final = Record(
    members=(
        ("local_cidrs", _NETWORKS),
        ("peer_cidrs", _NETWORKS),
        ("status", ReadOnly(values=("ACTIVE", "DOWN"))),
    ),
    needed=("local_cidrs", "peer_cidrs", "status"),
)
DPD_ACTIONS: Final = ("clear", "disabled", "hold", "restart", "restart-by-peer")


def _choice(name: str, about: str, *values: str, weak: tuple[str, ...] = ()) -> Attribute:
    """An attribute with a value list, whose first value is the default."""
    return Attribute(
        name=name, type=Choice(values=values, weak=weak), about=about, default=values[0]
    )


def _pick(name: str, about: str, default: str, values: tuple[str, ...], *weak: str) -> Attribute:
    return Attribute(name=name, type=Choice(values=values, weak=weak), about=about, default=default)


def _up() -> Attribute:
    return Attribute(
        name="admin_state_up", type=Boolean(), about="Whether it shall run.", default=True
    )


def _lifetime() -> Attribute:
    members = (
        ("units", Choice(values=("seconds",)), "seconds"),
        ("value", MemberNumber(least=60), 3600),
    )
    return Attribute(
        name="lifetime",
        type=Dictionary(members=members),
        about="How long keys live. An answer shows members as they were sent.",
        default={},
        filter=False,
    )


def _auth() -> Attribute:
    about = "Integrity algorithm. sha1 only with [vpn] weak_algorithms."
    return _pick("auth_algorithm", about, "sha256", AUTH_ALGORITHMS, "sha1")


def _encryption() -> Attribute:
    about = "Encryption algorithm. 3des only with [vpn] weak_algorithms."
    return _pick("encryption_algorithm", about, "aes-128", ENCRYPTION_ALGORITHMS, "3des")


def _pfs() -> Attribute:
    return _pick("pfs", "Diffie-Hellman group.", "group5", PFS_GROUPS)


def _reference(name: str, collection: str, about: str, *, put: bool = True) -> Attribute:
    return Attribute(name=name, type=Uuid(), about=about, put=put, refers=collection)


def _group_reference(name: str, about: str) -> Attribute:
    return Attribute(
        name=name, type=Uuid(nullable=True), about=about, default=None, refers="endpoint_groups"
    )


VPNSERVICE: Final = Resource(
    name="vpnservice",
    collection="vpnservices",
    prefix="/vpn",
    title="VPN service",
    about="A router that ends VPN connections.",
    attributes=(
        identifier(),
        project(),
        name(),
        description(),
        Attribute(
            name="subnet_id",
            type=Uuid(nullable=True),
            about="The local subnet, for connections with peer_cidrs.",
            default=None,
            put=False,
            refers="subnets",
        ),
        Attribute(
            name="router_id",
            type=Uuid(),
            about="The router; it must have a gateway.",
            put=False,
            sort=True,
            refers="routers",
        ),
        _up(),
        shown("external_v4_ip", "The gateway's IPv4 address.", _ADDRESS, null=True),
        shown("external_v6_ip", "The gateway's IPv6 address.", _ADDRESS, null=True),
        shown("status", "ACTIVE, DOWN, BUILD, ERROR or PENDING_*.", _STATUS),
        Attribute(
            name="flavor_id",
            type=Flavor(nullable=True),
            about="Always null: there are no flavors.",
            default=None,
            put=False,
            column="",
        ),
        project_id(),
        *standard(),
    ),
)

IPSEC_SITE_CONNECTION: Final = Resource(
    name="ipsec_site_connection",
    collection="ipsec_site_connections",
    path_name="ipsec-site-connections",
    prefix="/vpn",
    title="IPsec site connection",
    about="A connection to a peer.",
    attributes=(
        identifier(),
        project(),
        name(),
        description(),
        Attribute(
            name="local_id", type=PeerIdentity(),
            about="Our identity, as peer_id; empty: the gateway's address.", default="",
        ),
        Attribute(
            name="peer_address", type=Text(),
            about="The peer's address or name; a name is kept and resolved by the gateway. Not one "
            "where no peer can be: the router's own, loopback, multicast, broadcast.",
        ),
        Attribute(
            name="peer_id", type=PeerIdentity(),
            about="The peer's identity: address, name, e-mail, key ID or distinguished name; "
            "with its type where that is in doubt (keyid:site-b). See identities.md.",
        ),
        Attribute(
            name="peer_cidrs", type=Cidrs(), default=[], filter=False,
            about="The peer's networks, where the service has a subnet. Kept as typed: of "
            "10.1.0.5/24 it is 10.1.0.0/24.",
        ),
        _group_reference("local_ep_group_id", "Our subnets; with peer_ep_group_id."),
        _group_reference("peer_ep_group_id", "The peer's networks; with local_ep_group_id."),
        shown("route_mode", "Always static.", ReadOnly(values=("static",))),
        Attribute(
            name="mtu", type=Mtu(smallest=min(MINIMUM_MTU.values())), default=1500,
            about="Largest packet: 0 (unset), or at least 68 (IPv4) or 1280 (IPv6).",
        ),
        _choice("initiator", "Who may begin.", "bi-directional", "response-only"),
        shown("auth_mode", "Always psk.", ReadOnly(values=("psk",))),
        Attribute(
            name="psk", type=Text(secret=True, shortest=1), column="", filter=False, secret=True,
            null=True,
            about="The pre-shared key. Sealed at rest; shown to whom the policy lets see it. Null: "
            "what is kept of it cannot be read (`psk-unreadable`).",
        ),
        Attribute(
            name="dpd",
            type=Dictionary(members=(
                ("action", Choice(values=DPD_ACTIONS), "hold"),
                ("interval", MemberNumber(), 30),
                ("timeout", MemberNumber(), 120),
            )),
            about="Dead peer detection: timeout must be greater than interval (seconds).",
            default={},
            filter=False,
        ),
        _up(),
        shown("status", "ACTIVE, DOWN, BUILD, ERROR or PENDING_*.", _STATUS),
        _reference("vpnservice_id", "vpnservices", "The service that it runs on.", put=False),
        _reference("ikepolicy_id", "ikepolicies", "The IKE policy."),
        _reference("ipsecpolicy_id", "ipsecpolicies", "The IPsec policy."),
        Attribute(
            name="split_selector", type=Boolean(), default=False, source=OWN,
            about="One CHILD_SA per pair of networks instead of one for all (IKEv2).",
        ),
        project_id(),
        *standard(),
        shown("status_reason", "Why it is not ACTIVE, one word for programs.", _REASON, null=True,
              source=OWN),
        shown("status_message", "Why it is not ACTIVE, for people.", null=True, filter=False,
              source=OWN),
        moment("status_changed_at", "Since when (UTC).", null=True, source=OWN),
        shown(
            "selector_mode",
            "As observed: `single` (one CHILD_SA for all pairs of networks) or `split` (one for "
            "each; always with IKEv1); null while nothing is up.",
            ReadOnly(values=tuple(each.value for each in SelectorMode)), null=True, source=OWN,
        ),
        shown(
            "child_sas",
            "The CHILD_SAs, each with its local_cidrs, peer_cidrs and status: ACTIVE, with what "
            "was negotiated, or DOWN, with what is wanted.",
            ReadOnly(type="array", item=_CHILD_SA), filter=False, source=OWN,
        ),
    ),
)  # fmt: skip

IPSECPOLICY: Final = Resource(
    name="ipsecpolicy",
    collection="ipsecpolicies",
    prefix="/vpn",
    title="IPsec policy",
    about="How packets are protected.",
    attributes=(
        _encryption(),  # an extension of the reference checks it first
        identifier(),
        project(),
        name(),
        description(),
        _choice("transform_protocol", "Protocol. ah needs a gateway whose kernel has it. ah-esp is "
                "kept, but no connection can use it: strongSwan has no bundles of AH and ESP; esp "
                "protects integrity as well.",
                "esp", "ah", "ah-esp"),
        _auth(),
        _choice("encapsulation_mode", "Mode. transport is kept, but no connection can use it: it "
                "carries only packets between the two gateways' own addresses.",
                "tunnel", "transport"),
        _lifetime(),
        _pfs(),
        project_id(),
        *standard(),
    ),
)  # fmt: skip

IKEPOLICY: Final = Resource(
    name="ikepolicy",
    collection="ikepolicies",
    prefix="/vpn",
    title="IKE policy",
    about="How the keys are exchanged.",
    attributes=(
        _encryption(),  # an extension of the reference checks it first
        identifier(),
        project(),
        name(),
        description(),
        _auth(),
        _choice("phase1_negotiation_mode", "IKEv1's first phase.", "main", "aggressive"),
        _lifetime(),
        _choice("ike_version", "IKE version.", "v1", "v2"),
        _pfs(),
        project_id(),
        *standard(),
    ),
)

ENDPOINT_GROUP: Final = Resource(
    name="endpoint_group",
    collection="endpoint_groups",
    path_name="endpoint-groups",
    prefix="/vpn",
    title="endpoint group",
    about="The ends of connections on one side: our subnets or the peer's networks.",
    attributes=(
        identifier(sort=False),
        project(sort=False),
        name(sort=False),
        description(),
        Attribute(
            name="type",
            type=Choice(values=("cidr", "network", "router", "subnet", "vlan")),
            about="What the endpoints are; connections take subnet and cidr.",
            put=False,
        ),
        Attribute(
            name="endpoints", type=Endpoints(), default=[], filter=False, demanded=True,
            about="Ids or CIDRs, all of the group's type. May be changed while in use.",
        ),
        project_id(sort=False),
        *standard(),
    ),
)  # fmt: skip

VPN: Final = (VPNSERVICE, IPSEC_SITE_CONNECTION, IPSECPOLICY, IKEPOLICY, ENDPOINT_GROUP)
