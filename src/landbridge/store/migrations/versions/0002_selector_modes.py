"""Selector modes.

Revision 0002: how a connection's networks are divided over CHILD_SAs, as its gateway observes.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "ipsec_site_connections", sa.Column("selector_mode", sa.String(length=16), nullable=True)
    )
    op.add_column(
        "ipsec_site_connections",
        sa.Column("child_sas", sa.Text(), server_default="[]", nullable=False),
    )
