"""Throughput as a table: on the screen, and as ``docs/throughput.md``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from bench import report
from bench.saved import Conditions
from bench.throughput import BY_HAND, LANDBRIDGE, LIBIPSEC, Row

COLUMNS = (
    "load",
    "direction",
    "unit",
    LANDBRIDGE,
    BY_HAND,
    "ratio",
    "ratios of the rounds",
    LIBIPSEC,
    "to the kernel's",
)


_HEAD = """\
# How much goes through a tunnel

Written by `python -m bench throughput --docs docs/throughput.md`: iperf3 between two sites, \
through one tunnel (IKEv2, aes-256, sha256), {seconds} s each, {rounds} rounds in which all take \
turns. UDP is sent as fast as it goes, and what arrives is counted.

- **landbridge**: the kernel encrypts; the router has what the agent gives it: nft rules, routing \
rules and routes, an MTU of 1,400 bytes in the tunnel.
- **by hand**: the same hosts and wires, the same cipher; states and policies by `ip xfrm`, \
nothing else.
- **ratio**: of landbridge to by hand, the median of the rounds.
- **kernel-libipsec**: landbridge on a kernel without ESP: charon itself encrypts, at both ends.

One machine does everything: it sends, encrypts, decrypts and receives.

The run: strongSwan {strongswan}, {machine}, load before it {load}.
"""


def write(path: Path, rows: Sequence[Row], conditions: Conditions, seconds: int) -> None:
    rounds = max(len(values) for row in rows for values in row.values.values())
    head = _HEAD.format(
        rounds=rounds,
        seconds=seconds,
        strongswan=conditions.strongswan,
        machine=conditions.machine,
        load=conditions.load,
    )
    path.write_text(f"{head}\n{report.markdown(COLUMNS, cells(rows))}\n")


def show(console: Console, rows: Sequence[Row]) -> None:
    report.table(console, "Through one tunnel, median of the rounds", COLUMNS, cells(rows))


def cells(rows: Sequence[Row]) -> list[tuple[str, ...]]:
    return [
        (
            row.load,
            "to our site" if row.backward else "to the peer's site",
            row.unit,
            _number(row.middle(LANDBRIDGE)),
            _number(row.middle(BY_HAND)),
            _ratio(row.ratio(LANDBRIDGE, BY_HAND)),
            _spread(row),
            _number(row.middle(LIBIPSEC)),
            _ratio(row.ratio(LIBIPSEC, LANDBRIDGE)),
        )
        for row in rows
    ]


def _spread(row: Row) -> str:
    if LANDBRIDGE not in row.values or BY_HAND not in row.values:
        return ""
    pairs = zip(row.values[LANDBRIDGE], row.values[BY_HAND], strict=True)
    return " ".join(f"{ours / theirs:.2f}" for ours, theirs in pairs)


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:,.0f}" if value >= 100 else f"{value:.1f}"


def _ratio(value: float | None) -> str:
    return "" if value is None else f"{value:.2f}"
