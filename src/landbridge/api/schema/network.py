"""The attribute table of the inventory: networks, subnets, routers, ports.

Rules this module keeps:
- Those of `resource`.
- It holds the attributes of Networking that VPN services need, and those that clients send with
  them. Nothing else is implemented.
"""

from __future__ import annotations

from typing import Final

from landbridge.api.schema.address_types import (
    Address,
    FixedIps,
    Gateway,
    HostRoutes,
    Mac,
    Nameservers,
    Pools,
    Routes,
    Subnet,
)
from landbridge.api.schema.field_types import (
    Boolean,
    Choice,
    Mtu,
    Number,
    ReadOnly,
    Text,
    Uuid,
)
from landbridge.api.schema.resource import (
    OWN,
    UNSET,
    Attribute,
    Resource,
    constant,
    description,
    identifier,
    name,
    project,
    project_id,
    shown,
    standard,
)
from landbridge.vpn.inventory.subnets import LEAST_MTU

_NOT_BUILT: Final = "Not built: has this value only."
_UP_OR_DOWN: Final = ReadOnly(values=("ACTIVE", "DOWN"))

IPV6_MODES: Final = ("dhcpv6-stateful", "dhcpv6-stateless", "slaac")


def _up() -> Attribute:
    return Attribute(
        name="admin_state_up",
        type=Boolean(),
        about="Whether it shall run.",
        default=True,
        sort=True,
    )


def _network_id() -> Attribute:
    return Attribute(
        name="network_id", type=Uuid(), about="Its network.", put=False, sort=True,
        refers="networks",
    )  # fmt: skip


def _ipv6_mode(name: str) -> Attribute:
    return Attribute(
        name=name, type=Choice(values=IPV6_MODES, nullable=True), about="For IPv6 subnets.",
        default=None, put=False, sort=True,
    )  # fmt: skip


NETWORK: Final = Resource(
    name="network",
    collection="networks",
    prefix="",
    about="A network; on a gateway it is one bridge.",
    attributes=(
        identifier(),
        name(),
        shown("subnets", "The ids of its subnets.", ReadOnly(type="array", item=Uuid()), column="",
              filter=False),
        _up(),
        shown("status", "Always ACTIVE.", ReadOnly(values=("ACTIVE",)), sort=True),
        project(),
        Attribute(
            name="shared", type=Boolean(), default=False,
            about="Every project may see and use it.",
        ),
        Attribute(
            name="router:external", type=Boolean(), default=False, column="router_external",
            about="Routers may have their gateway on it; every project may see it.",
        ),
        Attribute(
            name="mtu", type=Mtu(smallest=min(LEAST_MTU.values())), default=0, sort=True,
            about="Largest packet on it; 0: 1500. At least 68 with an IPv4 subnet, 1280 with IPv6.",
        ),
        Attribute(
            name="provider:network_type", type=Text(longest=32), default=UNSET, secret=True,
            column="provider_network_type",
            about="`flat`: it lies on `provider:physical_network`; `local`: on a bridge of its "
            "own. Only administrators send and see it, and the next two.",
        ),
        Attribute(
            name="provider:physical_network", type=Text(longest=64, nullable=True), default=UNSET,
            secret=True, column="provider_physical_network",
            about="What `[agent] bridges` of a gateway maps to a bridge of its host.",
        ),
        Attribute(
            name="provider:segmentation_id", type=Number(least=0, nullable=True), default=UNSET,
            secret=True, column="", filter=False, about="Always null: there are no segments.",
        ),
        constant("availability_zone_hints", _NOT_BUILT, [], put=False, filter=False),
        constant("vlan_transparent", _NOT_BUILT, False, None, put=False, filter=False),
        constant("qinq", _NOT_BUILT, False, None, put=False, filter=False),
        constant("is_default", _NOT_BUILT, False, visible=False, filter=False),
        description(),
        project_id(),
        *standard(),
    ),
)  # fmt: skip

