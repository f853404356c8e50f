"""Create everything.

Revision 0001: networks, subnets, routers and ports; the five VPN resources; gateways and
their outbox; events, history and diagnoses; quotas and tokens.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "endpoint_groups",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("project_id", sa.String(length=255), nullable=False),
        sa.Column("name", sa.String(length=255), server_default="", nullable=False),
        sa.Column("description", sa.String(length=255), server_default="", nullable=False),
        sa.Column("type", sa.String(length=16), nullable=False),
        sa.Column("endpoints", sa.Text(), server_default="[]", nullable=False),
        sa.Column("revision_number", sa.Integer(), server_default="0", nullable=False),
        sa.Column("created_at", sa.String(length=32), nullable=False),
        sa.Column("updated_at", sa.String(length=32), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_endpoint_groups")),
    )
    op.create_index(
        op.f("ix_endpoint_groups_project_id_id"),
        "endpoint_groups",
        ["project_id", "id"],
        unique=False,
    )
    op.create_index(
        op.f("ix_endpoint_groups_project_id_name_id"),
        "endpoint_groups",
        ["project_id", "name", "id"],
        unique=False,
    )
    op.create_table(
        "gateways",
        sa.Column("id", sa.String(length=255), nullable=False),
        sa.Column("hostname", sa.String(length=255), server_default="", nullable=False),
        sa.Column("version", sa.String(length=255), server_default="", nullable=False),
        sa.Column("capabilities", sa.Text(), server_default="{}", nullable=False),
        sa.Column("epoch", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("lease_expires", sa.Double(), server_default="0", nullable=False),
        sa.Column("report_sequence", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("cursor", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("kept_from", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("silent", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_gateways")),
    )
    op.create_table(
        "ikepolicies",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("project_id", sa.String(length=255), nullable=False),
        sa.Column("name", sa.String(length=255), server_default="", nullable=False),
        sa.Column("description", sa.String(length=255), server_default="", nullable=False),
        sa.Column("auth_algorithm", sa.String(length=32), nullable=False),
        sa.Column("encryption_algorithm", sa.String(length=32), nullable=False),
        sa.Column("phase1_negotiation_mode", sa.String(length=32), nullable=False),
        sa.Column("ike_version", sa.String(length=8), nullable=False),
        sa.Column("pfs", sa.String(length=32), nullable=False),
        sa.Column("lifetime_units", sa.String(length=16), server_default="seconds", nullable=False),
        sa.Column("lifetime_value", sa.Integer(), nullable=False),
        sa.Column("revision_number", sa.Integer(), server_default="0", nullable=False),
        sa.Column("created_at", sa.String(length=32), nullable=False),
        sa.Column("updated_at", sa.String(length=32), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ikepolicies")),
    )
    op.create_index(
        op.f("ix_ikepolicies_project_id_id"), "ikepolicies", ["project_id", "id"], unique=False
    )
    op.create_index(
        op.f("ix_ikepolicies_project_id_name_id"),
        "ikepolicies",
        ["project_id", "name", "id"],
        unique=False,
    )
    op.create_table(
        "ipsecpolicies",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("project_id", sa.String(length=255), nullable=False),
        sa.Column("name", sa.String(length=255), server_default="", nullable=False),
        sa.Column("description", sa.String(length=255), server_default="", nullable=False),
        sa.Column("transform_protocol", sa.String(length=32), nullable=False),
        sa.Column("auth_algorithm", sa.String(length=32), nullable=False),
        sa.Column("encryption_algorithm", sa.String(length=32), nullable=False),
        sa.Column("encapsulation_mode", sa.String(length=32), nullable=False),
        sa.Column("pfs", sa.String(length=32), nullable=False),
        sa.Column("lifetime_units", sa.String(length=16), server_default="seconds", nullable=False),
        sa.Column("lifetime_value", sa.Integer(), nullable=False),
        sa.Column("revision_number", sa.Integer(), server_default="0", nullable=False),
        sa.Column("created_at", sa.String(length=32), nullable=False),
        sa.Column("updated_at", sa.String(length=32), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ipsecpolicies")),
    )
    op.create_index(
        op.f("ix_ipsecpolicies_project_id_id"), "ipsecpolicies", ["project_id", "id"], unique=False
    )
    op.create_index(
        op.f("ix_ipsecpolicies_project_id_name_id"),
        "ipsecpolicies",
        ["project_id", "name", "id"],
        unique=False,
    )
    op.create_table(
        "networks",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("project_id", sa.String(length=255), nullable=False),
        sa.Column("name", sa.String(length=255), server_default="", nullable=False),
        sa.Column("description", sa.String(length=255), server_default="", nullable=False),
        sa.Column("admin_state_up", sa.Boolean(), server_default=sa.true(), nullable=False),
        sa.Column("shared", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("router_external", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("mtu", sa.Integer(), server_default="1500", nullable=False),
        sa.Column("status", sa.String(length=16), server_default="ACTIVE", nullable=False),
        sa.Column("revision_number", sa.Integer(), server_default="0", nullable=False),
        sa.Column("created_at", sa.String(length=32), nullable=False),
        sa.Column("updated_at", sa.String(length=32), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_networks")),
    )
    op.create_index(
        op.f("ix_networks_project_id_id"), "networks", ["project_id", "id"], unique=False
    )
    op.create_index(
        op.f("ix_networks_project_id_name_id"),
        "networks",
        ["project_id", "name", "id"],
        unique=False,
    )
    op.create_table(
        "quotas",
        sa.Column("project_id", sa.String(length=255), nullable=False),
        sa.Column("resource", sa.String(length=64), nullable=False),
        sa.Column("limit", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("project_id", "resource", name=op.f("pk_quotas")),
    )
    op.create_table(
        "tokens",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=255), server_default="", nullable=False),
        sa.Column("user_id", sa.String(length=255), server_default="", nullable=False),
        sa.Column("project_id", sa.String(length=255), server_default="", nullable=False),
        sa.Column("roles", sa.Text(), nullable=False),
        sa.Column("created_at", sa.String(length=32), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tokens")),
        sa.UniqueConstraint("digest", name=op.f("uq_tokens_digest")),
    )
    op.create_table(
        "changes",
        sa.Column("gateway_id", sa.String(length=255), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("object_id", sa.String(length=36), nullable=False),
        sa.Column("router_id", sa.String(length=36), nullable=False),
        sa.Column("revision", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("deleted", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("cursor", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("request_id", sa.String(length=64), server_default="", nullable=False),
        sa.ForeignKeyConstraint(
            ["gateway_id"],
            ["gateways.id"],
            name=op.f("fk_changes_gateway_id_gateways"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("gateway_id", "kind", "object_id", name=op.f("pk_changes")),
    )
    op.create_index(
        "ix_changes_gateway_id_cursor", "changes", ["gateway_id", "cursor"], unique=False
    )
    op.create_table(
        "ports",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("project_id", sa.String(length=255), nullable=False),
        sa.Column("name", sa.String(length=255), server_default="", nullable=False),
        sa.Column("description", sa.String(length=255), server_default="", nullable=False),
        sa.Column("network_id", sa.String(length=36), nullable=False),
        sa.Column("admin_state_up", sa.Boolean(), server_default=sa.true(), nullable=False),
        sa.Column("status", sa.String(length=16), server_default="ACTIVE", nullable=False),
        sa.Column("mac_address", sa.String(length=32), nullable=False),
        sa.Column("device_id", sa.String(length=255), server_default="", nullable=False),
        sa.Column("device_owner", sa.String(length=255), server_default="", nullable=False),
        sa.Column("revision_number", sa.Integer(), server_default="0", nullable=False),
        sa.Column("created_at", sa.String(length=32), nullable=False),
        sa.Column("updated_at", sa.String(length=32), nullable=False),
        sa.ForeignKeyConstraint(
            ["network_id"],
            ["networks.id"],
            name=op.f("fk_ports_network_id_networks"),
            ondelete="RESTRICT",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ports")),
    )
    op.create_index(op.f("ix_ports_device_id"), "ports", ["device_id"], unique=False)
    op.create_index(op.f("ix_ports_network_id"), "ports", ["network_id"], unique=False)
    op.create_index(op.f("ix_ports_project_id_id"), "ports", ["project_id", "id"], unique=False)
    op.create_index(
        op.f("ix_ports_project_id_name_id"), "ports", ["project_id", "name", "id"], unique=False
    )
    op.create_table(
        "routers",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("project_id", sa.String(length=255), nullable=False),
        sa.Column("name", sa.String(length=255), server_default="", nullable=False),
        sa.Column("description", sa.String(length=255), server_default="", nullable=False),
        sa.Column("admin_state_up", sa.Boolean(), server_default=sa.true(), nullable=False),
        sa.Column("status", sa.String(length=16), server_default="ACTIVE", nullable=False),
        sa.Column("external_network_id", sa.String(length=36), nullable=True),
        sa.Column("enable_snat", sa.Boolean(), server_default=sa.true(), nullable=False),
        sa.Column("gateway_id", sa.String(length=255), nullable=True),
        sa.Column("revision", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("applied_revision", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("ready", sa.Boolean(), nullable=True),
        sa.Column("status_reason", sa.String(length=64), nullable=True),
        sa.Column("status_message", sa.String(length=1024), nullable=True),
        sa.Column("revision_number", sa.Integer(), server_default="0", nullable=False),
        sa.Column("created_at", sa.String(length=32), nullable=False),
        sa.Column("updated_at", sa.String(length=32), nullable=False),
        sa.ForeignKeyConstraint(
            ["external_network_id"],
            ["networks.id"],
            name=op.f("fk_routers_external_network_id_networks"),
            ondelete="RESTRICT",
        ),
        sa.ForeignKeyConstraint(
            ["gateway_id"],
            ["gateways.id"],
            name=op.f("fk_routers_gateway_id_gateways"),
            ondelete="SET NULL",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_routers")),
    )
    op.create_index(
        op.f("ix_routers_external_network_id"), "routers", ["external_network_id"], unique=False
    )
    op.create_index(op.f("ix_routers_gateway_id"), "routers", ["gateway_id"], unique=False)
    op.create_index(op.f("ix_routers_project_id_id"), "routers", ["project_id", "id"], unique=False)
    op.create_index(
        op.f("ix_routers_project_id_name_id"), "routers", ["project_id", "name", "id"], unique=False
    )
    op.create_table(
        "subnets",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("project_id", sa.String(length=255), nullable=False),
        sa.Column("name", sa.String(length=255), server_default="", nullable=False),
        sa.Column("description", sa.String(length=255), server_default="", nullable=False),
        sa.Column("network_id", sa.String(length=36), nullable=False),
        sa.Column("ip_version", sa.Integer(), nullable=False),
        sa.Column("cidr", sa.String(length=64), nullable=False),
        sa.Column("gateway_ip", sa.String(length=64), nullable=True),
        sa.Column("allocation_pools", sa.Text(), server_default="[]", nullable=False),
        sa.Column("dns_nameservers", sa.Text(), server_default="[]", nullable=False),
        sa.Column("host_routes", sa.Text(), server_default="[]", nullable=False),
        sa.Column("enable_dhcp", sa.Boolean(), server_default=sa.true(), nullable=False),
        sa.Column("ipv6_address_mode", sa.String(length=16), nullable=True),
        sa.Column("ipv6_ra_mode", sa.String(length=16), nullable=True),
        sa.Column("revision_number", sa.Integer(), server_default="0", nullable=False),
        sa.Column("created_at", sa.String(length=32), nullable=False),
        sa.Column("updated_at", sa.String(length=32), nullable=False),
        sa.ForeignKeyConstraint(
            ["network_id"],
            ["networks.id"],
            name=op.f("fk_subnets_network_id_networks"),
            ondelete="RESTRICT",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_subnets")),
    )
    op.create_index(op.f("ix_subnets_network_id"), "subnets", ["network_id"], unique=False)
    op.create_index(op.f("ix_subnets_project_id_id"), "subnets", ["project_id", "id"], unique=False)
    op.create_index(
        op.f("ix_subnets_project_id_name_id"), "subnets", ["project_id", "name", "id"], unique=False
    )
    op.create_table(
        "endpoint_group_subnets",
        sa.Column("endpoint_group_id", sa.String(length=36), nullable=False),
        sa.Column("subnet_id", sa.String(length=36), nullable=False),
        sa.ForeignKeyConstraint(
            ["endpoint_group_id"],
            ["endpoint_groups.id"],
            name=op.f("fk_endpoint_group_subnets_endpoint_group_id_endpoint_groups"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["subnet_id"],
            ["subnets.id"],
            name=op.f("fk_endpoint_group_subnets_subnet_id_subnets"),
            ondelete="RESTRICT",
        ),
        sa.PrimaryKeyConstraint(
            "endpoint_group_id", "subnet_id", name=op.f("pk_endpoint_group_subnets")
        ),
    )
    op.create_index(
        op.f("ix_endpoint_group_subnets_subnet_id"),
        "endpoint_group_subnets",
        ["subnet_id"],
        unique=False,
    )
    op.create_table(
        "port_addresses",
        sa.Column("port_id", sa.String(length=36), nullable=False),
        sa.Column("subnet_id", sa.String(length=36), nullable=False),
        sa.Column("ip_address", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(
            ["port_id"],
            ["ports.id"],
            name=op.f("fk_port_addresses_port_id_ports"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["subnet_id"],
            ["subnets.id"],
            name=op.f("fk_port_addresses_subnet_id_subnets"),
            ondelete="RESTRICT",
        ),
        sa.PrimaryKeyConstraint(
            "port_id", "subnet_id", "ip_address", name=op.f("pk_port_addresses")
        ),
        sa.UniqueConstraint(
            "subnet_id", "ip_address", name=op.f("uq_port_addresses_subnet_id_ip_address")
        ),
    )
    op.create_table(
        "vpnservices",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("project_id", sa.String(length=255), nullable=False),
        sa.Column("name", sa.String(length=255), server_default="", nullable=False),
        sa.Column("description", sa.String(length=255), server_default="", nullable=False),
        sa.Column("router_id", sa.String(length=36), nullable=False),
        sa.Column("subnet_id", sa.String(length=36), nullable=True),
        sa.Column("admin_state_up", sa.Boolean(), server_default=sa.true(), nullable=False),
        sa.Column("external_v4_ip", sa.String(length=64), nullable=True),
        sa.Column("external_v6_ip", sa.String(length=64), nullable=True),
        sa.Column("status", sa.String(length=16), server_default="PENDING_CREATE", nullable=False),
        sa.Column("revision_number", sa.Integer(), server_default="0", nullable=False),
        sa.Column("created_at", sa.String(length=32), nullable=False),
        sa.Column("updated_at", sa.String(length=32), nullable=False),
        sa.ForeignKeyConstraint(
            ["router_id"],
            ["routers.id"],
            name=op.f("fk_vpnservices_router_id_routers"),
            ondelete="RESTRICT",
        ),
        sa.ForeignKeyConstraint(
            ["subnet_id"],
            ["subnets.id"],
            name=op.f("fk_vpnservices_subnet_id_subnets"),
            ondelete="RESTRICT",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_vpnservices")),
    )
    op.create_index(
        op.f("ix_vpnservices_project_id_id"), "vpnservices", ["project_id", "id"], unique=False
    )
    op.create_index(
        op.f("ix_vpnservices_project_id_name_id"),
        "vpnservices",
        ["project_id", "name", "id"],
        unique=False,
    )
    op.create_index(op.f("ix_vpnservices_router_id"), "vpnservices", ["router_id"], unique=False)
    op.create_index(op.f("ix_vpnservices_subnet_id"), "vpnservices", ["subnet_id"], unique=False)
    op.create_table(
        "ipsec_site_connections",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("project_id", sa.String(length=255), nullable=False),
        sa.Column("name", sa.String(length=255), server_default="", nullable=False),
        sa.Column("description", sa.String(length=255), server_default="", nullable=False),
        sa.Column("vpnservice_id", sa.String(length=36), nullable=False),
        sa.Column("ikepolicy_id", sa.String(length=36), nullable=False),
        sa.Column("ipsecpolicy_id", sa.String(length=36), nullable=False),
        sa.Column("local_ep_group_id", sa.String(length=36), nullable=True),
        sa.Column("peer_ep_group_id", sa.String(length=36), nullable=True),
        sa.Column("peer_address", sa.String(length=255), nullable=False),
        sa.Column("peer_id", sa.String(length=255), nullable=False),
        sa.Column("local_id", sa.String(length=255), server_default="", nullable=False),
        sa.Column("peer_cidrs", sa.Text(), server_default="[]", nullable=False),
        sa.Column("split_selector", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("mtu", sa.Integer(), server_default="1500", nullable=False),
        sa.Column(
            "initiator", sa.String(length=32), server_default="bi-directional", nullable=False
        ),
        sa.Column("auth_mode", sa.String(length=16), server_default="psk", nullable=False),
        sa.Column("route_mode", sa.String(length=16), server_default="static", nullable=False),
        sa.Column("dpd_action", sa.String(length=32), server_default="hold", nullable=False),
        sa.Column("dpd_interval", sa.Integer(), server_default="30", nullable=False),
        sa.Column("dpd_timeout", sa.Integer(), server_default="120", nullable=False),
        sa.Column("psk_sealed", sa.LargeBinary(), nullable=False),
        sa.Column("psk_generation", sa.Integer(), server_default="1", nullable=False),
        sa.Column("admin_state_up", sa.Boolean(), server_default=sa.true(), nullable=False),
        sa.Column("status", sa.String(length=16), server_default="PENDING_CREATE", nullable=False),
        sa.Column("status_reason", sa.String(length=64), nullable=True),
        sa.Column("status_message", sa.String(length=1024), nullable=True),
        sa.Column("status_changed_at", sa.String(length=32), nullable=True),
        sa.Column("revision", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("applied_revision", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("observed_state", sa.String(length=16), nullable=True),
        sa.Column("established", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("told_until", sa.Double(), server_default="0", nullable=False),
        sa.Column("revision_number", sa.Integer(), server_default="0", nullable=False),
        sa.Column("created_at", sa.String(length=32), nullable=False),
        sa.Column("updated_at", sa.String(length=32), nullable=False),
        sa.ForeignKeyConstraint(
            ["ikepolicy_id"],
            ["ikepolicies.id"],
            name=op.f("fk_ipsec_site_connections_ikepolicy_id_ikepolicies"),
            ondelete="RESTRICT",
        ),
        sa.ForeignKeyConstraint(
            ["ipsecpolicy_id"],
            ["ipsecpolicies.id"],
            name=op.f("fk_ipsec_site_connections_ipsecpolicy_id_ipsecpolicies"),
            ondelete="RESTRICT",
        ),
        sa.ForeignKeyConstraint(
            ["local_ep_group_id"],
            ["endpoint_groups.id"],
            name=op.f("fk_ipsec_site_connections_local_ep_group_id_endpoint_groups"),
            ondelete="RESTRICT",
        ),
        sa.ForeignKeyConstraint(
            ["peer_ep_group_id"],
            ["endpoint_groups.id"],
            name=op.f("fk_ipsec_site_connections_peer_ep_group_id_endpoint_groups"),
            ondelete="RESTRICT",
        ),
        sa.ForeignKeyConstraint(
            ["vpnservice_id"],
            ["vpnservices.id"],
            name=op.f("fk_ipsec_site_connections_vpnservice_id_vpnservices"),
            ondelete="RESTRICT",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ipsec_site_connections")),
    )
    op.create_index(
        op.f("ix_ipsec_site_connections_ikepolicy_id"),
        "ipsec_site_connections",
        ["ikepolicy_id"],
        unique=False,
    )
    op.create_index(
        op.f("ix_ipsec_site_connections_ipsecpolicy_id"),
        "ipsec_site_connections",
        ["ipsecpolicy_id"],
        unique=False,
    )
    op.create_index(
        op.f("ix_ipsec_site_connections_local_ep_group_id"),
        "ipsec_site_connections",
        ["local_ep_group_id"],
        unique=False,
    )
    op.create_index(
        op.f("ix_ipsec_site_connections_peer_ep_group_id"),
        "ipsec_site_connections",
        ["peer_ep_group_id"],
        unique=False,
    )
    op.create_index(
        op.f("ix_ipsec_site_connections_project_id_id"),
        "ipsec_site_connections",
        ["project_id", "id"],
        unique=False,
    )
    op.create_index(
        op.f("ix_ipsec_site_connections_project_id_name_id"),
        "ipsec_site_connections",
        ["project_id", "name", "id"],
        unique=False,
    )
    op.create_index(
        op.f("ix_ipsec_site_connections_vpnservice_id"),
        "ipsec_site_connections",
        ["vpnservice_id"],
        unique=False,
    )
    _create_records()


def _create_records() -> None:
    op.create_table(
        "events",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True),
        sa.Column("at", sa.String(length=32), nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("resource", sa.String(length=32), nullable=False),
        sa.Column("resource_id", sa.String(length=36), nullable=False),
        sa.Column("project_id", sa.String(length=255), nullable=False),
        sa.Column("content", sa.Text(), server_default="{}", nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_events")),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "history",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True),
        sa.Column("connection_id", sa.String(length=36), nullable=False),
        sa.Column("at", sa.String(length=32), nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("routine", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("content", sa.Text(), server_default="{}", nullable=False),
        sa.ForeignKeyConstraint(
            ["connection_id"],
            ["ipsec_site_connections.id"],
            name=op.f("fk_history_connection_id_ipsec_site_connections"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_history")),
        sqlite_autoincrement=True,
    )
    op.create_index(
        op.f("ix_history_connection_id_routine_id"),
        "history",
        ["connection_id", "routine", "id"],
        unique=False,
    )
    op.create_table(
        "diagnoses",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("gateway_id", sa.String(length=255), nullable=False),
        sa.Column("connection_id", sa.String(length=36), nullable=False),
        sa.Column("asked_at", sa.Double(), nullable=False),
        sa.Column("request_id", sa.String(length=64), server_default="", nullable=False),
        sa.Column("answer", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["gateway_id"],
            ["gateways.id"],
            name=op.f("fk_diagnoses_gateway_id_gateways"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["connection_id"],
            ["ipsec_site_connections.id"],
            name=op.f("fk_diagnoses_connection_id_ipsec_site_connections"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_diagnoses")),
    )
    op.create_index(op.f("ix_diagnoses_gateway_id"), "diagnoses", ["gateway_id"], unique=False)
