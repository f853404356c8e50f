"""Statements over one connection to PostgreSQL: several at once, prepared, in one round trip.

Rules this module keeps:
- It uses the driver's own parts: libpq's pipeline mode, the driver's conversion of values. The
  driver's cursors send statement by statement and look for an answer after each, which costs a
  process more than the statements do.
- Statements are prepared at their first execution, under names that are never used again, up to
  `PREPARED` of them.
- The first error is raised, as the driver's exception, when all answers have been read: the
  connection is then ready for a ROLLBACK.
"""

from __future__ import annotations

import re
import select
from collections.abc import Mapping, Sequence
from functools import lru_cache
from itertools import count
from typing import Any, Final, NamedTuple

import psycopg
from psycopg import abc
from psycopg.adapt import PyFormat, Transformer
from psycopg.errors import InvalidSqlStatementName, error_from_result
from psycopg.pq import ConnStatus, ExecStatus, Format, TransactionStatus
from psycopg.pq.abc import PGresult

Values = dict[str, Any] | None
Statement = tuple[str, Values]

PREPARED: Final = 300  # statements that the server keeps for a connection

_PARAMETER: Final = re.compile(r"%(?:\((\w+)\)s|(%))")
_EITHER: Final = select.POLLIN | select.POLLOUT


class Numbered(NamedTuple):
    """A statement as the server takes it, and the names of its values in their order."""

    text: bytes
    names: tuple[str, ...]


@lru_cache(maxsize=1024)
def numbered(text: str) -> Numbered:
    """``%(name)s`` as ``$1``."""
    names: dict[str, int] = {}

    def number(found: re.Match[str]) -> str:
        if found[2]:
            return "%"
        return f"${names.setdefault(found[1], len(names) + 1)}"

    return Numbered(_PARAMETER.sub(number, text).encode(), tuple(names))


class Answer:
    """The result of a statement, as far as a cursor is asked for it."""

    def __init__(self, result: PGresult, convert: abc.Transformer) -> None:
        self._result = result
        self._convert = convert

    @property
    def rowcount(self) -> int:
        return self._result.command_tuples or 0

    @property
    def description(self) -> list[tuple[str, int]]:
        """Name and type of each column."""
        result = self._result
        return [((result.fname(n) or b"").decode(), result.ftype(n)) for n in range(result.nfields)]

    def fetchone(self) -> tuple[Any, ...] | None:
        """The first row."""
        self._convert.set_pgresult(self._result)
        return self._convert.load_row(0, tuple) if self._result.ntuples else None

    def fetchall(self) -> list[tuple[Any, ...]]:
        self._convert.set_pgresult(self._result)
        return self._convert.load_rows(0, self._result.ntuples, tuple)


class _Said(NamedTuple):
    """A statement ready to be sent. `prepares`: its name is a new one."""

    text: bytes
    name: bytes
    prepares: bool
    values: Sequence[Any] | None
    types: tuple[int, ...]
    formats: Sequence[Format] | None


class Wire:
    """One connection; used by one thread at a time."""

    def __init__(self, driver: psycopg.Connection[Any]) -> None:
        self._driver = driver
        self._pg = driver.pgconn
        self._convert = Transformer(driver)
        self._names: dict[tuple[bytes, tuple[int, ...]], bytes] = {}
        self._numbers = count(1)
        self._poll = select.poll()
        self._poll.register(driver.fileno(), select.POLLIN)

    @property
    def status(self) -> TransactionStatus:
        return TransactionStatus(self._pg.transaction_status)

    def execute(self, statements: Sequence[Statement]) -> Answer:
        """Execute them in their order; the answer to the last. Raises: psycopg.Error."""
        known = len(self._names)
        try:
            said = [self._ready(text, values or {}) for text, values in statements]
            return Answer(self._exchange(said), self._convert)
        except InvalidSqlStatementName:  # somebody has said DEALLOCATE ALL; it is run again
            self._names.clear()
            raise
        except BaseException:
            for new in list(self._names)[known:]:  # nobody knows whether the server has them
                del self._names[new]
            raise

    def roll_back(self) -> None:
        """End what was not committed. The driver's own would forget what is prepared."""
        if self.status is not TransactionStatus.IDLE:
            self.execute([("ROLLBACK", None)])

    def _ready(self, text: str, values: Mapping[str, Any]) -> _Said:
        sent, names = numbered(text)
        if not names:
            return _Said(sent, b"", False, None, (), None)
        convert = self._convert
        given = convert.dump_sequence([values[name] for name in names], _AUTO[: len(names)])
        types, formats = convert.types or (), convert.formats
        name, new = self._names.get((sent, types)), False
        if name is None and len(self._names) < PREPARED:
            name, new = b"lb%d" % next(self._numbers), True
            self._names[sent, types] = name
        return _Said(sent, name or b"", new, given, types, formats)

    def _exchange(self, said: Sequence[_Said]) -> PGresult:
        """The result of the last."""
        try:
            self._pg.enter_pipeline_mode()
            answers = sum(self._send(each) for each in said)
            self._pg.pipeline_sync()
            self._flush()
            results = [self._result() for _ in range(answers + 1)]
            self._pg.exit_pipeline_mode()
        except BaseException:
            self._driver.close()  # an answer that is not read would be taken for another's
            raise
        for result in results:
            if result.status == ExecStatus.FATAL_ERROR:
                raise error_from_result(result)
        return results[-2]

    def _send(self, said: _Said) -> int:
        """Returns how many answers it gets."""
        pg = self._pg
        if not said.name:
            pg.send_query_params(said.text, said.values, said.types or None, said.formats)
            return 1
        if said.prepares:
            pg.send_prepare(said.name, said.text, said.types)
        pg.send_query_prepared(said.name, said.values, said.formats)
        return 1 + said.prepares

    def _flush(self) -> None:
        """Send all of it; what the server says meanwhile is taken, or neither would go on."""
        if not self._pg.flush():
            return
        poll = select.poll()
        poll.register(self._driver.fileno(), select.POLLIN | select.POLLOUT)
        while self._pg.flush():
            for _, event in poll.poll():
                if event & select.POLLIN:
                    self._pg.consume_input()

    def _result(self) -> PGresult:
        """The next answer. Raises: psycopg.OperationalError."""
        while True:
            while self._pg.is_busy():
                self._poll.poll()
                self._pg.consume_input()
            if (result := self._pg.get_result()) is not None:  # None: one statement's end
                return result
            if self._pg.status == ConnStatus.BAD:
                raise psycopg.OperationalError("the connection is lost")


_AUTO: Final = [PyFormat.AUTO] * 1000
