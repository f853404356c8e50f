"""All tables, for both databases.

Rules this module keeps:
- A column is named as the API's attribute, except ``router:external`` (`router_external`),
  ``provider:*`` (`provider_*`), the flattened `dpd_*` and `lifetime_*`, `external_gateway_info`
  (from `external_network_id`, `enable_snat` and the gateway port) and `psk`, which exists only
  sealed (`psk_sealed`).
- Every resource has id, project_id, name, description, tags, revision_number and its times.
- What must not be deleted while it is used is protected by a restricting foreign key: the rules
  refuse first, with a message; the database refuses always.
- Only operations on routers write `router_ports`, no attribute of a port does.
- `revision` is what a gateway must follow, `revision_number` what clients see (If-Match).
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    UniqueConstraint,
)
from sqlalchemy.types import Double

from landbridge.store.columns import ID_LENGTH, Json, counter, flag, json, number, stamp, text

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)


def _id(name: str = "id") -> Column[Any]:
    return Column(name, String(ID_LENGTH), primary_key=True)


def _ref(
    name: str, target: str, *, null: bool = False, ondelete: str = "RESTRICT", index: bool = True
) -> Column[Any]:
    key = ForeignKey(f"{target}.id", ondelete=ondelete)
    return Column(name, String(ID_LENGTH), key, nullable=null, index=index)


def _resource(name: str, *columns: Any) -> Table:
    """A table of an API resource: what all of them have, and its own columns."""
    return Table(
        name,
        metadata,
        _id(),
        Column("project_id", String(255), nullable=False),
        text("name"),
        text("description"),
        json("tags"),
        *columns,
        number("revision_number"),
        text("created_at", default=None, length=32),
        text("updated_at", default=None, length=32),
        Index(None, "project_id", "id"),  # a project's pages, by id or by name
        Index(None, "project_id", "name", "id"),
    )


gateways = Table(
    "gateways",
    metadata,
    Column("id", String(255), primary_key=True),
    text("hostname"),
    text("holder", length=64),  # the agent that has the lease; empty: one that does not say
    text("version"),
    json("capabilities", default="{}"),
    counter("epoch"),
    Column("lease_expires", Double, nullable=False, server_default="0"),
    counter("report_sequence"),
    counter("cursor"),  # of the newest change
    counter("kept_from"),  # a stream that goes on from an older cursor has missed deletions
    flag("silent", default=False),  # its lease ran out, and its connections say so
    text("holds"),  # why it does not follow this database; empty: it does
)

changes = Table(
    "changes",
    metadata,
    Column(
        "gateway_id",
        String(255),
        ForeignKey("gateways.id", ondelete="CASCADE"),
        primary_key=True,
    ),
    Column("kind", String(16), primary_key=True),
    Column("object_id", String(ID_LENGTH), primary_key=True),
    Column("router_id", String(ID_LENGTH), nullable=False),
    counter("revision"),
    flag("deleted", default=False),
    counter("cursor"),
    text("request_id", length=64),
    stamp(),
    Index("ix_changes_gateway_id_cursor", "gateway_id", "cursor"),
    Index(None, "gateway_id", "stamp"),
)

ordering = Table(  # one row; see `landbridge.store.snapshot_order`
    "ordering",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    counter("base"),  # what stamps are greater by than the numbers of transactions
    counter("floor"),  # readers may go so far, whatever transactions still run
    counter("numbered"),  # stamps up to here were given by a release that numbered events
    counter("kept_from"),  # a listener that goes on from an older cursor has missed events
)

networks = _resource(
    "networks",
    flag("admin_state_up", default=True),
    flag("shared", default=False),
    flag("router_external", default=False),
    number("mtu", default=1500),
    text("status", default="ACTIVE", length=16),
    text("provider_network_type", default="local", length=32),
    Column("provider_physical_network", String(255), index=True),
)

subnets = _resource(
    "subnets",
    _ref("network_id", "networks"),
    number("ip_version", default=None),
    text("cidr", default=None, length=64),
    Column("gateway_ip", String(64)),
    json("allocation_pools"),
    json("dns_nameservers"),
    json("host_routes"),
    flag("enable_dhcp", default=True),
    Column("ipv6_address_mode", String(16)),
    Column("ipv6_ra_mode", String(16)),
)

routers = _resource(
    "routers",
    flag("admin_state_up", default=True),
    text("status", default="ACTIVE", length=16),
    _ref("external_network_id", "networks", null=True),
    flag("enable_snat", default=True),
    Column("gateway_id", String(255), ForeignKey("gateways.id", ondelete="SET NULL"), index=True),
    counter("revision"),
    counter("applied_revision"),
    Column("ready", Boolean),  # NULL: no gateway has reported it yet
    Column("status_reason", String(64)),
    Column("status_message", String(1024)),
    json("routes"),
)

ports = _resource(
    "ports",
    _ref("network_id", "networks"),
    flag("admin_state_up", default=True),
    text("status", default="ACTIVE", length=16),
    text("mac_address", default=None, length=32),
    Column("device_id", String(255), nullable=False, server_default="", index=True),
    text("device_owner"),
)

port_addresses = Table(
    "port_addresses",
    metadata,
    Column(
        "port_id", String(ID_LENGTH), ForeignKey("ports.id", ondelete="CASCADE"), primary_key=True
    ),
    Column(
        "subnet_id",
        String(ID_LENGTH),
        ForeignKey("subnets.id", ondelete="RESTRICT"),
        primary_key=True,
    ),
    Column("ip_address", String(64), primary_key=True),
    UniqueConstraint("subnet_id", "ip_address"),
)

router_ports = Table(  # which ports are legs of routers; `device_id` and `device_owner` only say so
    "router_ports",
    metadata,
    Column(
        "port_id", String(ID_LENGTH), ForeignKey("ports.id", ondelete="CASCADE"), primary_key=True
    ),
    _ref("router_id", "routers"),
    flag("uplink", default=False),
)

vpnservices = _resource(
    "vpnservices",
    _ref("router_id", "routers"),
    _ref("subnet_id", "subnets", null=True),
    flag("admin_state_up", default=True),
    Column("external_v4_ip", String(64)),
    Column("external_v6_ip", String(64)),
    text("status", default="PENDING_CREATE", length=16),
)

ikepolicies = _resource(
    "ikepolicies",
    text("auth_algorithm", default=None, length=32),
    text("encryption_algorithm", default=None, length=32),
    text("phase1_negotiation_mode", default=None, length=32),
    text("ike_version", default=None, length=8),
    text("pfs", default=None, length=32),
    text("lifetime_units", default="seconds", length=16),
    number("lifetime_value", default=None),
)

ipsecpolicies = _resource(
    "ipsecpolicies",
    text("transform_protocol", default=None, length=32),
    text("auth_algorithm", default=None, length=32),
    text("encryption_algorithm", default=None, length=32),
    text("encapsulation_mode", default=None, length=32),
    text("pfs", default=None, length=32),
    text("lifetime_units", default="seconds", length=16),
    number("lifetime_value", default=None),
)

endpoint_groups = _resource(
    "endpoint_groups",
    text("type", default=None, length=16),
    json("endpoints"),
)

endpoint_group_subnets = Table(
    "endpoint_group_subnets",
    metadata,
    Column(
        "endpoint_group_id",
        String(ID_LENGTH),
        ForeignKey("endpoint_groups.id", ondelete="CASCADE"),
        primary_key=True,
    ),
    Column(
        "subnet_id",
        String(ID_LENGTH),
        ForeignKey("subnets.id", ondelete="RESTRICT"),
        primary_key=True,
        index=True,
    ),
)

ipsec_site_connections = _resource(
    "ipsec_site_connections",
    _ref("vpnservice_id", "vpnservices"),
    _ref("ikepolicy_id", "ikepolicies"),
    _ref("ipsecpolicy_id", "ipsecpolicies"),
    _ref("local_ep_group_id", "endpoint_groups", null=True),
    _ref("peer_ep_group_id", "endpoint_groups", null=True),
    text("peer_address", default=None),
    text("peer_id", default=None),
    text("local_id"),
    json("peer_cidrs"),
    flag("split_selector", default=False),
    number("mtu", default=1500),
    text("initiator", default="bi-directional", length=32),
    text("auth_mode", default="psk", length=16),
    text("route_mode", default="static", length=16),
    text("dpd_action", default="hold", length=32),
    number("dpd_interval", default=30),
    number("dpd_timeout", default=120),
    Column("psk_sealed", LargeBinary, nullable=False),
    number("psk_generation", default=1),
    flag("admin_state_up", default=True),
    text("status", default="PENDING_CREATE", length=16),
    Column("status_reason", String(64)),
    Column("status_message", String(1024)),
    Column("status_changed_at", String(32)),
    counter("revision"),
    counter("applied_revision"),
    Column("observed_state", String(16)),  # model.TunnelState; NULL: never reported
    flag("established", default=False),  # it has been up at least once
    Column("told_until", Double, nullable=False, server_default="0"),  # of the gateway's events
    Column("selector_mode", String(16)),  # model.SelectorMode, as observed; NULL: nothing is up
    json("child_sas"),
)

quotas = Table(
    "quotas",
    metadata,
    Column("project_id", String(255), primary_key=True),
    Column("resource", String(64), primary_key=True),
    Column("limit", Integer, nullable=False),
)

tokens = Table(
    "tokens",
    metadata,
    _id(),
    Column("digest", String(64), nullable=False, unique=True),  # hex SHA-256 of the token
    text("name"),
    text("user_id"),
    text("project_id"),
    Column("roles", Json, nullable=False),
    Column("gateway_id", String(255), index=True),  # of the gateway that it is; NULL: a user's
    text("created_at", default=None, length=32),
    Column("expires_at", BigInteger),  # seconds since the epoch; NULL: never
)
