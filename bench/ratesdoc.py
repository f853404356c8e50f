"""What updates cost at high rates, as tables."""

from __future__ import annotations

from rich.console import Console

from bench import report
from bench.rates import RateRow, Rates

COLUMNS = (
    "update",
    "IKE",
    "promised",
    "packets/s",
    "nothing changes: lost",
    "reordered",
    "lost",
    "reordered",
    "outside the window",
    "sibling",
)


def show(console: Console, rates: Rates) -> None:
    """On the screen."""
    report.table(console, title(rates), COLUMNS, [cells(row) for row in rates.rows])


def title(rates: Rates) -> str:
    return f"At high rates (clean up to {rates.most:,.0f} packets/s asked for, each way)"


def cells(row: RateRow) -> tuple[str, ...]:
    quiet, counts = row.quiet, row.agreed.counts
    return (
        row.name,
        str(row.version),
        row.promised,
        f"{quiet.rate:,.0f}",
        str(quiet.lost),
        str(quiet.reordered),
        str(counts.lost),
        str(counts.reordered),
        str(counts.outside),
        str(counts.sibling),
    )
