"""What attacks cost others as a section of ``docs/performance.md``; the rest of it stays."""

from __future__ import annotations

import os
import platform
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from bench import report, section
from bench.attackers import NICENESS
from bench.attacks import COLUMNS, POPULATION, Row, cells

TITLE: Final = "## A plain GET beside attacks"
_HEAD: Final = """\
{title}

Written by `python -m bench attacks --seconds {seconds:g} --docs docs/performance.md`. One client \
GETs one of {population} connections after the other, over one connection, for {seconds:g} s. \
Before each attack it does the same without it, and the ratios are to that. The attacker is a \
process of its own (niceness {niceness}) with an address of its own, and goes on as fast as it is \
answered, with 4 connections where no number is told. What became of it is told last. The limits \
are the defaults, but for the last two rows, where 2,000 listeners are let in: there, and in the \
row before, an endpoint group is changed all the time, of which every listener hears.

The run: {machine}, load before it {load}. Undisturbed: p50 {p50} ms, p99 {p99} ms (the median of \
all).
"""


def conditions() -> tuple[str, str]:
    """The machine, and its load."""
    mine, all_of_them = len(os.sched_getaffinity(0)), os.cpu_count() or 1
    cores = f"{all_of_them} cores" if mine == all_of_them else f"{mine} of {all_of_them} cores"
    load = " ".join(f"{each:.2f}" for each in os.getloadavg())
    return f"{cores} for all processes together, Linux {platform.release()}", load


def write(path: Path, rows: Sequence[Row], machine: tuple[str, str], seconds: float) -> None:
    """In place of the section that was there, or at the end."""
    text = f"{_head(rows, machine, seconds)}\n{report.markdown(COLUMNS, cells(rows))}\n"
    section.write(path, TITLE, text)


def _head(rows: Sequence[Row], machine: tuple[str, str], seconds: float) -> str:
    return _HEAD.format(
        title=TITLE,
        niceness=NICENESS,
        seconds=seconds,
        population=POPULATION,
        machine=machine[0],
        load=machine[1],
        p50=_middle(rows, 50),
        p99=_middle(rows, 99),
    )


def _middle(rows: Sequence[Row], percent: float) -> str:
    return report.milliseconds(sorted(row.base.percentile(percent) for row in rows)[len(rows) // 2])
