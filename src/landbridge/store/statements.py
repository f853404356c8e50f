"""Prepared statements: written as SQLAlchemy expressions, executed by the driver directly.

Rules this module keeps:
- A statement is an expression, as everywhere. Its text for the database is made once: executing
  through SQLAlchemy costs a multiple of the statement itself, and a PUT has ten of them.
- Only for statements that are made once (constants, cached functions). All others, and those with
  lists (``IN``), go through `Connection.execute`.
- The caches are bounded, whatever callers choose: the attributes that an update names make one
  shape in any order, and statements of lists have a cache of their own (`shaped`).
- What needs no answer may be executed later, at the latest before the next statement or the commit
  (`later`): where a database is a round trip away, several go together.
- Values are converted by the types of their columns in both directions; errors are SQLAlchemy's,
  without the statement and its parameters, which may contain a secret.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final, Protocol

from sqlalchemy import Connection, Delete, Dialect, Insert, Result, Select, Update, exc
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.types import TypeEngine
from sqlalchemy.util import LRUCache

from landbridge.store.columns import Columns

STATEMENTS: Final = "landbridge_statements"
BATCH: Final = "landbridge_batch"
MAX_PREPARED: Final = 512
MAX_SHAPED: Final = 64

Statement = Select[Any] | Insert | Update | Delete
Convert = Callable[[Any], Any]


class Batch(Protocol):
    """The statements of one transaction, where they go to the database together."""

    def later(self, text: str, values: Any = None) -> None: ...
    def execute(self, text: str, values: Any = None) -> Any: ...
    def flush(self) -> None: ...


class PreparedStatement:
    """One statement as text for one database. `names`: the parameters of a call."""

    def __init__(self, statement: Statement, names: Iterable[str], dialect: Dialect) -> None:
        compiled = statement.compile(dialect=dialect, column_keys=sorted(names))
        if not isinstance(compiled, SQLCompiler) or compiled.post_compile_params:
            raise TypeError("a statement with a list in it has no text of its own")
        self.text = compiled.string
        self._positional = compiled.positional
        order: Iterable[str] = (compiled.positional and compiled.positiontup) or compiled.binds
        self._binds = tuple((n, _into(compiled.binds[n].type, dialect)) for n in order)
        given = frozenset(names)
        self._constants = {n: compiled.binds[n].value for n, _ in self._binds if n not in given}
        self._types = {str(column.key): column.type for column in statement.exported_columns}
        self._converters: tuple[tuple[str, Convert], ...] | None = None
        self._dialect = dialect

    def parameters(self, given: Mapping[str, Any]) -> Any:
        """The parameters in the driver's form: by position or by name."""
        values = {**self._constants, **given} if self._constants else given
        bound = [convert(values[n]) if convert else values[n] for n, convert in self._binds]
        return bound if self._positional else dict(zip(dict(self._binds), bound, strict=True))

    def row(self, found: Sequence[Any], description: Sequence[Sequence[Any]]) -> Columns:
        """The converted row. `description`: the driver's description of the columns."""
        made = dict(zip(self._types, found, strict=True))
        if self._converters is None:
            self._converters = tuple(self._converting(description))
        for name, convert in self._converters:
            made[name] = convert(made[name])
        return made

    def _converting(self, description: Sequence[Sequence[Any]]) -> Iterable[tuple[str, Convert]]:
        for (name, kind), column in zip(self._types.items(), description, strict=True):
            if convert := kind.dialect_impl(self._dialect).result_processor(
                self._dialect, column[1]
            ):
                yield name, convert


class Statements:
    """The prepared statements of one database, and the cache of compiled list statements."""

    def __init__(self, dialect: Dialect) -> None:
        self.dialect = dialect
        self.shaped: LRUCache[Any, Any] = LRUCache(MAX_SHAPED)
        self._ready: dict[tuple[Statement, frozenset[str]], PreparedStatement] = {}
        self._changing = threading.Lock()

    def __len__(self) -> int:
        return len(self._ready)

    def ready(self, statement: Statement, names: frozenset[str]) -> PreparedStatement:
        key = (statement, names)
        found = self._ready.get(key)
        if found is None:
            found = PreparedStatement(statement, names, self.dialect)
            with self._changing:
                while len(self._ready) >= MAX_PREPARED:
                    del self._ready[next(iter(self._ready))]
                self._ready[key] = found
        return found


