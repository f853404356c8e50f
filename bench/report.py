"""Numbers as tables."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rich.console import Console
from rich.table import Table

from bench.load import Result


@dataclass(frozen=True)
class Row:
    """One measurement. `busy`: the server's processor time meanwhile, in seconds."""

    what: str
    clients: int
    result: Result
    busy: float


def requests(console: Console, title: str, rows: Sequence[Row], floor: Result) -> None:
    """Requests a second; PUTs also as parts of the floor."""
    table = Table(title=title, title_justify="left")
    table.add_column("request")
    for column in ("clients", "per second", "p50 ms", "p99 ms", "of the floor"):
        table.add_column(column, justify="right")
    table.add_column("server ms each", justify="right")
    table.add_column("generator ms each", justify="right")
    last = ""
    for row in rows:
        if row.what != last:
            table.add_section()
        table.add_row(
            row.what if row.what != last else "",
            str(row.clients),
            *_speed(row.result),
            f"{row.result.rate / floor.rate:.2f}" if row.what.startswith("PUT") else "",
            milliseconds(row.busy / row.result.answers),
            milliseconds(row.result.cost / row.result.answers),
        )
        last = row.what
    table.add_section()
    own = milliseconds(floor.cost / floor.answers)
    table.add_row("floor: sqlite3 alone, one row", "", *_speed(floor), "1.00", own, "")
    console.print(table)


def facts(console: Console, title: str, rows: Sequence[tuple[str, str]]) -> None:
    table = Table(title=title, title_justify="left", show_header=False)
    table.add_column()
    table.add_column(justify="right")
    for name, value in rows:
        table.add_row(name, value)
    console.print(table)


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
