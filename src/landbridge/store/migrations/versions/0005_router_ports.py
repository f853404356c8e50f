"""Router ports and physical networks.

Revision 0005: which ports are legs of routers is kept where no client writes, and what a network
lies on is an administrator's word, not the network's name.

What is there already says neither. So:

- A port that claims to be a router's is taken for its leg where a router operation can have made
  it: the gateway port of no project on the router's external network; an interface of the router's
  own project, unless it is on somebody else's external network. All others become plain ports,
  and agents take such legs down when they read what is desired, at the latest at their next start.
- The name of a network that an administrator has made is taken for its physical network, so that
  ``[agent] bridges`` finds it: an external or a shared network, or one of a project of which there
  are administrators' tokens only. All others have none.
"""

from __future__ import annotations

import json
from typing import Any

import sqlalchemy as sa
import structlog
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

LOCAL, FLAT = "local", "flat"
INTERFACE, UPLINK = "network:router_interface", "network:router_gateway"

log = structlog.get_logger("landbridge.store")

_networks = sa.table(
    "networks",
    *(
        sa.column(name)
        for name in (
            "id", "name", "project_id", "provider_network_type", "provider_physical_network",
        )
    ),
    sa.column("shared", sa.Boolean),
    sa.column("router_external", sa.Boolean),
)  # fmt: skip
_ports = sa.table(
    "ports", *(sa.column(name) for name in ("id", "project_id", "network_id", "device_id",
                                            "device_owner"))
)  # fmt: skip
_routers = sa.table(
    "routers", *(sa.column(name) for name in ("id", "project_id", "external_network_id"))
)
_legs = sa.table(
    "router_ports", sa.column("port_id"), sa.column("router_id"), sa.column("uplink", sa.Boolean)
)
_tokens = sa.table("tokens", sa.column("project_id"), sa.column("roles"))


def upgrade() -> None:
    op.create_table(
        "router_ports",
        sa.Column("port_id", sa.String(length=36), nullable=False),
        sa.Column("router_id", sa.String(length=36), nullable=False),
        sa.Column("uplink", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.ForeignKeyConstraint(
            ["port_id"], ["ports.id"], name=op.f("fk_router_ports_port_id_ports"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["router_id"], ["routers.id"], name=op.f("fk_router_ports_router_id_routers"),
            ondelete="RESTRICT",
        ),
        sa.PrimaryKeyConstraint("port_id", name=op.f("pk_router_ports")),
    )  # fmt: skip
    op.create_index(op.f("ix_router_ports_router_id"), "router_ports", ["router_id"])
    op.add_column(
        "networks",
        sa.Column(
            "provider_network_type", sa.String(length=32), server_default=LOCAL, nullable=False
        ),
    )
    op.add_column(
        "networks", sa.Column("provider_physical_network", sa.String(length=255), nullable=True)
    )
    op.create_index(
        op.f("ix_networks_provider_physical_network"), "networks", ["provider_physical_network"]
    )
    tx = op.get_bind()
    _record_legs(tx)
    _record_physical_networks(tx)


def _record_legs(tx: sa.Connection) -> None:
    claims = (
        sa.select(
            _ports.c.id.label("port_id"),
            _ports.c.project_id,
            _ports.c.network_id,
            _ports.c.device_owner,
            _routers.c.id.label("router_id"),
            _routers.c.project_id.label("router_project_id"),
            _routers.c.external_network_id,
            _networks.c.project_id.label("network_project_id"),
            _networks.c.router_external,
        )
        .join(_routers, _routers.c.id == _ports.c.device_id)
        .join(_networks, _networks.c.id == _ports.c.network_id)
        .order_by(_ports.c.id)
    )
    for claim in tx.execute(claims).all():
        if _is_leg(claim):
            leg = {"port_id": claim.port_id, "router_id": claim.router_id}
            tx.execute(sa.insert(_legs).values(uplink=claim.device_owner == UPLINK, **leg))
            continue
        log.warning(
            "a port was a router's leg that no router operation can have made; it is a plain "
            "port now (if it was right: delete it, and use add_router_interface)",
            port=claim.port_id,
            project=claim.project_id,
            router=claim.router_id,
        )


def _is_leg(claim: Any) -> bool:
    if claim.device_owner == UPLINK:
        return not claim.project_id and claim.network_id == claim.external_network_id
    if claim.device_owner != INTERFACE or claim.project_id != claim.router_project_id:
        return False
    return claim.network_project_id == claim.router_project_id or not claim.router_external


def _record_physical_networks(tx: sa.Connection) -> None:
    made_by_admins = sa.or_(
        _networks.c.shared,
        _networks.c.router_external,
        _networks.c.project_id.in_(_projects_of_admins(tx)),
    )
    tx.execute(
        sa.update(_networks)
        .where(_networks.c.name != "", made_by_admins)
        .values(provider_network_type=FLAT, provider_physical_network=_networks.c.name)
    )


def _projects_of_admins(tx: sa.Connection) -> list[str]:
    """Projects of which every token is an administrator's."""
    found: dict[str, bool] = {}
    for project_id, roles in tx.execute(sa.select(_tokens)):
        found[project_id] = found.get(project_id, True) and "admin" in json.loads(roles)
    return sorted(project_id for project_id, all_admins in found.items() if all_admins)