def shaped(tx: Connection, statement: Select[Any]) -> Result[Any]:
    """Execute a statement whose shape a caller chose: filters, order, page."""
    statements: Statements = tx.get_execution_options()[STATEMENTS]
    return tx.execute(statement, execution_options={"compiled_cache": statements.shaped})


def one(tx: Connection, statement: Statement, parameters: Mapping[str, Any]) -> Columns | None:
    """The first row."""
    ready = _ready(tx, statement, parameters)
    cursor = _execute(tx, ready, parameters)
    found = cursor.fetchone()
    return None if found is None else ready.row(found, cursor.description)


def every(tx: Connection, statement: Statement, parameters: Mapping[str, Any]) -> list[Columns]:
    ready = _ready(tx, statement, parameters)
    cursor = _execute(tx, ready, parameters)
    return [ready.row(found, cursor.description) for found in cursor.fetchall()]


def run(tx: Connection, statement: Statement, parameters: Mapping[str, Any]) -> int:
    """The number of changed rows."""
    return int(_execute(tx, _ready(tx, statement, parameters), parameters).rowcount)


def run_many(tx: Connection, statement: Statement, each: Sequence[Mapping[str, Any]]) -> None:
    """Execute for each of the parameters; all have the same names, and there is at least one."""
    ready = _ready(tx, statement, each[0])
    values = [ready.parameters(parameters) for parameters in each]
    with translating(tx):
        if (batch := _batch(tx)) is None:
            tx.connection.cursor().executemany(ready.text, values)
        else:
            for one_of_them in values:
                batch.later(ready.text, one_of_them)


def later(tx: Connection, statement: Statement, parameters: Mapping[str, Any]) -> None:
    """As `run`, at the latest before the next statement or the commit, whose error it may be."""
    run_many(tx, statement, [parameters])


def text_later(tx: Connection, text: str) -> None:
    """The same with a text without parameters."""
    if (batch := _batch(tx)) is None:
        tx.exec_driver_sql(text)
    else:
        batch.later(text)


def flush(tx: Connection) -> None:
    """Execute what was left for later, to know whether it can be."""
    if (batch := _batch(tx)) is not None:
        with translating(tx):
            batch.flush()


def _ready(
    tx: Connection, statement: Statement, parameters: Mapping[str, Any]
) -> PreparedStatement:
    statements: Statements = tx.get_execution_options()[STATEMENTS]
    return statements.ready(statement, frozenset(parameters))


def _execute(tx: Connection, ready: PreparedStatement, parameters: Mapping[str, Any]) -> Any:
    """A cursor of the driver's."""
    values, batch = ready.parameters(parameters), _batch(tx)
    with translating(tx):
        if batch is not None:
            return batch.execute(ready.text, values)
        cursor = tx.connection.cursor()
        cursor.execute(ready.text, values)
        return cursor


def _batch(tx: Connection) -> Batch | None:
    found: Batch | None = tx.info.get(BATCH)
    return found


class translating:  # noqa: N801 - as contextlib's own; a generator costs more than a statement
    """Raises SQLAlchemy's exceptions in place of the driver's."""

    def __init__(self, tx: Connection) -> None:
        self._tx = tx

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        dialect = self._tx.dialect
        foreign = dialect.loaded_dbapi.Error
        if isinstance(error, foreign):
            raise exc.DBAPIError.instance(None, None, error, foreign, dialect=dialect) from error


def _into(kind: TypeEngine[Any], dialect: Dialect) -> Convert | None:
    return kind.dialect_impl(dialect).bind_processor(dialect)