SUBNET: Final = Resource(
    name="subnet",
    collection="subnets",
    prefix="",
    about="A range of addresses on a network.",
    attributes=(
        identifier(),
        name(),
        Attribute(
            name="ip_version", type=Choice(values=(4, 6), number=True), default=UNSET,
            about="4 or 6; that of the cidr where it is not given.", put=False, sort=True,
        ),
        _network_id(),
        Attribute(
            name="cidr", type=Subnet(), default=UNSET, about="The range; must be given.",
            put=False, sort=True, demanded=True,
        ),
        Attribute(
            name="gateway_ip", type=Address(nullable=True), default=UNSET, sort=True,
            about="The router's address; the first of the range by default; null: none.",
        ),
        Attribute(
            name="allocation_pools", type=Pools(), default=UNSET, filter=False,
            about="Where addresses are taken from; all but the gateway's by default.",
        ),
        Attribute(
            name="dns_nameservers", type=Nameservers(), default=[], filter=False,
            about="Kept and shown.",
        ),
        Attribute(
            name="host_routes", type=HostRoutes(), default=[], filter=False,
            about="Kept and shown.",
        ),
        project(),
        Attribute(name="enable_dhcp", type=Boolean(), default=True, about="Kept and shown.",
                  sort=True),
        _ipv6_mode("ipv6_ra_mode"),
        _ipv6_mode("ipv6_address_mode"),
        constant("subnetpool_id", _NOT_BUILT, None, put=False),
        constant("service_types", _NOT_BUILT, [], filter=False),
        constant(
            "use_default_subnetpool", _NOT_BUILT, False, put=False, visible=False, filter=False
        ),
        Attribute(
            name="shared", type=Boolean(), default=UNSET, post=False, put=False, visible=False,
            column="", about="A filter only: whether its network is.",
        ),
        Attribute(
            name="router:external", type=Boolean(), default=UNSET, post=False, put=False,
            column="", about="Whether its network is.",
        ),
        description(),
        project_id(),
        *standard(),
    ),
)  # fmt: skip

PORT: Final = Resource(
    name="port",
    collection="ports",
    prefix="",
    about="A place on a network, with addresses; routers have one per leg.",
    attributes=(
        identifier(),
        name(),
        _network_id(),
        _up(),
        Attribute(
            name="mac_address", type=Mac(nullable=True), default=UNSET, sort=True, null=False,
            about="Made up where not given.",
        ),
        Attribute(
            name="fixed_ips", type=FixedIps(), default=UNSET, column="",
            about="Its addresses. As a filter: ip_address=... or subnet_id=...",
        ),
        Attribute(name="device_id", type=Text(), default="", about="What uses it.", sort=True),
        Attribute(
            name="device_owner", type=Text(), default="", about="What kind of thing uses it.",
            sort=True,
        ),
        project(),
        shown("status", "ACTIVE or DOWN.", _UP_OR_DOWN, sort=True),
        constant("security_groups", _NOT_BUILT, [], None),
        constant("allowed_address_pairs", _NOT_BUILT, [], None),
        constant("extra_dhcp_opts", _NOT_BUILT, [], None, filter=False),
        constant("binding:vnic_type", _NOT_BUILT, "normal", filter=False),
        description(),
        project_id(),
        *standard(post_tags=True),
    ),
)  # fmt: skip

ROUTER: Final = Resource(
    name="router",
    collection="routers",
    prefix="",
    about="A namespace on a gateway, with an uplink and inside legs.",
    attributes=(
        identifier(),
        name(),
        _up(),
        shown("status", "ACTIVE or DOWN (switched off).", _UP_OR_DOWN, sort=True, filter=False),
        project(),
        Attribute(
            name="external_gateway_info", type=Gateway(), default=None, column="", filter=False,
            null=True,
            about="The uplink; null or {} takes it away.",
        ),
        Attribute(
            name="routes", type=Routes(), default=UNSET, post=False, filter=False,
            about="Ways to networks behind inside routers: `destination` (CIDR), `nexthop`.",
        ),
        constant("availability_zone_hints", _NOT_BUILT, [], put=False, filter=False),
        constant("flavor_id", _NOT_BUILT, None, put=False, filter=False),
        shown(
            "gateway_id", "The gateway that runs it, for administrators; null: none yet.",
            null=True, sort=True, secret=True, source=OWN,
        ),
        description(),
        project_id(),
        *standard(),
    ),
)  # fmt: skip

INVENTORY: Final = (NETWORK, SUBNET, PORT, ROUTER)
