"""The tables of events, histories and diagnoses.

Rules this module keeps:
- All of them are bounded: events by number, history per connection, diagnoses by age.
- The ids of a history grow in the order in which its events happened: its connection's row is
  locked. In which order all events are read: `landbridge.store.order`.
- Content is JSON as it is shown, without secrets.
"""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import BigInteger, Column, ForeignKey, Index, Integer, String, Table
from sqlalchemy.types import Double

from landbridge.store.columns import ID_LENGTH, Json, flag, json, stamp, text
from landbridge.store.tables import metadata


def _number() -> Column[Any]:
    """SQLite numbers rows by itself only where the key is an INTEGER."""
    kind = BigInteger().with_variant(Integer, "sqlite")
    return Column("id", kind, primary_key=True, autoincrement=True)


def _connection() -> Column[Any]:
    key = ForeignKey("ipsec_site_connections.id", ondelete="CASCADE")
    return Column("connection_id", String(ID_LENGTH), key, nullable=False)


events = Table(
    "events",
    metadata,
    _number(),
    text("at", default=None, length=32),
    text("kind", default=None, length=32),
    text("resource", default=None, length=32),
    text("resource_id", default=None, length=ID_LENGTH),
    text("project_id", default=None),
    json("content", default="{}"),
    stamp(),
    Index(None, "stamp", "id"),
    sqlite_autoincrement=True,  # the number of a deleted row is never given again
)

#: Those of an event, with its row's number in place of a cursor.
EVENT_COLUMNS: Final = tuple(column for column in events.c if column.name != "stamp")

history = Table(
    "history",
    metadata,
    _number(),
    _connection(),
    text("at", default=None, length=32),
    text("kind", default=None, length=32),
    flag("routine", default=False),  # bounded by itself, so that it crowds out nothing
    json("content", default="{}"),
    Index(None, "connection_id", "routine", "id"),
    sqlite_autoincrement=True,
)

diagnoses = Table(
    "diagnoses",
    metadata,
    Column("id", String(ID_LENGTH), primary_key=True),
    Column("gateway_id", String(255), ForeignKey("gateways.id", ondelete="CASCADE"),
           nullable=False, index=True),
    _connection(),
    Column("asked_at", Double, nullable=False),  # by the database's clock
    text("request_id", length=64),
    flag("initiates", default=False),  # the gateway is to initiate what is missing
    Column("answer", Json),
)  # fmt: skip
