"""In which order listeners get what was committed, and how far they may read: the seam.

Rules this module keeps:
- An order is total and final: whoever has read up to a cursor finds nothing new before it, ever.
- A cursor is a whole number that means nothing by itself. Those of earlier releases are smaller
  than all that are given since, and mean what they meant.
- A database with one writer at a time numbers what it commits (`landbridge.store.serial_order`).
  One with many orders by transactions (`landbridge.store.snapshot_order`). Everything above
  `store` knows neither of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, Generic, Literal, NamedTuple, Protocol, TypeVar

from sqlalchemy import ColumnElement, Connection

from landbridge.model.gateway import Change
from landbridge.store.columns import Columns

ORDER: Final = "landbridge_order"

T = TypeVar("T")
Kind = Literal["router", "tunnel"]

#: What an event shows of its object, by attribute.
Content = dict[str, Any]


class TooOld(Exception):
    """The cursor is older than what is kept, or of another database."""


class HistoryMoved(Exception):
    """The database continues on another server, whose transactions are numbered anew."""


class Item(NamedTuple):
    """An object and its newest revision."""

    object_id: str
    router_id: str
    revision: int
    deleted: bool = False


class Event(NamedTuple):
    """One event of one object. `number` is 0 before it is written."""

    number: int
    at: str
    kind: str
    resource: str
    resource_id: str
    project_id: str
    content: Content


class Window(NamedTuple):
    """The events that are kept: after `oldest`, up to `newest`. `committed`: the newest of all,
    which another process may have read already."""

    oldest: int
    newest: int
    committed: int

    def has(self, number: int) -> bool:
        """Whether a reader that came to `number` can go on from there."""
        return self.oldest <= number <= self.committed


class News(NamedTuple, Generic[T]):
    """What there is after a cursor, in order. `held`: there is more, which is committed and not
    final yet: a transaction that began before it still runs."""

    found: list[T]
    held: bool = False


class HeldBack(NamedTuple):
    """Why what is committed is not final for so many seconds: `by` a transaction that still
    runs."""

    seconds: float
    by: str


class Order(Protocol):
    """The order of one database. Of a row of `events`: `event_number` is its cursor, `readable`
    whether listeners may have it, `event_keys` what orders it."""

    @property
    def event_number(self) -> ColumnElement[int]: ...
    @property
    def event_keys(self) -> Sequence[ColumnElement[int]]: ...
    @property
    def readable(self) -> ColumnElement[bool]: ...
    def before(self, number: int) -> ColumnElement[bool]:
        """Whether a row of `events` comes before that cursor."""

    def add_events(self, tx: Connection, rows: Sequence[Columns]) -> None: ...
    def window(self, tx: Connection) -> Window: ...
    def events(
        self, tx: Connection, after: int, project_id: str | None, most: int
    ) -> News[Event]: ...
    def trim(self, tx: Connection, events: int, deletions: int) -> None:
        """Forget all but the newest events, and deletions of each gateway's objects."""

    def record(
        self, tx: Connection, gateway_id: str, kind: Kind, items: Sequence[Item], kept: int
    ) -> None: ...
    def position(self, tx: Connection, gateway_id: str) -> int: ...
    def positions(self, tx: Connection) -> dict[str, int]: ...
    def changes(self, tx: Connection, gateway_id: str, after: int, most: int) -> News[Change]: ...

    def renew(self, tx: Connection) -> None:
        """At the start of a process: go on where the order ended, wherever the database is now."""

    def look(self, tx: Connection) -> HeldBack | None:
        """Periodically: what holds events back for long, if anything does. Raises: HistoryMoved."""

    def pass_by(self, tx: Connection) -> None:
        """Let readers go on in spite of it, as far as they may."""


def order_of(tx: Connection) -> Order:
    """The order of the transaction's database."""
    found: Order = tx.get_execution_options()[ORDER]
    return found


def held_back(tx: Connection) -> HeldBack | None:
    """Raises: HistoryMoved."""
    return order_of(tx).look(tx)


def pass_by(tx: Connection) -> None:
    order_of(tx).pass_by(tx)
