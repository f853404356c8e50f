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
    "floor per second",
    "of the floor",
    "server ms each",
    "generator ms each",
)


@dataclass(frozen=True)
class Row:
    """One measurement. `busy`: the server's processor time meanwhile, in seconds; `floor`:
    updates a second through the database driver alone, just before and after."""

    what: str
    clients: int
    result: Result
    busy: float
    floor: float | None


def requests(console: Console, title: str, rows: Sequence[Row]) -> None:
    """Requests a second; PUTs also as parts of the floor."""
    numbers = [(row.what, str(row.clients), *_numbers(row)) for row in rows]
    table(console, title, REQUESTS, numbers)


def facts(console: Console, title: str, rows: Sequence[tuple[str, str]]) -> None:
    table(console, title, ("", ""), rows)


def table(
    console: Console, title: str, columns: Sequence[str], rows: Sequence[Sequence[str]]
) -> None:
    """The first column is of words, the others of numbers."""
    shown = Table(title=title, title_justify="left", show_header=any(columns))
    for number, column in enumerate(columns):
        shown.add_column(column, justify="right" if number else "left", no_wrap=not number)
    for row in rows:
        shown.add_row(*row)
    console.print(shown)


def markdown(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [columns, ("---", *("---:" for _ in columns[1:])), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def milliseconds(seconds: float) -> str:
    return f"{seconds * 1000:.2f}"


def megabytes(size: int) -> str:
    return f"{size / 1e6:.0f} MB"


def _numbers(row: Row) -> tuple[str, ...]:
    result = row.result
    return (
        f"{result.rate:,.0f}",
        milliseconds(result.percentile(50)),
        milliseconds(result.percentile(99)),
        f"{row.floor:,.0f}" if row.floor else "",
        f"{result.rate / row.floor:.2f}" if row.floor else "",
        milliseconds(row.busy / result.answers),
        milliseconds(result.cost / result.answers),
    )
