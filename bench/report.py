"""Numbers as tables."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rich.console import Console
from rich.table import Table

from bench.load import Result

REQUESTS = (
    "request",
    "clients",
    "per second",
    "p50 ms",
    "p99 ms",
    "of the floor",
    "server ms each",
    "generator ms each",
)


@dataclass(frozen=True)
class Row:
    """One measurement. `busy`: the server's processor time meanwhile, in seconds."""

    what: str
    clients: int
    result: Result
    busy: float


def requests(console: Console, title: str, rows: Sequence[Row], floor: Result) -> None:
    """Requests a second; PUTs also as parts of the floor."""
    own = milliseconds(floor.cost / floor.answers)
    table(
        console,
        title,
        REQUESTS,
        [
            ("floor: sqlite3 alone, one row", "1", *_speed(floor), "1.00", own, ""),
            *((row.what, str(row.clients), *_numbers(row, floor)) for row in rows),
        ],
    )


def facts(console: Console, title: str, rows: Sequence[tuple[str, str]]) -> None:
    table(console, title, ("", ""), rows)


def table(
    console: Console, title: str, columns: Sequence[str], rows: Sequence[Sequence[str]]
) -> None:
    """The first column is of words, the others of numbers."""
    shown = Table(title=title, title_justify="left", show_header=any(columns))
    for number, column in enumerate(columns):
        shown.add_column(column, justify="right" if number else "left")
    for row in rows:
        shown.add_row(*row)
    console.print(shown)


def milliseconds(seconds: float) -> str:
    return f"{seconds * 1000:.2f}"


def megabytes(size: int) -> str:
    return f"{size / 1e6:.0f} MB"


def _speed(result: Result) -> tuple[str, str, str]:
    return (
        f"{result.rate:,.0f}",
        milliseconds(result.percentile(50)),
        milliseconds(result.percentile(99)),
    )


def _numbers(row: Row, floor: Result) -> tuple[str, ...]:
    return (
        *_speed(row.result),
        f"{row.result.rate / floor.rate:.2f}" if row.what.startswith("PUT") else "",
        milliseconds(row.busy / row.result.answers),
        milliseconds(row.result.cost / row.result.answers),
    )
