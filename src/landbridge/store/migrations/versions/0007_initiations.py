"""Initiations.

Revision 0007: what a gateway is asked may be to initiate a tunnel. What was asked before is not.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "diagnoses", sa.Column("initiates", sa.Boolean(), server_default=sa.false(), nullable=False)
    )
