"""``python -m bench [--only api|updates] [--seconds N] [--connections N] [--rounds N]``."""

from __future__ import annotations

import signal

import click
from rich.console import Console

from bench import api, updates


@click.command()
@click.option("--only", type=click.Choice(["api", "updates"]), help="One part of them.")
@click.option("--seconds", default=3.0, help="For each measurement of the API.")
@click.option("--rounds", default=20, help="Of each update on the live tunnel.")
@click.option("--connections", default=10_000, help="Up to how many.")
def main(only: str | None, seconds: float, rounds: int, connections: int) -> None:
    """Measure landbridge on this machine and print tables."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # takes away what was started
    console = Console(width=120)
    if only in (None, "api"):
        api.measure(console, api.Scope(connections=connections, seconds=seconds))
    if only in (None, "updates"):
        updates.measure(console, rounds)


if __name__ == "__main__":
    main()
