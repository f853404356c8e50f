"""Types of columns, the same on SQLite and PostgreSQL.

Rules this module keeps:
- A type means the same in both databases; nothing above `store` asks which one it is.
- JSON is stored as text: rows are read whole; only tags are searched for (`api.requests.select`).
- Times of the API are text (``2025-01-31T12:00:00Z``): they sort as they read.
"""

from __future__ import annotations

from typing import Any

import msgspec
from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Dialect,
    Integer,
    String,
    Text,
    false,
    literal_column,
    true,
)
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.types import Double, TypeDecorator

#: Values by the name of their column, on their way into a statement or out of one.
Columns = dict[str, Any]

ID_LENGTH = 36
NAME_LENGTH = 255

_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder()


class Json(TypeDecorator[Any]):
    """A JSON value as text."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> str | None:
        return None if value is None else _encoder.encode(value).decode()

    def process_result_value(self, value: str | None, dialect: Dialect) -> Any:
        return None if value is None else _decoder.decode(value)


class database_clock(FunctionElement[float]):  # noqa: N801 - reads as the SQL function it is
    """Seconds since the epoch by the database's clock: leases are measured by it alone."""

    type = Double()
    inherit_cache = True


@compiles(database_clock, "sqlite")
def _sqlite_clock(element: Any, compiler: SQLCompiler, **options: Any) -> str:
    return "((julianday('now') - 2440587.5) * 86400.0)"


@compiles(database_clock, "postgresql")
def _postgresql_clock(element: Any, compiler: SQLCompiler, **options: Any) -> str:
    return "extract(epoch from clock_timestamp())::double precision"


class transaction_stamp(FunctionElement[int]):  # noqa: N801 - the same
    """The number of a row in the order of transactions, where a database has many writers
    (`landbridge.store.snapshot_order`); 0 where one writes at a time.

    Not less than the number of the row's own transaction, and of any that had ended before the row
    was written. `base` is added.
    """

    type = BigInteger()
    inherit_cache = True

    def __init__(self, base: int = 0) -> None:
        super().__init__(literal_column(str(int(base))))


@compiles(transaction_stamp, "sqlite")
def _no_stamp(element: Any, compiler: SQLCompiler, **options: Any) -> str:
    return "0"


@compiles(transaction_stamp, "postgresql")
def _stamp(element: Any, compiler: SQLCompiler, **options: Any) -> str:
    base = compiler.process(element.clauses, **options)
    return (
        "(greatest(pg_current_xact_id()::text::bigint, "
        f"pg_snapshot_xmax(pg_current_snapshot())::text::bigint - 1) + {base})"
    )


def stamp() -> Column[Any]:
    return Column("stamp", BigInteger, nullable=False, server_default=transaction_stamp())


def text(name: str, *, default: str | None = "", length: int = NAME_LENGTH) -> Column[Any]:
    """A short text that is never NULL; `default` None: it must be given."""
    return Column(name, String(length), nullable=False, server_default=default)


def flag(name: str, *, default: bool) -> Column[Any]:
    return Column(name, Boolean, nullable=False, server_default=true() if default else false())


def number(name: str, *, default: int | None = 0) -> Column[Any]:
    server_default = None if default is None else str(default)
    return Column(name, Integer, nullable=False, server_default=server_default)


def counter(name: str) -> Column[Any]:
    return Column(name, BigInteger, nullable=False, server_default="0")


def json(name: str, *, default: str | None = "[]") -> Column[Any]:
    return Column(name, Json, nullable=default is None, server_default=default)
