"""Access to the database: runs a function in one transaction on a database thread.

Rules this module keeps:
- ``await db.write(fn, *args)`` returns after the COMMIT: what was answered is kept.
- `fn` gets the transaction, then `args`. It may run more than once (a lost race), so its only
  effects are those on its transaction.
- The URL decides which database it is, here only.
- The driver's exceptions are translated here: callers see `landbridge.errors`. A value that a
  database refuses should have been refused with its attribute's name before; otherwise it is 400
  here.
- The time of a statement is limited (`landbridge.store.timelimit`): 503.
- A database that this process cannot use any more is reported once (`until_broken`); the process
  must then end, and its supervisor starts it again.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable
from concurrent.futures import Future
from time import perf_counter
from typing import Any, Protocol, TypeVar, TypeVarTuple, cast

import structlog
from sqlalchemy import URL, Connection, Engine, exc, make_url

from landbridge import errors, telemetry
from landbridge.store import events
from landbridge.store.databasefile import DatabaseMoved, WriterEnded, damage
from landbridge.store.hub import Hub
from landbridge.store.loop_bridge import LoopBridge
from landbridge.store.retries import InDoubt
from landbridge.store.secrets import Sealer
from landbridge.store.statements import flush
from landbridge.store.timelimit import STATEMENT_SECONDS, Limits, took_too_long
from landbridge.store.transaction import SEALER, SUSPECTS, Settle, set_origin

T = TypeVar("T")
Ts = TypeVarTuple("Ts")


Announce = Callable[[frozenset[str]], None]
Measure = Callable[[str, float], None]  # "read" or "write", seconds with all waiting


log = structlog.get_logger(__name__)


class DatabaseUrlError(ValueError):
    """landbridge cannot open this URL; the message says which it can."""


class Backend(Protocol):
    """`broken` is done when nothing can be written any more; its exception says why."""

    engine: Engine

    @property
    def broken(self) -> Future[None]: ...

    def write(self, work: Callable[[Connection], Any]) -> Future[Any]: ...
    def read(self, work: Callable[[Connection], Any], *, single: bool = False) -> Future[Any]: ...
    async def follow(self, hub: Hub) -> None: ...
    def close(self) -> None: ...


THREADS = {"sqlite": 4, "postgresql": 16}
DRIVERS = {"sqlite": "sqlite+pysqlite", "postgresql": "postgresql+psycopg"}


def _sqlite(
    url: URL, options: dict[str, Any], announce: Announce, settle: Settle, limits: Limits
) -> Backend:
    from landbridge.store.sqlite import SqliteBackend

    return SqliteBackend(url, options, announce, settle, limits)


def _postgresql(
    url: URL, options: dict[str, Any], announce: Announce, settle: Settle, limits: Limits
) -> Backend:
    from landbridge.store.postgresql import PostgresqlBackend  # psycopg: half a second

    return PostgresqlBackend(url, options, announce, settle, limits)


_BACKENDS = {"sqlite": _sqlite, "postgresql": _postgresql}


class Database:
    def __init__(
        self,
        backend: Backend,
        hub: Hub,
        suspects: set[str] | None = None,
        sealer: Sealer | None = None,
    ) -> None:
        self._backend = backend
        self.sealer = sealer
        self._suspects = set() if suspects is None else suspects
        self.hub = hub
        self.measure: Measure = _unmeasured
        self._bridge: LoopBridge | None = None

    @classmethod
    def open(
        cls,
        url: str,
        *,
        sealer: Sealer | None = None,
        threads: int | None = None,
        seconds: float = STATEMENT_SECONDS,
    ) -> Database:
        """Open ``sqlite:///PATH`` or ``postgresql://...``, whose schema is up to date. `seconds`:
        how long a read on SQLite, or a statement on PostgreSQL, may take. `threads`: how many reads
        on SQLite, or transactions on PostgreSQL, there are at a time.

        Raises: DatabaseUrlError.
        """
        hub = Hub()
        suspects: set[str] = set()
        options = {SEALER: sealer, SUSPECTS: suspects}
        name = dialect(url)
        target = make_url(url).set(drivername=DRIVERS[name])
        backend = _BACKENDS[name](
            target, options, hub.announce, events.flush, Limits(threads or THREADS[name], seconds)
        )
        return cls(backend, hub, suspects, sealer)

    async def write(self, fn: Callable[[Connection, *Ts], T], *args: *Ts) -> T:
        """Run `fn` in a transaction of its own and commit it.

        Raises: what `fn` raises; Conflict, ServiceUnavailable.
        """
        work = self._writing(fn, args)
        return cast(T, await self._outcome("write", self._backend.write(work)))

    async def dry_run(self, fn: Callable[[Connection, *Ts], T], *args: *Ts) -> T:
        """What `write` would return or raise; the transaction is rolled back and wakes nobody."""

        def undone(tx: Connection) -> T:
            outcome = fn(tx, *args)
            flush(tx)  # what the database refuses is refused here as well
            raise _DryRunDone(outcome)

        try:
            return await self.write(undone)
        except _DryRunDone as done:
            return cast(T, done.outcome)

    async def read(self, fn: Callable[[Connection, *Ts], T], *args: *Ts) -> T:
        """Run `fn` on one consistent snapshot; it writes nothing."""
        return cast(T, await self._outcome("read", self._backend.read(lambda tx: fn(tx, *args))))

    async def read_one(self, fn: Callable[[Connection, *Ts], T], *args: *Ts) -> T:
        """As `read`, of exactly one statement: it costs a server that, and nothing around it."""
        work = self._backend.read(lambda tx: fn(tx, *args), single=True)
        return cast(T, await self._outcome("read", work))

    def write_sync(self, fn: Callable[[Connection, *Ts], T], *args: *Ts) -> T:
        """For programs without an event loop: the command line, tests."""
        with _Translated():
            return cast(T, self._backend.write(self._writing(fn, args)).result())

    def read_sync(self, fn: Callable[[Connection, *Ts], T], *args: *Ts) -> T:
        with _Translated():
            return cast(T, self._backend.read(lambda tx: fn(tx, *args)).result())

    async def follow(self) -> None:
        """Receive the wake-ups of other processes' commits; a task that runs until it is
        cancelled."""
        await self._backend.follow(self.hub)

    def take_suspects(self) -> frozenset[str]:
        """Rows whose secret could not be read since the last call."""
        taken = frozenset(self._suspects.copy())
        self._suspects -= taken
        return taken

    async def until_broken(self) -> None:
        """Raises: what has ended the writing of this process, once it has."""
        await asyncio.wrap_future(self._backend.broken)

    def close(self) -> None:
        """Wait for running transactions, then close all connections."""
        self._backend.close()

    @staticmethod
    def _writing(fn: Callable[..., T], args: tuple[Any, ...]) -> Callable[[Connection], T]:
        """`fn` with the request's id set, as every transaction that writes has it."""
        request_id = telemetry.current_request()

        def work(tx: Connection) -> T:
            set_origin(tx, request_id)
            return fn(tx, *args)

        return work

    async def _outcome(self, kind: str, future: Future[Any]) -> Any:
        began = perf_counter()
        with _Translated():
            try:
                return await self._bridge_here().expect(future)
            finally:
                self.measure(kind, perf_counter() - began)

    def _bridge_here(self) -> LoopBridge:
        """The bridge to the running event loop, of which a process has one."""
        loop = asyncio.get_running_loop()
        if self._bridge is None or self._bridge.loop is not loop:
            self._bridge = LoopBridge(loop)
        return self._bridge


