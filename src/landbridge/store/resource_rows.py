"""The rows of the API's resources: one frozen struct per table.

Rules this module keeps:
- A struct has the fields of its table's columns and no others, under their names
  (`landbridge.store.tables`), and a field may be None exactly where its column may be NULL.
- A row is made here, from what the database gives, and nowhere else. It is never changed: an
  update returns another one. What is derived or joined is an argument or a struct of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Generic, TypedDict, TypeVar

import msgspec
from sqlalchemy import Result, Table

from landbridge.model.tunnel import (
    DpdAction,
    EncapsulationMode,
    IkeVersion,
    Initiator,
    Phase1Mode,
    TransformProtocol,
)
from landbridge.store import tables as t


class ResourceRow(msgspec.Struct, frozen=True):
    """What all resources have. `revision_number`: what clients see (If-Match)."""

    id: str
    project_id: str
    name: str
    description: str
    tags: list[str]
    revision_number: int
    created_at: str
    updated_at: str


R = TypeVar("R", bound=ResourceRow)


class Pool(TypedDict):
    """A range of addresses, both ends included."""

    start: str
    end: str


class HostRoute(TypedDict):
    """A route that hosts on a subnet should have, or a router has."""

    destination: str
    nexthop: str


class ChildSaView(TypedDict):
    """A CHILD_SA as the API shows it. `status`: ACTIVE or DOWN."""

    local_cidrs: list[str]
    peer_cidrs: list[str]
    status: str


class NetworkRow(ResourceRow, frozen=True):
    admin_state_up: bool
    shared: bool
    router_external: bool
    mtu: int
    status: str
    provider_network_type: str
    provider_physical_network: str | None


class SubnetRow(ResourceRow, frozen=True):
    network_id: str
    ip_version: int
    cidr: str
    gateway_ip: str | None
    allocation_pools: list[Pool]
    dns_nameservers: list[str]
    host_routes: list[HostRoute]
    enable_dhcp: bool
    ipv6_address_mode: str | None
    ipv6_ra_mode: str | None


class RouterRow(ResourceRow, frozen=True):
    """`gateway_id` None: no gateway runs it. `ready` None: no gateway has reported it yet."""

    admin_state_up: bool
    status: str
    external_network_id: str | None
    enable_snat: bool
    gateway_id: str | None
    revision: int
    applied_revision: int
    ready: bool | None
    status_reason: str | None
    status_message: str | None
    routes: list[HostRoute]


class PortRow(ResourceRow, frozen=True):
    network_id: str
    admin_state_up: bool
    status: str
    mac_address: str
    device_id: str
    device_owner: str


class ServiceRow(ResourceRow, frozen=True):
    """A VPN service."""

    router_id: str
    subnet_id: str | None
    admin_state_up: bool
    external_v4_ip: str | None
    external_v6_ip: str | None
    status: str


class PolicyRow(ResourceRow, frozen=True):
    """What IKE and IPsec policies have in common. `lifetime_value`: seconds."""

    auth_algorithm: str
    encryption_algorithm: str
    pfs: str
    lifetime_units: str
    lifetime_value: int


class IkePolicyRow(PolicyRow, frozen=True):
    phase1_negotiation_mode: Phase1Mode
    ike_version: IkeVersion


class IpsecPolicyRow(PolicyRow, frozen=True):
    transform_protocol: TransformProtocol
    encapsulation_mode: EncapsulationMode


class EndpointGroupRow(ResourceRow, frozen=True):
    type: str
    endpoints: list[str]


class ConnectionRow(ResourceRow, frozen=True):
    """An IPsec site connection. `revision`: what its gateway must follow; `established`: it has
    been up at least once; `told_until`: seconds since the epoch, of the newest event that its
    gateway has told."""

    vpnservice_id: str
    ikepolicy_id: str
    ipsecpolicy_id: str
    local_ep_group_id: str | None
    peer_ep_group_id: str | None
    peer_address: str
    peer_id: str
    local_id: str
    peer_cidrs: list[str]
    split_selector: bool
    mtu: int
    initiator: Initiator
    auth_mode: str
    route_mode: str
    dpd_action: DpdAction
    dpd_interval: int
    dpd_timeout: int
    psk_sealed: bytes
    psk_generation: int
    admin_state_up: bool
    status: str
    status_reason: str | None
    status_message: str | None
    status_changed_at: str | None
    revision: int
    applied_revision: int
    observed_state: str | None
    established: bool
    told_until: float
    selector_mode: str | None
    child_sas: list[ChildSaView]


class TokenRow(msgspec.Struct, frozen=True):
    """A token of landbridge's own. `expires_at`: seconds since the epoch."""

    id: str
    digest: str
    name: str
    user_id: str
    project_id: str
    roles: list[str]
    gateway_id: str | None
    created_at: str
    expires_at: int | None


class ResourceTable(Generic[R]):
    """A table with the struct of its rows.

    `columns` are in the order of the struct's fields: a statement that selects them, with or
    without others behind, is read with `read_all` or `split`.
    """

    def __init__(self, table: Table, row_type: type[R]) -> None:
        self.table = table
        self.fields = frozenset(row_type.__struct_fields__)
        self.columns = tuple(table.c[name] for name in row_type.__struct_fields__)
        self.row_type = row_type
        self._made_of: Callable[..., R] = row_type

    @property
    def name(self) -> str:
        return self.table.name

    def row(self, columns: Mapping[str, Any]) -> R:
        """The row of these values, one for each column."""
        return self._made_of(**columns)

    def split(self, found: Sequence[Any]) -> tuple[R, Sequence[Any]]:
        """The row of a statement that selects `columns` first, and what follows them."""
        size = len(self.columns)
        return self._made_of(*found[:size]), found[size:]

    def read_all(self, result: Result[Any]) -> list[R]:
        """The rows of a statement that selects `columns`."""
        return [self._made_of(*found) for found in result]


NETWORKS = ResourceTable(t.networks, NetworkRow)
SUBNETS = ResourceTable(t.subnets, SubnetRow)
ROUTERS = ResourceTable(t.routers, RouterRow)
PORTS = ResourceTable(t.ports, PortRow)
SERVICES = ResourceTable(t.vpnservices, ServiceRow)
IKE_POLICIES = ResourceTable(t.ikepolicies, IkePolicyRow)
IPSEC_POLICIES = ResourceTable(t.ipsecpolicies, IpsecPolicyRow)
ENDPOINT_GROUPS = ResourceTable(t.endpoint_groups, EndpointGroupRow)
CONNECTIONS = ResourceTable(t.ipsec_site_connections, ConnectionRow)
#: `Any`: tokens have a part of what the others have.
TOKENS: ResourceTable[Any] = ResourceTable(t.tokens, TokenRow)
