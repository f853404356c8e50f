"""Which kinds of objects the console shows, under which names, and with which columns.

Rules this module keeps:
- One row per resource of the attribute table; columns and links name attributes of it.
- `uses` says which attributes of others hold this one's id: what stands under "Used by".
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

import msgspec

from landbridge.api.schema.network import NETWORK, PORT, ROUTER, SUBNET
from landbridge.api.schema.resource import Resource
from landbridge.api.schema.vpn import (
    ENDPOINT_GROUP,
    IKEPOLICY,
    IPSEC_SITE_CONNECTION,
    IPSECPOLICY,
    VPNSERVICE,
)

ROOT: Final = "/console"


class Section(msgspec.Struct, frozen=True, kw_only=True):
    """`slug`: in paths. `one`, `many`: in sentences. `columns`: attributes in a list, after the
    name. `known_by`: attributes that say what an object without a name is. `empty`: what to do
    where there is none."""

    resource: Resource
    slug: str
    one: str
    many: str
    group: str
    about: str
    empty: str
    columns: tuple[str, ...]
    known_by: tuple[str, ...] = ()
    uses: tuple[tuple[str, str], ...] = ()  # (slug, attribute)

    @property
    def path(self) -> str:
        return f"{ROOT}/{self.slug}"

    def of(self, id: str) -> str:
        return f"{self.path}/{id}"


VPN: Final = "VPN"
NETWORKS: Final = "Networks"

SECTIONS: Final = (
    Section(
        resource=IPSEC_SITE_CONNECTION,
        slug="connections",
        one="connection",
        many="connections",
        group="",
        about="Tunnels to other sites.",
        empty="A connection joins networks behind a router here with those of another site. It "
        "needs a router with an uplink, and from the other side an address, networks and a key.",
        columns=("status", "peer_address", "vpnservice_id", "status_changed_at"),
        known_by=("peer_address",),
    ),
    Section(
        resource=VPNSERVICE,
        slug="services",
        one="VPN service",
        many="VPN services",
        group=VPN,
        about="Routers that end VPN connections.",
        empty="A VPN service lets a router end tunnels. It needs a router with an uplink.",
        columns=("status", "router_id", "external_v4_ip", "external_v6_ip", "subnet_id"),
        known_by=("external_v4_ip",),
        uses=(("connections", "vpnservice_id"),),
    ),
    Section(
        resource=ENDPOINT_GROUP,
        slug="groups",
        one="endpoint group",
        many="endpoint groups",
        group=VPN,
        about="The networks at one end of connections: our subnets, or the peer's CIDRs.",
        empty="Connections say by endpoint groups which networks they join: one group of our "
        "subnets, one of the peer's networks.",
        columns=("type", "endpoints", "description"),
        known_by=("endpoints",),
        uses=(("connections", "local_ep_group_id"), ("connections", "peer_ep_group_id")),
    ),
    Section(
        resource=IKEPOLICY,
        slug="ike-policies",
        one="IKE policy",
        many="IKE policies",
        group=VPN,
        about="How two gateways agree on keys (phase 1).",
        empty="An IKE policy says how two gateways agree on keys. Both sides need the same one.",
        columns=("ike_version", "encryption_algorithm", "auth_algorithm", "pfs", "lifetime"),
        known_by=("ike_version", "encryption_algorithm"),
        uses=(("connections", "ikepolicy_id"),),
    ),
    Section(
        resource=IPSECPOLICY,
        slug="ipsec-policies",
        one="IPsec policy",
        many="IPsec policies",
        group=VPN,
        about="How packets are protected (phase 2).",
        empty="An IPsec policy says how packets are protected. Both sides need the same one.",
        columns=("transform_protocol", "encryption_algorithm", "auth_algorithm", "pfs", "lifetime"),
        known_by=("transform_protocol", "encryption_algorithm"),
        uses=(("connections", "ipsecpolicy_id"),),
    ),
    Section(
        resource=ROUTER,
        slug="routers",
        one="router",
        many="routers",
        group=NETWORKS,
        about="A namespace on a gateway, with an uplink and inside legs.",
        empty="A router joins networks here, and has an uplink that tunnels run over.",
        columns=("status", "external_gateway_info", "description"),
        uses=(("services", "router_id"), ("ports", "device_id")),
    ),
    Section(
        resource=NETWORK,
        slug="networks",
        one="network",
        many="networks",
        group=NETWORKS,
        about="On a gateway each is one bridge.",
        empty="A network holds subnets, and with them the hosts that tunnels serve.",
        columns=("status", "subnets", "router:external", "shared", "mtu"),
        uses=(("ports", "network_id"),),
    ),
    Section(
        resource=SUBNET,
        slug="subnets",
        one="subnet",
        many="subnets",
        group=NETWORKS,
        about="Ranges of addresses on networks.",
        empty="A subnet is a range of addresses on a network. Make a network first.",
        columns=("cidr", "network_id", "gateway_ip"),
        known_by=("cidr",),
        uses=(("services", "subnet_id"),),
    ),
    Section(
        resource=PORT,
        slug="ports",
        one="port",
        many="ports",
        group=NETWORKS,
        about="Places on networks, with addresses; routers have one per leg.",
        empty="A port is a place on a network. Routers make theirs by themselves.",
        columns=("status", "fixed_ips", "network_id", "mac_address", "device_owner", "device_id"),
        known_by=("fixed_ips", "mac_address"),
    ),
)
BY_SLUG: Final[Mapping[str, Section]] = MappingProxyType({each.slug: each for each in SECTIONS})
BY_COLLECTION: Final[Mapping[str, Section]] = MappingProxyType(
    {each.resource.collection: each for each in SECTIONS}
)
BY_NAME: Final[Mapping[str, Section]] = MappingProxyType(
    {each.resource.name: each for each in SECTIONS}
)
CONNECTIONS: Final = BY_SLUG["connections"]