def _unmeasured(kind: str, seconds: float) -> None:
    """The default of `measure`: does nothing."""


class _DryRunDone(Exception):
    """Ends a dry run's transaction and carries its outcome."""

    def __init__(self, outcome: object) -> None:
        super().__init__()
        self.outcome = outcome


_AWAY = "The database is not available."
_READ_ONLY = "25006"  # of PostgreSQL: a standby, or an administrator's word
_NO_CHANGES = "The database takes no changes at the moment."
_TOO_LONG = (
    "The database took longer for this than it may ([database] statement_seconds). Ask for less at "
    "once, or try again later."
)
_IN_DOUBT = (
    "The connection to the database was lost while the change was being kept. Look whether it is "
    "there before you send it again."
)


class _Translated:
    """Translates the driver's exceptions into `landbridge.errors`."""

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        match error:
            case exc.IntegrityError():
                raise errors.Conflict(
                    "The change collides with another one that was made meanwhile. Try again."
                ) from error
            case exc.DataError() | OverflowError() if _is_drivers(error):
                log.warning("value refused by the database", kind=type(error).__name__)
                raise errors.BadRequest(
                    "A value is larger, or longer, than the database can keep."
                ) from error
            case exc.DBAPIError() | sqlite3.Error() if took_too_long(error):
                raise errors.ServiceUnavailable(_TOO_LONG) from error
            case InDoubt():
                raise errors.ServiceUnavailable(_IN_DOUBT) from error
            case DatabaseMoved() | WriterEnded():
                raise errors.ServiceUnavailable(str(error)) from error
            case exc.DBAPIError() | sqlite3.Error() if damaged := damage(error):
                log.error("database damaged", reason=damaged)
                raise errors.ServiceUnavailable(f"The database is damaged: {damaged}") from error
            case exc.InternalError() if getattr(error.orig, "sqlstate", None) == _READ_ONLY:
                raise errors.ServiceUnavailable(_NO_CHANGES) from error
            case (
                exc.OperationalError()
                | exc.InterfaceError()
                | exc.TimeoutError()
                | sqlite3.OperationalError()
            ):
                raise errors.ServiceUnavailable(_AWAY) from error


def _is_drivers(error: BaseException | None) -> bool:
    """SQLite's driver has no class of its own for a number that is too large."""
    return isinstance(error, exc.DataError) or "SQLite" in str(error)


def dialect(url: str) -> str:
    """``sqlite`` or ``postgresql``. Raises: DatabaseUrlError."""
    try:
        name = make_url(url).get_backend_name()
    except exc.ArgumentError as error:
        raise DatabaseUrlError(f"{url!r} is no database URL") from error
    if name not in _BACKENDS:
        raise DatabaseUrlError(
            f"no database of kind {name!r}: use sqlite:///PATH or postgresql://USER@HOST/NAME"
        )
    return name
