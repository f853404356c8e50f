"""``python -m bench [PART ...] [--seconds N] [--connections N] [--rounds N] ...``."""

from __future__ import annotations

from pathlib import Path

import click
from rich.console import Console

from bench import api, events, groups, groupsdoc, listeners, matrix, matrixdoc, updates

PARTS = ("api", "listeners", "events", "updates", "ikev1")


@click.command()
@click.argument("parts", nargs=-1, type=click.Choice(PARTS))
@click.option("--seconds", default=3.0, help="For each measurement of the API.")
@click.option("--rounds", default=20, help="Of each update whose time is measured.")
@click.option("--connections", default=10_000, help="Up to how many.")
@click.option(
    "--round-trip", "trips", multiple=True, default=(0.0,), help="Seconds to the peer, added."
)
@click.option("--case", "of", default="*", help="Of the update matrix: only these (a pattern).")
@click.option("--docs", type=click.Path(path_type=Path), help="Write the update matrix there.")
@click.option("--changes", default=10, help="With each group, of what IKEv1 loses by group.")
@click.option(
    "--ikev1-docs", type=click.Path(path_type=Path), help="Write what IKEv1 loses by group there."
)
def main(
    *,
    parts: tuple[str, ...],
    seconds: float,
    rounds: int,
    connections: int,
    trips: tuple[float, ...],
    of: str,
    docs: Path | None,
    changes: int,
    ikev1_docs: Path | None,
) -> None:
    """Measure landbridge on this machine and print tables. By default all PARTS."""
    console = Console(width=160)
    if "api" in (parts or PARTS):
        api.measure(console, api.Scope(connections=connections, seconds=seconds))
    if "listeners" in (parts or PARTS):
        listeners.measure(console)
    if "events" in (parts or PARTS):
        events.measure(console)
    if "updates" in (parts or PARTS):
        machine, load = matrixdoc.conditions()
        if of == "*":
            updates.measure(console, rounds)
        matrices = [_matrix(console, trip, of) for trip in trips]
        if docs is not None:
            matrixdoc.write(docs, matrices, machine, load)
    if "ikev1" in (parts or PARTS):
        _by_group(console, changes, ikev1_docs)


def _matrix(console: Console, round_trip: float, of: str) -> matrix.Matrix:
    def told(row: matrix.Row) -> None:
        console.print(f"IKEv{row.version} {row.case.name}: lost {row.agreed.lost}", style="dim")

    measured = matrix.measure(round_trip, told, of=of)
    matrixdoc.show(console, measured)
    return measured


def _by_group(console: Console, changes: int, docs: Path | None) -> None:
    def told(series: groups.Series) -> None:
        lost = f"ours {series.ours}, the peer's {series.peers}, sibling {series.siblings}"
        console.print(f"IKEv{series.version} {series.group}: {lost}", style="dim")

    conditions = matrixdoc.conditions()
    measured = groups.measure(changes, told)
    groupsdoc.show(console, measured)
    if docs is not None:
        groupsdoc.write(docs, measured, *conditions)


if __name__ == "__main__":
    main()
