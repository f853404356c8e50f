"""Order by transactions.

Revision 0008: events and changes say which transaction they are of, so that writers need no lock
and no counter to be read in order (`landbridge.store.snapshot_order`).

What is there already keeps its order and its cursors: its stamps are made of its numbers, and all
that are given from now on are larger (`base`). The release before goes on to write beside this one:
the columns' default stamps what it inserts, and a trigger what it updates. Databases with one
writer have the columns and do not use them.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.schema import ExecutableDDLElement

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

PLACES = 20  # bits of an event's cursor below the stamp
SLACK = 1 << 20  # changes that the release before may count meanwhile

STAMP = (
    "greatest(pg_current_xact_id()::text::bigint, "
    "pg_snapshot_xmax(pg_current_snapshot())::text::bigint - 1)"
)


class ManyWriters(ExecutableDDLElement):
    """A statement for databases that have many writers at a time; elsewhere none."""

    inherit_cache = False

    def __init__(self, text: str) -> None:
        self.text = text


@compiles(ManyWriters)
def _said(element: Any, compiler: Any, **options: Any) -> str:
    return str(element.text)


@compiles(ManyWriters, "sqlite")
def _nothing(element: Any, compiler: Any, **options: Any) -> str:
    return "SELECT 0"


def upgrade() -> None:
    op.add_column("changes", _stamp())
    op.add_column("events", _stamp())
    op.create_table(
        "ordering",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("base", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("floor", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("numbered", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("kept_from", sa.BigInteger(), server_default="0", nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ordering")),
    )
    tx = op.get_bind()
    newest = max(
        tx.execute(sa.text(f"SELECT max({name}) FROM {table}")).scalar() or 0
        for table, name in (("events", "id"), ("gateways", "cursor"))
    )
    base = newest + SLACK if newest else 0
    oldest = tx.execute(sa.text("SELECT min(id) FROM events")).scalar() or 1
    first = {"base": base, "kept_from": oldest - 1}
    tx.execute(sa.text("INSERT INTO ordering VALUES (1, :base, 0, :base, :kept_from)"), first)
    tx.execute(sa.text("UPDATE changes SET stamp = cursor"))
    tx.execute(sa.text(f"UPDATE events SET stamp = id >> {PLACES} WHERE id >> {PLACES} > 0"))
    for table in ("changes", "events"):
        default = f"ALTER TABLE {table} ALTER COLUMN stamp SET DEFAULT ({STAMP} + {base})"
        tx.execute(ManyWriters(default))
    tx.execute(
        ManyWriters(
            "CREATE FUNCTION landbridge_stamp() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
            f"NEW.stamp := {STAMP} + (SELECT base FROM ordering); RETURN NEW; END $$"
        )
    )
    tx.execute(
        ManyWriters(
            "CREATE TRIGGER changes_stamp BEFORE UPDATE ON changes FOR EACH ROW "
            "WHEN (NEW.cursor <> OLD.cursor AND NEW.stamp = OLD.stamp) "
            "EXECUTE FUNCTION landbridge_stamp()"
        )
    )
    op.create_index(op.f("ix_changes_gateway_id_stamp"), "changes", ["gateway_id", "stamp"])
    op.create_index(op.f("ix_events_stamp_id"), "events", ["stamp", "id"])


def _stamp() -> sa.Column[int]:
    return sa.Column("stamp", sa.BigInteger(), server_default="0", nullable=False)
