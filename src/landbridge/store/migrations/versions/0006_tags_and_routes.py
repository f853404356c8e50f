"""Tags and routes.

Revision 0006: every resource has tags, a router has routes to networks behind inside routers.
What is there already has none.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

RESOURCES = (
    "networks",
    "subnets",
    "routers",
    "ports",
    "vpnservices",
    "ikepolicies",
    "ipsecpolicies",
    "endpoint_groups",
    "ipsec_site_connections",
)


def upgrade() -> None:
    for table in RESOURCES:
        op.add_column(table, _list("tags"))
    op.add_column("routers", _list("routes"))


def _list(name: str) -> sa.Column[str]:
    return sa.Column(name, sa.Text(), server_default="[]", nullable=False)
