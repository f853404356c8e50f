"""Gateway credentials.

Revision 0003: whose gateway's credential a token is, and which agent has a gateway's lease.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("tokens", sa.Column("gateway_id", sa.String(length=255), nullable=True))
    op.create_index("ix_tokens_gateway_id", "tokens", ["gateway_id"])
    op.add_column(
        "gateways", sa.Column("holder", sa.String(length=64), server_default="", nullable=False)
    )
