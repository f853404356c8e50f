"""Installation.

Revision 0004: which database this is and when it was opened, the keys that it was sealed with, and
why a gateway does not follow it.
"""

from __future__ import annotations

import uuid
from datetime import UTC, datetime

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    installation = op.create_table(
        "installation",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("replaces", sa.Text(), server_default="[]", nullable=False),
        sa.Column("created_at", sa.String(length=32), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_installation")),
    )
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    op.bulk_insert(installation, [{"id": str(uuid.uuid4()), "replaces": "[]", "created_at": now}])
    op.create_table(
        "openings",
        sa.Column(
            "number",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=True,
            nullable=False,
        ),
        sa.Column("opening", sa.String(length=16), nullable=False),
        sa.Column("cursors", sa.Text(), server_default="{}", nullable=False),
        sa.Column("at", sa.String(length=32), nullable=False),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_openings")),
        sa.UniqueConstraint("opening", name=op.f("uq_openings_opening")),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "sealing_keys",
        sa.Column("id", sa.String(length=8), nullable=False),
        sa.Column("proof", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.String(length=32), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sealing_keys")),
    )
    op.add_column(
        "gateways", sa.Column("holds", sa.String(length=255), server_default="", nullable=False)
    )
