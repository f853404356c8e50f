"""The tables of the database's identity, its openings, and the keys that it was sealed with.

Rules this module keeps:
- There is one row in `installation`, made with the tables.
- Everything here is small, and read at starts and by agents that (re)connect.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Integer, LargeBinary, String, Table

from landbridge.store.columns import ID_LENGTH, json, text
from landbridge.store.tables import metadata

KEY_ID_LENGTH = 8  # hex digits
OPENING_LENGTH = 16

installation = Table(
    "installation",
    metadata,
    Column("id", String(ID_LENGTH), primary_key=True),
    json("replaces", default="[]"),  # the ids that it had before, newest first
    text("created_at", default=None, length=32),
)

openings = Table(
    "openings",
    metadata,
    Column(
        "number",
        BigInteger().with_variant(Integer, "sqlite"),
        primary_key=True,
        autoincrement=True,
    ),
    Column("opening", String(OPENING_LENGTH), nullable=False, unique=True),
    json("cursors", default="{}"),  # gateway id -> its newest change by then
    text("at", default=None, length=32),
    sqlite_autoincrement=True,
)

sealing_keys = Table(
    "sealing_keys",
    metadata,
    Column("id", String(KEY_ID_LENGTH), primary_key=True),
    Column("proof", LargeBinary, nullable=False),
    text("created_at", default=None, length=32),
)
